package resp

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"redoubt/fsm"
)

// echoBackend answers every command at once, so that only the front end is measured.
type echoBackend struct{ fakeReplica }

func (*echoBackend) Execute(b *Batch) int {
	for _, op := range b.Ops {
		if op.Command == nil {
			b.Reply.Raw(op.Literal)
		} else if op.Command.Writes() {
			b.Reply.Simple("OK")
		} else {
			b.Reply.Bulk(op.Args[1])
		}
	}
	return len(b.Ops)
}

// loopConn is a connection that sends the same pipeline a number of times.
type loopConn struct {
	net.Conn // nil: what is not below is not called
	data     string
	times    int
}

func (c *loopConn) Read(p []byte) (int, error) {
	if c.times == 0 {
		return 0, io.EOF
	}
	c.times--
	return copy(p, c.data), nil
}

func (c *loopConn) Write(p []byte) (int, error)        { return len(p), nil }
func (c *loopConn) Close() error                       { return nil }
func (c *loopConn) SetWriteDeadline(t time.Time) error { return nil }
func (c *loopConn) LocalAddr() net.Addr                { return &net.TCPAddr{} }
func (c *loopConn) RemoteAddr() net.Addr               { return &net.TCPAddr{} }

// noListener is a listener by which nobody comes.
type noListener struct{ net.Listener }

func (noListener) Addr() net.Addr { return &net.TCPAddr{} }

// newLoop returns a connection of a server of its own that reads data a number of times.
func newLoop(t testing.TB, data string, times int) (*conn, *loopConn) {
	backend := &echoBackend{}
	backend.machine = fsm.New()
	s, err := New(backend, Options{Listeners: []Listener{{Listener: noListener{}}}})
	if err != nil {
		t.Fatal(err)
	}
	loop := &loopConn{data: data, times: times}
	c := newConn(s, loop, 0)
	if err := s.clients.add(c, 1); err != nil {
		t.Fatal(err)
	}
	return c, loop
}

// TestNoAllocationPerCommand: in the steady state the front end allocates nothing for reads, writes and PING.
func TestNoAllocationPerCommand(t *testing.T) {
	c, loop := newLoop(t, encode("GET", "k")+encode("SET", "k", "v")+encode("PING")+encode("GET", "k"), 0)
	step := func() {
		loop.times = 1
		if c.read() != nil {
			t.Fatal("nothing to read")
		}
		if _, err := c.collect(); err != nil {
			t.Fatal(err)
		}
		if c.execute() != nil || c.flush() != nil {
			t.Fatal("the batch failed")
		}
		c.endBatch()
	}
	step()
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("%v allocations for a pipeline of four commands, want none", n)
	}
}

// BenchmarkConn measures the front end without sockets, per command.
func BenchmarkConn(b *testing.B) {
	for _, command := range []string{encode("GET", "key:000012345"), encode("SET", "key:000012345", strings.Repeat("v", 100)), encode("PING")} {
		for _, pipeline := range []int{1, 16, 100} {
			b.Run(fmt.Sprintf("%s/P=%d", command[8:11], pipeline), func(b *testing.B) {
				c, _ := newLoop(b, strings.Repeat(command, pipeline), b.N/pipeline+1)
				b.ReportAllocs()
				b.ResetTimer()
				c.serve()
			})
		}
	}
}
