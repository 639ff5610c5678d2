package tcpnet_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"redoubt/raft/core"
)

// wires are the ways between the nodes of a test, each of which can be harmed by itself. Every node has a name
// in place of an address, which stays the same however often it listens anew.
type wires struct {
	mu        sync.Mutex
	addresses map[string]string
	links     map[way]*link
}

type way struct{ from, to core.NodeID }

// link is what a node's connections to another go over.
type link struct {
	mu    sync.Mutex
	down  bool
	delay time.Duration
	// tear says to cut what is written next in the middle.
	tear  bool
	conns map[*faultyConn]struct{}
}

// faultyConn is the dialler's end of a connection over a link.
type faultyConn struct {
	*net.TCPConn
	link *link
	// lost: bytes have been swallowed, and so must be all that follow.
	lost bool
}

var errTorn = errors.New("the connection was torn")

func newWires() *wires {
	return &wires{addresses: make(map[string]string), links: make(map[way]*link)}
}

func (w *wires) listen(name, address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addresses[name] = address
}

func (w *wires) link(from, to core.NodeID) *link {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.links[way{from, to}]
	if l == nil {
		l = &link{conns: make(map[*faultyConn]struct{})}
		w.links[way{from, to}] = l
	}
	return l
}

// dial is a node's Options.Dial.
func (w *wires) dial(from core.NodeID) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, name string) (net.Conn, error) {
		w.mu.Lock()
		address := w.addresses[name]
		w.mu.Unlock()
		l := w.link(from, idOf(name))
		if l.isDown() {
			<-ctx.Done() // packets are lost; nobody says so
			return nil, ctx.Err()
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		c := &faultyConn{TCPConn: conn.(*net.TCPConn), link: l}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conns[c] = struct{}{}
		return c, nil
	}
}

func (l *link) isDown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down
}

// set changes what a link does from now on.
func (l *link) set(down bool, delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down, l.delay = down, delay
}

// tearNext cuts the next write in the middle.
func (l *link) tearNext() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tear = true
}

// reset breaks all connections, wherever they are.
func (l *link) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.abort()
	}
}

// abort closes with a reset, as after the crash of a machine.
func (c *faultyConn) abort() {
	c.SetLinger(0)
	c.TCPConn.Close()
}

func (c *faultyConn) Write(b []byte) (int, error) {
	l := c.link
	l.mu.Lock()
	c.lost = c.lost || l.down
	lost, delay, tear := c.lost, l.delay, l.tear
	l.tear = false
	l.mu.Unlock()
	if delay > 0 {
		time.Sleep(rand.N(delay)) // the length of the way, not a wait for anything
	}
	switch {
	case lost:
		return len(b), nil
	case tear:
		n, _ := c.TCPConn.Write(b[:rand.N(len(b))])
		c.abort()
		return n, errTorn
	}
	return c.TCPConn.Write(b)
}

func (c *faultyConn) Close() error {
	c.link.mu.Lock()
	delete(c.link.conns, c)
	c.link.mu.Unlock()
	return c.TCPConn.Close()
}
