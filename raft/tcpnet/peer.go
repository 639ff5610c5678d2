package tcpnet

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"redoubt/raft/core"
	"redoubt/raft/wire"
)

const (
	// flushBytes is how much is encoded before it is written: enough to make calls few, little
	// enough to stay in the processor's cache.
	flushBytes = 256 << 10
	// pieceBytes is the most that one WriteTimeout has to cover.
	pieceBytes = 1 << 20
	// keepBytes is the largest encoding buffer that is kept for the next batch: room for a flush and
	// a message of the usual 1 MiB.
	keepBytes = 2 << 20
)

// peer is what this node sends to one other node: a queue, and the connection that empties it.
type peer struct {
	net *Network
	id  core.NodeID
	// addresses are where the peer may be, one at least; a dial that fails goes on with the next. The first never changes.
	addresses atomic.Pointer[[]string]
	// ctx ends when the peer is no longer one, or with the network.
	ctx  context.Context
	stop context.CancelFunc
	// kick says that the peer was heard of: a dial is worth while now.
	kick chan struct{}

	queue     queue
	connected atomic.Bool
	direct    direct
	// buffer belongs to who writes, and is kept from one batch to the next.
	buffer []byte

	connects, sentMessages, sentBytes atomic.Uint64
	reports                           changeLog
	tooLarge                          rationedLog
}

func newPeer(n *Network, id core.NodeID, addresses []string) *peer {
	p := &peer{net: n, id: id, kick: make(chan struct{}, 1)}
	p.addresses.Store(&addresses)
	p.queue = queue{maxMessages: n.options.QueueMessages, maxBytes: n.options.QueueBytes, wake: make(chan struct{}, 1)}
	p.ctx, p.stop = context.WithCancel(n.ctx)
	return p
}

func (p *peer) enqueue(m core.Message, size int) { p.queue.push(m, size) }

// signal sees to it that what waits is sent.
func (p *peer) signal() {
	left := p.sendDirectly()
	p.queue.rouse(left)
}

// refuse drops a message that the receiver would not read.
func (p *peer) refuse(m core.Message, size int) {
	p.queue.refuse()
	if p.tooLarge.tell(fmt.Sprintf("%T", m), time.Now()) {
		p.net.log.Error("message dropped: it exceeds the frame limit", "peer", uint64(p.id),
			"type", fmt.Sprintf("%T", m), "bytes", size, "limit", p.net.options.MaxFrameBytes)
	}
}

// heard wakes the dialler from its backoff.
func (p *peer) heard() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

func (p *peer) stats() PeerStats {
	messages, bytes, dropped := p.queue.figures()
	return PeerStats{
		Address: (*p.addresses.Load())[0], Connected: p.connected.Load(), Connects: p.connects.Load(),
		QueuedMessages: messages, QueuedBytes: bytes, DroppedMessages: dropped,
		SentMessages: p.sentMessages.Load(), SentBytes: p.sentBytes.Load(),
	}
}

// run keeps a connection to the peer until ctx ends.
func (p *peer) run() {
	defer p.queue.close()
	options := &p.net.options
	turn := 0
	for backoff := options.BackoffMin; p.ctx.Err() == nil; backoff = min(2*backoff, options.BackoffMax) {
		addresses := *p.addresses.Load()
		address := addresses[turn%len(addresses)]
		conn, r, err := p.connect(address)
		if err == nil {
			begun := time.Now()
			err = p.exchange(conn, r)
			// A connection that lasted owes nothing to the failures before it; one that breaks at
			// once must not be dialled in a tight loop.
			if time.Since(begun) > options.BackoffMax {
				backoff = options.BackoffMin
			}
		} else {
			turn++
		}
		if p.ctx.Err() != nil {
			return
		}
		p.report(address, err)
		// What waited is old by the time there is a connection again, and Raft has sent it anew.
		p.queue.discard()
		if p.pause(backoff) {
			backoff = options.BackoffMin
		}
	}
}

// report logs why there is no connection, once while the reason stays the same.
func (p *peer) report(address string, err error) {
	if why := reason(err); p.reports.changed(why) {
		p.net.log.Warn("no connection to peer", "peer", uint64(p.id), "address", address, "error", err)
	}
}

// pause waits for the backoff, with jitter, or until the peer is heard of, which it returns.
func (p *peer) pause(backoff time.Duration) (heard bool) {
	timer := time.NewTimer(jitter(backoff))
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-p.ctx.Done():
		return false
	case <-p.kick:
	}
	// A peer that connects again and again must not make this node dial as often.
	timer.Reset(jitter(p.net.options.BackoffMin))
	select {
	case <-timer.C:
	case <-p.ctx.Done():
	}
	return true
}

// jitter draws from the upper half of d, so that nodes that failed together do not dial together.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1)
}

// connect dials the peer and shakes hands.
func (p *peer) connect(address string) (net.Conn, *bufio.Reader, error) {
	options := &p.net.options
	ctx, cancel := context.WithTimeout(p.ctx, options.DialTimeout)
	defer cancel()
	conn, err := options.Dial(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	// The peer has nothing long to say after its greeting.
	r := bufio.NewReaderSize(conn, 512)
	release := p.net.closeWith(p.ctx, conn)
	defer release()
	conn.SetDeadline(time.Now().Add(options.HandshakeTimeout))
	hello, err := p.net.dialHandshake(conn, r, p.id)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	conn.SetDeadline(time.Time{})
	p.connects.Add(1)
	p.reports.changed("")
	p.net.log.Info("connected to peer", "peer", uint64(p.id), "address", address, "remote", conn.RemoteAddr())
	if p.net.options.OnHello != nil {
		p.net.options.OnHello(p.id, hello)
	}
	return conn, r, nil
}

// exchange writes what is queued to the connection until it fails, which is the error, or ctx ends.
func (p *peer) exchange(conn net.Conn, r *bufio.Reader) error {
	release := p.net.closeWith(p.ctx, conn)
	defer release()
	p.connected.Store(true)
	defer p.connected.Store(false)
	p.direct.open(conn)
	defer p.direct.close()
	life := &heartbeat{conn: conn, timeout: p.net.options.IdleTimeout, ended: make(chan struct{})}
	p.net.wg.Go(func() {
		life.watch(r)
		// The writer may be stuck in a write to a peer that is gone.
		conn.Close()
	})
	err := p.write(conn, life)
	// If the watcher ended first, then the writer's error is only its echo.
	select {
	case <-life.ended:
		err = life.err
	default:
	}
	p.connected.Store(false)
	conn.Close()
	<-life.ended
	return err
}

// write writes batches and pings until a write fails or the watcher ends.
func (p *peer) write(conn net.Conn, life *heartbeat) error {
	ticker := time.NewTicker(p.net.options.PingInterval)
	defer ticker.Stop()
	for {
		busy, err := p.writeWaiting(conn)
		if err != nil {
			return err
		}
		if busy {
			// More may have come meanwhile; but a busy connection must be asked for life too.
			select {
			case <-ticker.C:
				if err := p.ping(conn, life); err != nil {
					return err
				}
			default:
			}
			continue
		}
		select {
		case <-p.queue.wake:
		case <-ticker.C:
			if err := p.ping(conn, life); err != nil {
				return err
			}
		case <-life.ended:
			return life.err
		}
	}
}

// writeWaiting writes what waits, and reports whether that was anything.
func (p *peer) writeWaiting(conn net.Conn) (busy bool, err error) {
	p.direct.mu.Lock()
	defer p.direct.mu.Unlock()
	busy = len(p.direct.rest) > 0
	if err := p.writeRest(conn); err != nil {
		return busy, err
	}
	batch := p.queue.take()
	err = p.writeBatch(conn, batch)
	p.queue.done(batch)
	if err == nil && len(batch) > 0 {
		err = conn.SetWriteDeadline(time.Time{}) // it would end direct writes, too
	}
	return busy || len(batch) > 0, err
}

// writeBatch encodes messages into one buffer and writes it, in several parts if it grows long.
func (p *peer) writeBatch(conn net.Conn, batch []core.Message) error {
	b := p.buffer[:0]
	encoded := 0
	for i, m := range batch {
		// Otherwise a large message would be copied again and again as the buffer grows.
		b = slices.Grow(b, wire.SizeBound(m))
		b = wire.AppendFrame(b, m)
		encoded++
		if len(b) < flushBytes && i < len(batch)-1 {
			continue
		}
		if err := p.writeAll(conn, b); err != nil {
			return err
		}
		p.sentMessages.Add(uint64(encoded))
		p.sentBytes.Add(uint64(len(b)))
		b, encoded = b[:0], 0
	}
	p.buffer = nil
	if cap(b) <= keepBytes {
		p.buffer = b
	}
	return nil
}

// writeAll writes b, giving every piece of it the write timeout.
func (p *peer) writeAll(conn net.Conn, b []byte) error {
	for len(b) > 0 {
		piece := b[:min(len(b), pieceBytes)]
		conn.SetWriteDeadline(time.Now().Add(p.net.options.WriteTimeout))
		if _, err := conn.Write(piece); err != nil {
			return err
		}
		b = b[len(piece):]
	}
	return nil
}

// ping asks the peer for a sign of life, if it does not owe one already.
func (p *peer) ping(conn net.Conn, life *heartbeat) error {
	if !life.begin() {
		return nil
	}
	p.direct.mu.Lock()
	defer p.direct.mu.Unlock()
	err := p.writeRest(conn)
	if err == nil {
		err = p.writeAll(conn, wire.AppendKeepalive(nil))
	}
	if err == nil {
		err = conn.SetWriteDeadline(time.Time{})
	}
	if err != nil {
		return err
	}
	life.written()
	return nil
}
