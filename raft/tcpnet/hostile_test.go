package tcpnet_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"redoubt/raft/core"
	"redoubt/raft/tcpnet"
	"redoubt/raft/wire"
)

// stranger is the other end, by hand: it speaks the bytes that the package documents.
type stranger struct {
	id       core.NodeID
	listener net.Listener
}

func newStranger(t *testing.T, id core.NodeID) *stranger {
	s := &stranger{id: id, listener: listen(t)}
	t.Cleanup(func() { s.listener.Close() })
	return s
}

func (s *stranger) address() string { return s.listener.Addr().String() }

func greeting(version uint16, cluster string, sender, receiver core.NodeID, hello string) []byte {
	b := wire.BeginFrame(nil)
	b = append(b, "redoubt\x00"...)
	b = binary.LittleEndian.AppendUint16(b, version)
	b = append(b, 0)
	b = append(binary.AppendUvarint(b, uint64(len(cluster))), cluster...)
	b = binary.AppendUvarint(b, uint64(sender))
	b = binary.AppendUvarint(b, uint64(receiver))
	b = append(b, 0, 0) // no instance, no address
	b = append(binary.AppendUvarint(b, uint64(len(hello))), hello...)
	wire.EndFrame(b, 0)
	return b
}

// accept takes a connection and shakes hands. It reads and writes nothing more.
func (s *stranger) accept(t *testing.T, peer core.NodeID) net.Conn {
	t.Helper()
	conn, err := s.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := wire.ReadFrame(bufio.NewReaderSize(conn, 16), nil, 1<<16); err != nil {
		t.Fatalf("the dialler's greeting: %v", err)
	}
	conn.Write(greeting(2, "test", s.id, peer, ""))
	return conn
}

// dial connects and shakes hands, without reading the answer.
func (s *stranger) dial(t *testing.T, address string, peer core.NodeID, cluster string) net.Conn {
	t.Helper()
	return send(t, address, greeting(2, cluster, s.id, peer, ""))
}

// send connects and writes b.
func send(t *testing.T, address string, b []byte) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	return conn
}

// expectClosed reads until the other side closes the connection, and returns what it said.
func expectClosed(t *testing.T, conn net.Conn) []byte {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(patience))
	said, err := io.ReadAll(conn)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Errorf("not within %v: the connection is closed", patience)
	}
	return said
}

func countingDial(dials chan<- struct{}) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, address string) (net.Conn, error) {
		select {
		case dials <- struct{}{}:
		default:
		}
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
}

func TestStrangersAreRefused(t *testing.T) {
	noGoroutinesLeft(t)
	for _, c := range []struct {
		name string
		sent []byte
		// says is what the stranger is told, logged what the log holds.
		says, logged string
	}{
		{"another cluster", greeting(2, "production", 2, 1, ""), "cluster id", "production"},
		{"another receiver", greeting(2, "test", 2, 7, ""), "this is node 1, not node 7", "not node 7"},
		{"this node's own id", greeting(2, "test", 1, 1, ""), "node id 1 cannot be another node's", "cannot be"},
		{"no id", greeting(2, "test", 0, 1, ""), "node id 0", "node id 0"},
		{"another version", greeting(1, "test", 2, 1, ""), "protocol version 1", "protocol version 1"},
		{"http", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "", "too large"},
		{"another protocol in a good frame", frame([]byte("hello there, how are you")), "", "not a redoubt node"},
		{"a message before the greeting", wire.AppendFrame(nil, heartbeat(2, 1, 1)), "", "not a redoubt node"},
		{"a damaged greeting", flip(greeting(2, "test", 2, 1, "hello"), 20), "", "checksum"},
		{"bytes behind the greeting's fields", frame(append(greeting(2, "test", 2, 1, "")[wire.HeaderBytes:], 0)), "", "malformed greeting"},
		{"a greeting cut short", frame(greeting(2, "test", 2, 1, "hello")[wire.HeaderBytes:30]), "", "malformed greeting"},
		{"an endless greeting", binary.LittleEndian.AppendUint64(nil, 1<<30), "", "too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var logs logBuffer
			o := options(t, 1)
			o.Logger = logs.logger()
			one, toOne := start(t, o)
			said := expectClosed(t, send(t, one.Addr().String(), c.sent))
			if !strings.Contains(string(said), c.says) || c.says == "" && len(said) > 0 {
				t.Errorf("it was told %q, want %q", said, c.says)
			}
			within(t, "the refusal is counted and logged", func() bool {
				return one.Stats().RefusedHandshakes == 1 && logs.count(c.logged) == 1
			})
			if stats := one.Stats(); stats.Accepted != 0 || len(toOne) != 0 {
				t.Errorf("it was let in: %+v", stats)
			}
		})
	}
}

func frame(body []byte) []byte {
	b := append(wire.BeginFrame(nil), body...)
	wire.EndFrame(b, 0)
	return b
}

func flip(b []byte, i int) []byte {
	b[i] ^= 0x10
	return b
}

// The dialler does not talk to whoever happens to answer at a peer's address.
func TestDiallerRefusesStrangers(t *testing.T) {
	for name, answer := range map[string][]byte{
		"another cluster": greeting(2, "production", 2, 1, ""),
		"in the place of": greeting(2, "test", 3, 1, ""),
		"not node 9":      greeting(2, "test", 2, 9, ""),
		"version 9":       greeting(9, "test", 2, 1, ""),
		"not a redoubt":   frame([]byte("220 mail.example ESMTP ready")),
		"too large":       []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			two := newStranger(t, 2)
			var logs logBuffer
			o := options(t, 1)
			o.Logger = logs.logger()
			o.Peers = map[core.NodeID]string{2: two.address()}
			one, _ := start(t, o)
			for range 3 {
				conn, err := two.listener.Accept()
				if err != nil {
					t.Fatal(err)
				}
				conn.Write(answer)
				expectClosed(t, conn)
				conn.Close()
			}
			if one.Connected(2) {
				t.Error("it is taken for node 2")
			}
			if n := logs.count("no connection to peer"); n != 1 {
				t.Errorf("%d lines in the log about the same refusal, want 1", n)
			}
		})
	}
}

func TestRefusalIsLoggedOnBothSides(t *testing.T) {
	var logs1, logs2 logBuffer
	o1, o2 := options(t, 1), options(t, 2)
	o1.Logger, o2.Logger = logs1.logger(), logs2.logger()
	o2.ClusterID = "other"
	dials := make(chan struct{}, 100)
	o1.Dial = countingDial(dials)
	o1.Peers = map[core.NodeID]string{2: o2.Listener.Addr().String()}
	start(t, o1)
	start(t, o2)
	for range 6 {
		next(t, "the peer is dialled again", dials)
	}
	if n := logs1.count("cluster id"); n != 1 {
		t.Errorf("%d lines at the dialler, want 1", n)
	}
	if n := logs2.count("connection refused"); n != 1 {
		t.Errorf("%d lines at the refusing node, want 1", n)
	}
}

func TestSlowHandshakeIsCutOff(t *testing.T) {
	noGoroutinesLeft(t)
	o := options(t, 1)
	o.HandshakeTimeout = 100 * time.Millisecond
	one, _ := start(t, o)
	hello := greeting(2, "test", 2, 1, "hello")
	conn := send(t, one.Addr().String(), hello[:1])
	// A byte now and then must not extend the deadline.
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	begun := time.Now()
	for i := 1; ; i++ {
		<-ticker.C
		if _, err := conn.Write(hello[i : i+1]); err != nil {
			break
		}
		if i == len(hello)-2 {
			t.Fatalf("%d bytes of a greeting were read over %v, the limit is %v", i, time.Since(begun), o.HandshakeTimeout)
		}
	}
	within(t, "nothing is left of it", func() bool { return one.Stats().Pending == 0 })
}

// Strangers who connect and say nothing take a bounded number of places, and keep no peer out.
func TestSilentStrangersKeepNobodyOut(t *testing.T) {
	noGoroutinesLeft(t)
	o := options(t, 1)
	o.HandshakeTimeout = time.Minute
	one, toOne := start(t, o)
	for range 300 {
		send(t, one.Addr().String(), nil)
	}
	if pending := one.Stats().Pending; pending > 64 {
		t.Errorf("%d connections without a handshake, limit 64", pending)
	}
	two, _ := start(t, options(t, 2))
	two.SetPeers(map[core.NodeID]string{1: one.Addr().String()})
	two.Send([]core.Message{heartbeat(2, 1, 1)})
	next(t, "a peer gets through", toOne)
}

func TestAcceptedNodesAreLimited(t *testing.T) {
	o := options(t, 1)
	o.MaxAccepted = 2
	one, _ := start(t, o)
	for id := core.NodeID(2); id < 4; id++ {
		newStranger(t, id).dial(t, one.Addr().String(), 1, "test")
	}
	within(t, "two nodes are let in", func() bool { return one.Stats().Accepted == 2 })
	said := expectClosed(t, newStranger(t, 4).dial(t, one.Addr().String(), 1, "test"))
	if !bytes.Contains(said, []byte("2 nodes are connected already")) {
		t.Errorf("the third was told %q", said)
	}
}

func TestNewerConnectionReplacesTheOlder(t *testing.T) {
	noGoroutinesLeft(t)
	one, toOne := start(t, options(t, 1))
	two := newStranger(t, 2)
	first := two.dial(t, one.Addr().String(), 1, "test")
	first.Write(wire.AppendFrame(nil, heartbeat(2, 1, 1)))
	next(t, "the first connection is read", toOne)
	second := two.dial(t, one.Addr().String(), 1, "test")
	second.Write(wire.AppendFrame(nil, heartbeat(2, 1, 2)))
	expectClosed(t, first)
	if got := next(t, "the second connection is read", toOne); got != heartbeat(2, 1, 2) {
		t.Errorf("got %+v", got)
	}
	if stats := one.Stats(); stats.Accepted != 1 {
		t.Errorf("%d nodes connected, want 1", stats.Accepted)
	}
}

// receive is called once at a time per sender, also while connections replace each other.
func TestReplacedConnectionDoesNotOverlap(t *testing.T) {
	noGoroutinesLeft(t)
	n, err := tcpnet.New(options(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	entered, leave := make(chan core.Message, 10), make(chan struct{})
	n.Start(func(m core.Message, _ uint64) {
		entered <- m
		<-leave
	})
	two := newStranger(t, 2)
	for round := range uint64(5) {
		conn := two.dial(t, n.Addr().String(), 1, "test")
		conn.Write(wire.AppendFrame(nil, heartbeat(2, 1, round)))
		if round == 0 {
			next(t, "the first connection is read", entered)
			continue
		}
		within(t, "the connection that waited before it is let go", func() bool { return n.Stats().RefusedHandshakes == round-1 })
	}
	select {
	case m := <-entered:
		t.Errorf("%+v was delivered while the sender's message before it was still being received", m)
	default:
	}
	close(leave)
	if got := next(t, "the newest connection gets its turn", entered); got != heartbeat(2, 1, 4) {
		t.Errorf("got %+v", got)
	}
}

func TestBadDataClosesTheConnection(t *testing.T) {
	noGoroutinesLeft(t)
	good := wire.AppendFrame(nil, heartbeat(2, 1, 1))
	for name, c := range map[string]struct {
		sent   []byte
		logged string
	}{
		"a flipped bit":           {flip(bytes.Clone(good), len(good)-1), "checksum"},
		"a flipped length":        {append(flip(bytes.Clone(good), 0), make([]byte, 64)...), "checksum"},
		"too large":               {binary.LittleEndian.AppendUint64(nil, 0xffffffff), "too large"},
		"no message":              {frame([]byte{99, 2, 1, 1}), "malformed"},
		"from another node":       {wire.AppendFrame(nil, heartbeat(3, 1, 1)), "from node 3"},
		"to another node":         {wire.AppendFrame(nil, heartbeat(2, 3, 1)), "to node 3"},
		"a count without entries": {frame([]byte{5, 2, 1, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f}), "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			var logs logBuffer
			o := options(t, 1)
			o.Logger = logs.logger()
			one, toOne := start(t, o)
			conn := newStranger(t, 2).dial(t, one.Addr().String(), 1, "test")
			conn.Write(append(bytes.Clone(good), c.sent...))
			next(t, "the good message before it arrives", toOne)
			expectClosed(t, conn)
			within(t, "it is counted and logged", func() bool {
				return one.Stats().BadFrames == 1 && logs.count(c.logged) >= 1
			})
			if len(toOne) != 0 {
				t.Errorf("%+v was delivered", <-toOne)
			}
		})
	}
}

// The accepting side has nothing to say but answers to pings.
func TestDiallerRefusesUnaskedWords(t *testing.T) {
	for name, said := range map[string][]byte{
		"a message":         wire.AppendFrame(nil, heartbeat(2, 1, 1)),
		"unasked keepalive": wire.AppendKeepalive(nil),
		"garbage":           []byte("garbage garbage garbage"),
	} {
		t.Run(name, func(t *testing.T) {
			two := newStranger(t, 2)
			o := options(t, 1)
			o.PingInterval, o.IdleTimeout = time.Minute, 2*time.Minute
			o.Peers = map[core.NodeID]string{2: two.address()}
			_, toOne := start(t, o)
			conn := two.accept(t, 1)
			conn.Write(said)
			expectClosed(t, conn)
			if len(toOne) != 0 {
				t.Errorf("%+v was delivered over a connection that this node dialled", <-toOne)
			}
		})
	}
}
