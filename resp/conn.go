package resp

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/tidwall/redcon"

	"redoubt/fsm"
)

// conn is one client's connection. Its goroutine runs serve; the fields under "shared" may be
// read, and the methods wake and cut called, by any goroutine.
type conn struct {
	server   *Server
	id       uint64
	net      net.Conn
	listener int
	created  time.Time
	// lifetime ends with the connection: commands that wait give up then.
	lifetime context.Context
	end      context.CancelFunc

	// Shared: what CLIENT LIST and the server's tending look at.

	name, libName, libVersion atomic.Pointer[string]
	// lastActive is when the client was last heard, in Unix nanoseconds.
	lastActive  atomic.Int64
	lastCommand atomic.Pointer[fsm.Command]
	proto       atomic.Int32
	readOnly    atomic.Bool
	noEvict     atomic.Bool
	noTouch     atomic.Bool
	// waiting: nothing runs, and input is waited for.
	waiting atomic.Bool
	// blocked: a command runs that waits for something else, so nothing is read and the client's end would go unnoticed.
	blocked atomic.Bool
	// large: the connection may hold more memory than an idle one needs.
	large atomic.Bool
	// inputSize and outputSize are the lengths of its buffers.
	inputSize, outputSize atomic.Int64
	traffic               traffic

	// The goroutine's own.

	in    input
	guard guard
	// batch collects commands; batch.Ops[:0] of ops. Its Reply holds replies that have not been sent.
	batch Batch
	ops   []Op
	// words holds the words of the collected commands, text those of inline commands, and literals
	// the replies among the commands that were made here.
	words    [][]byte
	text     []byte
	literals fsm.Writer
	// replyRoom and literalRoom are what the buffers of batch.Reply and literals take of the server's budget.
	replyRoom, literalRoom replyRoom
	// wordsCounted is what words takes of the server's budget.
	wordsCounted int
	// mark is where the reply that is being written here begins.
	mark int
	// count is the number of commands that were collected since the traffic was last counted, and last the latest.
	count uint64
	last  *fsm.Command
	reply replyMode
	// replicaReads is what READONLY asked for.
	replicaReads replicaReads
	// ending: close once the replies are sent.
	ending bool
	// hosted is what a connection has that a reactor serves; nil if it has a goroutine of its own.
	*hosted
	// writeDeadline is the deadline that is set on net.
	writeDeadline time.Time
}

func newConn(s *Server, nc net.Conn, listener int) *conn {
	c := &conn{server: s, net: nc, listener: listener, created: time.Now()}
	c.lifetime, c.end = context.WithCancel(s.lifetime)
	c.in.budget, c.replyRoom.budget, c.literalRoom.budget = &s.buffers, &s.buffers, &s.buffers
	c.batch.Reply.Room, c.literals.Room = &c.replyRoom, &c.literalRoom
	c.batch.Listener = listener
	c.lastActive.Store(c.created.UnixNano())
	c.setProto(2)
	return c
}

// wake interrupts a wait for input. The connection then gives its buffers back, or ends if the
// server is closing.
func (c *conn) wake() {
	if c.hosted != nil {
		c.rouse()
		return
	}
	c.net.SetReadDeadline(time.Unix(1, 0))
}

// cut closes the connection at once.
func (c *conn) cut() {
	c.end()
	c.net.Close()
	if c.hosted != nil {
		c.rouse() // nothing else tells the reactor
	}
}

// setProto switches the version of the protocol in which replies are written.
func (c *conn) setProto(version int) {
	c.batch.Reply.Proto = version
	c.literals.Proto = version
	c.proto.Store(int32(version))
}

// serve runs the connection until its client leaves or is thrown out.
//
// There is no recover here: a panic is a bug of ours, and a replica that may be wrong must stop.
func (c *conn) serve() {
	defer c.leave()
	for {
		more, ok := c.serveBatch()
		if !ok || !more && c.read() != nil {
			return
		}
	}
}

// leave gives back all that the connection has.
func (c *conn) leave() {
	c.cut()
	c.in.release()
	c.batch.Reply.Buf, c.literals.Buf = nil, nil
	c.replyRoom.release()
	c.literalRoom.release()
	c.server.buffers.release(c.wordsCounted)
	c.server.clients.remove(c)
}

// serveBatch runs a batch of the commands that have come and sends the replies. more says that commands may be left
// then; if it returns not ok, the connection ends.
func (c *conn) serveBatch() (more, ok bool) {
	more, err := c.collect()
	violation, violated := err.(protocolError)
	if err != nil && !violated {
		return false, false
	}
	if c.execute() != nil {
		return false, false
	}
	if violated {
		c.refuse(violation)
		return false, false
	}
	return more, c.conclude()
}

// conclude sends the replies of a batch, and returns false if the connection ends then.
func (c *conn) conclude() bool {
	if c.flush() != nil {
		return false
	}
	c.endBatch()
	if c.ending || c.server.isClosing() {
		c.hangUp()
		return false
	}
	return true
}

// collect takes whole commands out of the input into the batch. It stops when there is no more, or
// when the batch is large enough; more says that commands may be left then. After a protocolError the
// commands before the violation have been collected; any other error ends the connection at once.
func (c *conn) collect() (more bool, err error) {
	maxBulk := c.server.settings.maxBulk.Load()
	taken := 0
	for !c.ending && !c.refused() {
		if len(c.ops) >= batchOps || taken >= batchBytes || len(c.batch.Reply.Buf)+len(c.literals.Buf) >= flushAt {
			return true, nil
		}
		data := c.in.unread()
		f, err := c.guard.next(data, maxBulk)
		if err != nil {
			return false, err
		}
		if f.size == 0 {
			return false, nil
		}
		c.in.take(f.size)
		taken += f.size
		words, err := c.split(data[:f.size], f)
		if err != nil {
			return false, err
		}
		if len(words) == 0 {
			continue
		}
		if c.hosted != nil && c.onReactor && !c.isQuick(words) {
			c.in.take(-f.size)
			c.words = c.words[:len(c.words)-len(words)]
			c.slow = true
			return true, nil
		}
		if err := c.dispatch(words); err != nil {
			return false, err
		}
	}
	return false, nil
}

// split returns the words of a whole command. They stay valid until the batch has run.
func (c *conn) split(data []byte, f frame) ([][]byte, error) {
	n := len(c.words)
	if f.inline {
		line := data[:len(data)-1]
		if len(line) > 0 && line[len(line)-1] == '\r' {
			line = line[:len(line)-1]
		}
		words, text, ok := splitInline(line, c.words, c.text)
		if !ok {
			return nil, protocolError("unbalanced quotes in request")
		}
		c.words, c.text = words, text
		return words[n:len(words):len(words)], nil
	}
	if f.words == 0 {
		return nil, nil
	}
	if cap(c.words)-n < f.words {
		// The words of earlier commands stay where they are.
		size := max(f.words, min(2*cap(c.words), retainedWords), 64)
		if extra := wordSize * max(0, size-retainedWords); extra > 0 {
			if !c.server.buffers.reserve(extra) {
				c.logMemory(errBuffersExhausted)
				return nil, errBuffersExhausted
			}
			c.wordsCounted += extra
		}
		c.words, n = make([][]byte, 0, size), 0
	}
	complete, words, _, left, err := redcon.ReadNextCommand(data, c.words[n:n])
	if !complete || err != nil || len(left) != 0 || len(words) != f.words {
		panic("BUG: resp: the guard passed a frame that redcon does not take")
	}
	c.words = c.words[:n+f.words]
	return words[:f.words:f.words], nil
}

// execute has the backend run the commands that were collected. The replies are in the batch after it,
// or were sent. No command is run twice, whatever the error.
func (c *conn) execute() error {
	if len(c.ops) == 0 {
		return nil
	}
	c.batch.Linearizable = c.linearizable()
	c.batch.Ops = c.ops
	err := c.executeRest()
	c.endOps()
	return err
}

// endOps forgets the commands that have run.
func (c *conn) endOps() {
	clear(c.ops)
	c.ops = c.ops[:0]
	c.batch.Ops = nil
	c.literals.Buf = c.literals.Buf[:0]
}

// ran takes note that the backend has run the first commands of the batch.
func (c *conn) ran(done int) {
	if done < 1 || done > len(c.batch.Ops) {
		panic("BUG: resp: the backend ran no command or more than it was given")
	}
	c.batch.Ops = c.batch.Ops[done:]
}

// executeRest runs what is left of the batch. The backend makes no replies that the client does not want.
func (c *conn) executeRest() error {
	for len(c.batch.Ops) > 0 {
		c.batch.Reply.Discard = c.reply != replyOn || c.refused()
		c.ran(c.server.backend.Execute(&c.batch))
		c.batch.Reply.Discard = c.refused()
		if len(c.batch.Ops) > 0 || c.refused() || len(c.batch.Reply.Buf) >= flushAt {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// endBatch makes the memory of a batch ready for the next one.
func (c *conn) endBatch() {
	if cap(c.words) > retainedWords {
		c.words = nil
	}
	clear(c.words)
	c.words = c.words[:0]
	c.server.buffers.release(c.wordsCounted)
	c.wordsCounted = 0
	if cap(c.text) > maxInline {
		c.text = nil
	}
	c.text = c.text[:0]
	if cap(c.literals.Buf) > retainedReply {
		c.literals.Buf = nil
		c.literalRoom.release()
	}
	if c.count > 0 {
		c.traffic.commands.Add(c.count)
		c.count = 0
		c.lastCommand.Store(c.last)
	}
}

// read waits for input. It returns an error when the connection is to end.
func (c *conn) read() error {
	for {
		c.waiting.Store(true)
		n, err := c.in.fill(c.net, c.guard.want(), c.server.settings.maxQuery.Load())
		c.waiting.Store(false)
		c.inputSize.Store(int64(len(c.in.buf)))
		if n > 0 {
			c.large.Store(true)
			c.traffic.reads.Add(1)
			c.traffic.inputBytes.Add(uint64(n))
			c.lastActive.Store(time.Now().UnixNano())
			return nil
		}
		switch {
		case err == nil:
			// A reader may return nothing; it does not do so for ever.
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			// Cleared before closing is looked at: who closes sets closing first.
			c.net.SetReadDeadline(time.Time{})
			if c.server.isClosing() {
				return err
			}
			c.shrink()
		default:
			if errors.Is(err, errQueryTooLarge) || errors.Is(err, errBuffersExhausted) {
				c.logMemory(err)
			}
			return err
		}
	}
}

// logMemory reports a connection that ends for the memory it asked for.
func (c *conn) logMemory(reason error) {
	c.server.stats.evicted.Add(1)
	c.server.log.Warn("resp: closing a client", "reason", reason, "client", c.id, "address", c.net.RemoteAddr(),
		"unread", len(c.in.unread()), "unsent", len(c.batch.Reply.Buf), "all", c.server.buffers.used.Load())
}

// shrink gives the memory of an idle connection back.
func (c *conn) shrink() {
	c.in.shrink()
	c.batch.Reply.Buf, c.literals.Buf, c.text = nil, nil, nil
	c.replyRoom.release()
	c.literalRoom.release()
	c.ops, c.words = nil, nil
	c.inputSize.Store(int64(len(c.in.buf)))
	c.outputSize.Store(0)
	c.large.Store(false)
}

// refuse answers a violation of the protocol, before the connection ends.
func (c *conn) refuse(violation protocolError) {
	c.server.log.Debug("resp: closing a client", "reason", violation, "client", c.id, "address", c.net.RemoteAddr())
	w := c.openReply()
	w.Error("ERR " + violation.Error())
	c.closeReply()
	if c.flush() == nil {
		c.hangUp()
	}
}
