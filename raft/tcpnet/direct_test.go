package tcpnet

import (
	"bufio"
	"net"
	"testing"
	"time"

	"redoubt/raft/core"
	"redoubt/raft/wire"
)

// What finds no room in the socket is written later by the writer, and first: no frame is torn, doubled or overtaken.
func TestWhatFindsNoRoomIsLeftToTheWriter(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	n, err := New(Options{Self: 1, ClusterID: "direct", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	p := newPeer(n, 2, []string{"nowhere"})
	message := func(index uint64) core.Message {
		entry := core.Entry{Index: 1, Term: 1, Kind: core.EntryCommand, Data: make([]byte, directBytes/4)}
		return core.AppendRequest{Envelope: core.Envelope{From: 1, To: 2, Term: index}, Entries: []core.Entry{entry}}
	}
	send := func(index uint64) (left bool) {
		m := message(index)
		p.enqueue(m, wire.SizeBound(m))
		return p.sendDirectly()
	}
	if send(1) {
		t.Fatal("a sender began without a connection")
	}
	p.direct.open(conn)
	sent := uint64(1)
	for !send(sent + 1) {
		if sent++; sent > 10_000 {
			t.Fatal("a socket that nobody reads takes everything")
		}
	}
	sent += 2
	if send(sent) {
		t.Fatal("a sender went on behind a message that was not written whole")
	}
	go func() {
		for busy := true; busy && err == nil; {
			busy, err = p.writeWaiting(conn)
		}
	}()
	far.SetReadDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(far)
	for want := uint64(1); want <= sent; want++ {
		body, err := wire.ReadFrame(r, nil, n.options.MaxFrameBytes)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := wire.DecodeMessage(body); err != nil || m.Head().Term != want {
			t.Fatalf("message %d came as %v, %v", want, m.Head(), err)
		}
	}
}
