package tcpnet

import (
	"net"
	"sync"

	"redoubt/internal/sockio"
	"redoubt/raft/core"
	"redoubt/raft/wire"
)

// directBytes is the most that a sender writes itself. More is the writer's work: copying it into the socket takes a while.
const directBytes = 64 << 10

// direct lets whoever calls Send write to a connection without waiting: a socket nearly always has room for a few messages,
// and waking another goroutine for them costs more than the write. What finds no room is left to the peer's writer.
type direct struct {
	// mu is held by who writes to the connection, the writer or a sender. A sender only tries to take it.
	mu sync.Mutex
	// socket is nil where there is no connection, or none that can be written without waiting.
	socket *sockio.Writer
	// rest is the end of what a sender wrote in part. Nothing may be written before it.
	rest []byte
}

// open lets senders write to a new connection.
func (d *direct) open(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.socket = sockio.NewWriter(conn)
}

// close ends that, and forgets what was written in part.
func (d *direct) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.socket, d.rest = nil, nil
}

// sendDirectly writes what waits for the peer, if that can be done here and now. It reports whether it has left a part of a
// message to the writer.
func (p *peer) sendDirectly() (left bool) {
	if !p.direct.mu.TryLock() {
		return false
	}
	defer p.direct.mu.Unlock()
	if p.direct.socket == nil || len(p.direct.rest) > 0 {
		return false
	}
	batch := p.queue.takeUpTo(directBytes)
	if len(batch) == 0 {
		return false
	}
	b := p.encode(batch)
	written, _ := p.direct.socket.TryWrite(b) // the writer will meet an error, too
	if left = written < len(b); left {
		p.direct.rest, p.buffer = b[written:], nil
	}
	p.queue.done(batch)
	return left
}

// encode encodes a batch that is small into the peer's buffer.
func (p *peer) encode(batch []core.Message) []byte {
	b := p.buffer[:0]
	for _, m := range batch {
		b = wire.AppendFrame(b, m)
	}
	p.buffer = b
	p.sentMessages.Add(uint64(len(batch)))
	p.sentBytes.Add(uint64(len(b)))
	return b
}

// writeRest writes what a sender wrote in part. The caller is the writer and holds p.direct.mu.
func (p *peer) writeRest(conn net.Conn) error {
	if len(p.direct.rest) == 0 {
		return nil
	}
	err := p.writeAll(conn, p.direct.rest)
	p.direct.rest = nil
	return err
}
