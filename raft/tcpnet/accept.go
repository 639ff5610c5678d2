package tcpnet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"redoubt/internal/sockio"
	"redoubt/raft/core"
	"redoubt/raft/wire"
)

const (
	// readBufferBytes is what one read call can bring in.
	readBufferBytes = 64 << 10
	// acceptPause is how long a listener that fails, for want of file descriptors say, is left alone.
	acceptPause = 100 * time.Millisecond
)

// inbound is a connection that was accepted.
type inbound struct {
	conn net.Conn
	// instance is the disk from which the node at the other end speaks, known after the handshake.
	instance uint64
	// ctx ends when the connection is no longer wanted, and closes it until release is called.
	ctx     context.Context
	cancel  context.CancelFunc
	release func()
}

// sender is a node that is connected to this one.
type sender struct {
	// current is its newest connection.
	current *inbound
	// turn is held by the connection that delivers. An older one gives it up before a newer one
	// gets it, so that receive is called once at a time.
	turn chan struct{}
	// connections is how many connections know of this sender: it is forgotten with the last.
	connections int
}

// accept takes connections until the network is closed.
func (n *Network) accept() {
	var reports rationedLog
	for {
		conn, err := n.listener.Accept()
		if err == nil {
			n.admit(conn)
			continue
		}
		if n.ctx.Err() != nil {
			return
		}
		if reports.tell(reason(err), time.Now()) {
			n.log.Error("accepting peers fails", "address", n.listener.Addr(), "error", err)
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		select {
		case <-time.After(acceptPause):
		case <-n.ctx.Done():
			return
		}
	}
}

// admit begins to serve a connection. It closes the oldest that has not yet said who it is, if
// there are too many.
func (n *Network) admit(conn net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		conn.Close()
		return
	}
	in := &inbound{conn: conn}
	in.ctx, in.cancel = context.WithCancel(n.ctx)
	in.release = n.closeWith(in.ctx, conn)
	if len(n.pending) >= maxPending {
		n.pending[0].cancel()
		n.pending = slices.Delete(n.pending, 0, 1)
	}
	n.pending = append(n.pending, in)
	n.wg.Go(func() { n.serve(in) })
}

// serve shakes hands and delivers what the connection brings.
func (n *Network) serve(in *inbound) {
	defer in.conn.Close()
	defer in.cancel()
	defer in.release()
	source := newIdleReader(in.conn)
	r := bufio.NewReaderSize(source, readBufferBytes)
	in.conn.SetDeadline(time.Now().Add(n.options.HandshakeTimeout))
	peer, s, err := n.acceptHandshake(in, r)
	n.settle(in)
	if s != nil {
		defer n.leave(peer, s, in)
	}
	if err != nil {
		n.refusedHandshakes.Add(1)
		if n.ctx.Err() == nil && n.refusals.tell(reason(err), time.Now()) {
			n.log.Warn("connection refused", "remote", in.conn.RemoteAddr(), "error", err)
		}
		return
	}
	defer func() { <-s.turn }()
	in.conn.SetDeadline(time.Time{})
	source.timeout = n.options.IdleTimeout
	n.log.Info("peer connected", "peer", uint64(peer), "remote", in.conn.RemoteAddr())
	err = n.deliver(in, r, peer)
	switch {
	case in.ctx.Err() != nil:
		// Closed by this node: the end, or a newer connection.
	case isBad(err):
		n.badFrames.Add(1)
		n.log.Error("connection closed: the peer sent bad data", "peer", uint64(peer), "remote", in.conn.RemoteAddr(), "error", err)
	default:
		n.log.Info("peer disconnected", "peer", uint64(peer), "remote", in.conn.RemoteAddr(), "error", err)
	}
}

// acceptHandshake learns who connected and, if it is welcome, makes this connection its current one
// and waits for its turn. A sender that is returned must be left, and on success its turn be given
// up. The caller has set a deadline.
func (n *Network) acceptHandshake(in *inbound, r *bufio.Reader) (core.NodeID, *sender, error) {
	g, err := readGreeting(r)
	if err == nil && g.refusal != "" {
		err = errors.New("handshake: refused by the dialler")
	}
	if err == nil {
		err = n.check(g, core.None)
	}
	var s *sender
	if err == nil {
		in.instance = g.instance
		s, err = n.join(g.sender, in)
	}
	if err != nil {
		var refusal refusalError
		if errors.As(err, &refusal) {
			// The answer is a courtesy: whether it arrives changes nothing.
			in.conn.Write(greeting{refusal: refusal.Error()}.append(nil))
		}
		return core.None, nil, err
	}
	// The turn is waited for before the welcome: a peer whose last message is still being received
	// is told to wait, not to go on sending.
	timeout := time.NewTimer(n.options.HandshakeTimeout)
	defer timeout.Stop()
	select {
	case s.turn <- struct{}{}:
	case <-in.ctx.Done():
		return g.sender, s, errors.New("handshake: replaced by a newer connection")
	case <-timeout.C:
		return g.sender, s, errors.New("handshake: the connection before it is still being read")
	}
	if n.options.OnHello != nil {
		n.options.OnHello(g.sender, g.hello)
	}
	n.learn(g.sender, g.address)
	if err := n.greet(in.conn, g.sender); err != nil {
		<-s.turn
		return g.sender, s, err
	}
	if p := (*n.peers.Load())[g.sender]; p != nil {
		p.heard()
	}
	return g.sender, s, nil
}

// join makes a connection the current one of its sender, in place of any other.
func (n *Network) join(id core.NodeID, in *inbound) (*sender, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.senders[id]
	if s == nil {
		if len(n.senders) >= n.options.MaxAccepted {
			return nil, refusalError(fmt.Sprintf("%d nodes are connected already", len(n.senders)))
		}
		s = &sender{turn: make(chan struct{}, 1)}
		n.senders[id] = s
	}
	if s.current != nil {
		s.current.cancel()
	}
	s.current = in
	s.connections++
	return s, nil
}

// leave undoes join.
func (n *Network) leave(id core.NodeID, s *sender, in *inbound) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.current == in {
		s.current = nil
	}
	s.connections--
	if s.connections == 0 {
		delete(n.senders, id)
		delete(n.learned, id)
		n.refresh()
	}
}

// settle says that a connection's handshake is over.
func (n *Network) settle(in *inbound) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := slices.Index(n.pending, in); i >= 0 {
		n.pending = slices.Delete(n.pending, i, i+1)
	}
}

// errForeign: a message that its sender may not send over this connection.
var errForeign = errors.New("message between other nodes")

// isBad says whether an error means that the peer sent what it must not, or that the bytes changed.
func isBad(err error) bool {
	return errors.Is(err, wire.ErrChecksum) || errors.Is(err, wire.ErrTooLarge) ||
		errors.Is(err, wire.ErrMalformed) || errors.Is(err, errForeign)
}

// deliver reads frames and hands their messages on until one is bad or the connection fails.
func (n *Network) deliver(in *inbound, r *bufio.Reader, peer core.NodeID) error {
	var buffer []byte
	keepalive := wire.AppendKeepalive(nil)
	for {
		body, err := wire.ReadFrame(r, buffer, n.options.MaxFrameBytes)
		if err != nil {
			return err
		}
		if len(body) == 0 {
			// What the handshake did not know may be known by now. A node that is turned away connects anew, and is told.
			if err := n.admits(peer, in.instance); err != nil {
				return err
			}
			in.conn.SetWriteDeadline(time.Now().Add(n.options.WriteTimeout))
			if _, err := in.conn.Write(keepalive); err != nil {
				return err
			}
			continue
		}
		m, err := wire.DecodeMessage(body)
		if err != nil {
			return err
		}
		if head := m.Head(); head.From != peer || head.To != n.options.Self {
			return fmt.Errorf("%T from node %d to node %d: %w", m, head.From, head.To, errForeign)
		}
		buffer = body
		if wire.Retains(m) || cap(body) > readBufferBytes {
			buffer = nil
		}
		if in.ctx.Err() != nil {
			return io.ErrClosedPipe
		}
		n.receivedMessages.Add(1)
		n.receivedBytes.Add(uint64(len(body) + wire.HeaderBytes))
		n.receive(m, in.instance)
	}
}

// idleReader reads from a connection and fails if nothing comes for as long as timeout. It moves
// the deadline only now and then, so that silence is noticed after three quarters of timeout at the
// earliest. With a timeout of zero it leaves the deadline alone.
type idleReader struct {
	conn    net.Conn
	source  io.Reader // conn, in the way that costs least
	timeout time.Duration
	moved   time.Time
}

func newIdleReader(conn net.Conn) *idleReader {
	if source := sockio.NewReader(conn); source != nil {
		return &idleReader{conn: conn, source: source}
	}
	return &idleReader{conn: conn, source: conn}
}

func (r *idleReader) Read(b []byte) (int, error) {
	if r.timeout > 0 {
		if now := time.Now(); now.Sub(r.moved) > r.timeout/4 {
			r.conn.SetReadDeadline(now.Add(r.timeout))
			r.moved = now
		}
	}
	return r.source.Read(b)
}
