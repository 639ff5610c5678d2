package resp

import (
	"io"
	"log/slog"
	"testing"
)

// chunkConn is a connection whose client sends data in pieces of given sizes, which repeat, and reads everything.
type chunkConn struct {
	loopConn
	data   []byte
	pieces []byte
	i      int
	out    int
}

func (c *chunkConn) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := len(c.data)
	if len(c.pieces) > 0 {
		n = 1 + int(c.pieces[c.i%len(c.pieces)])
		c.i++
	}
	n = copy(p, c.data[:min(n, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

func (c *chunkConn) Write(p []byte) (int, error) {
	c.out += len(p)
	return len(p), nil
}

// FuzzConn: whatever a client sends, in whatever pieces, the connection ends in good order, gives all
// memory back, and has not written out of proportion.
func FuzzConn(f *testing.F) {
	for _, input := range hostile {
		if len(input) > 1<<10 {
			continue
		}
		f.Add([]byte(input), []byte{})
		f.Add([]byte(input), []byte{0, 6})
	}
	f.Add([]byte("CLIENT REPLY SKIP\r\nSET a 1\r\nGET a\r\nCLIENT REPLY OFF\r\nGET a\r\nRESET\r\nGET a\r\nnosuch\r\n"), []byte{3})
	f.Add([]byte("HELLO 3 SETNAME x\r\nCLUSTER SLOTS\r\nCLUSTER SHARDS\r\nCONFIG GET *\r\nCONFIG SET timeout 5\r\nCLIENT KILL ID 1\r\n"), []byte{})
	f.Add([]byte("MSET a 1 b 2\r\nCOMMAND GETKEYS MSET a 1\r\nCOMMAND GETKEYSANDFLAGS BITFIELD a\r\nOBJECT HELP\r\nINFO all\r\n"), []byte{200})
	f.Fuzz(func(t *testing.T, data, pieces []byte) {
		replica := newFakeReplica()
		s, err := New(replica, Options{
			Listeners: []Listener{{Listener: noListener{}}}, Logger: slog.New(slog.DiscardHandler), Shutdown: func(bool) {},
		})
		if err != nil {
			t.Fatal(err)
		}
		nc := &chunkConn{data: data, pieces: pieces}
		c := newConn(s, nc, 0)
		if err := s.clients.add(c, 1); err != nil {
			t.Fatal(err)
		}
		c.serve()
		if used := s.buffers.used.Load(); used != 0 {
			t.Errorf("%d bytes are still counted after the end", used)
		}
		// COMMAND and COMMAND DOCS have the longest replies to a short command.
		if limit := 100_000 * (1 + len(data)/4); nc.out > limit {
			t.Errorf("%d bytes of replies to %d bytes", nc.out, len(data))
		}
	})
}
