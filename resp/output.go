package resp

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// replyRoom is what a buffer of replies takes of the budget. It is asked before the buffer grows for a long string, whoever
// writes the reply, so that many clients who ask for much at once cannot have it made before it is counted (P6).
type replyRoom struct {
	budget  *budget
	counted int
}

// Grow implements fsm.Room. Not counted are the first retainedReply bytes, nor the old buffer while its bytes are copied to the new one.
func (r *replyRoom) Grow(size int) bool {
	more := max(0, size-retainedReply-r.counted)
	if !r.budget.reserve(more) {
		return false
	}
	r.counted += more
	return true
}

// release gives everything back.
func (r *replyRoom) release() {
	r.budget.release(r.counted)
	r.counted = 0
}

// refused reports whether there was no memory for a reply. The connection ends then, and what is in its buffers is not sent.
func (c *conn) refused() bool { return c.batch.Reply.Refused || c.literals.Refused }

// flush sends the replies in the batch. While the client does not read them, nothing is read from
// the client either; after WriteTimeout without progress it is given up.
func (c *conn) flush() error {
	buf := c.batch.Reply.Buf
	// Many short replies grow the buffer unasked.
	if c.refused() || !c.replyRoom.Grow(cap(buf)) {
		c.logMemory(errBuffersExhausted)
		return errBuffersExhausted
	}
	if len(buf) > 0 {
		c.outputSize.Store(int64(cap(buf)))
	}
	err := c.write(buf)
	if cap(buf) > retainedReply {
		buf = nil
		c.replyRoom.release()
	}
	c.batch.Reply.Buf = buf[:0]
	return err
}

// write sends buf in pieces, each with its own time limit.
func (c *conn) write(buf []byte) error {
	timeout := c.server.limits.WriteTimeout
	for len(buf) > 0 {
		// Setting a deadline costs more than looking at the clock, so it is only set when a quarter is used up.
		now := time.Now()
		if c.writeDeadline.Sub(now) < timeout*3/4 {
			c.writeDeadline = now.Add(timeout)
			c.net.SetWriteDeadline(c.writeDeadline)
		}
		c.lastActive.Store(now.UnixNano())
		n, err := c.net.Write(buf[:min(len(buf), writeChunk)])
		c.traffic.writes.Add(1)
		c.traffic.outputBytes.Add(uint64(n))
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.server.log.Warn("resp: closing a client that does not read its replies", "client", c.id,
					"address", c.net.RemoteAddr(), "unsent", len(buf)-n, "timeout", timeout)
			}
			return err
		}
		buf = buf[n:]
	}
	return nil
}

// How long, and for how many bytes, hangUp listens.
const (
	hangUpTime  = 250 * time.Millisecond
	hangUpBytes = 1 << 20
)

// hangUp ends a connection whose client may still be sending. Closing a socket with unread input resets
// the connection, and replies that were sent could be lost; so the sending side is closed first and some of what
// still comes is thrown away.
func (c *conn) hangUp() {
	tcp, ok := c.net.(*net.TCPConn)
	if !ok || tcp.CloseWrite() != nil {
		return
	}
	tcp.SetReadDeadline(time.Now().Add(hangUpTime))
	io.CopyN(io.Discard, tcp, hangUpBytes)
}
