package resp

import (
	"errors"
	"sync/atomic"
	"time"

	"redoubt/fsm"
	"redoubt/internal/sockio"
)

// hosted is what a connection has that a reactor serves. One goroutine at a time has taken the connection, with
// everything in it: one of the reactor's, or one aside. None has it while it waits for input, or for its task.
type hosted struct {
	reactor *reactor
	source  *sockio.Reader
	sink    *sockio.Writer
	// owned is free, taken or noticed.
	owned atomic.Int32

	// task runs the batches; underWay says that it has one. met counts to two: the task has been left to itself, and it
	// has been woken. Who comes second goes on.
	task     Task
	underWay bool
	met      atomic.Int32

	// more and violation are what collect said. drained: nothing more had come at the last read.
	more, drained bool
	violation     error
	// onReactor is false while the connection is served aside; slow says that its next command must be.
	onReactor, slow bool
	// heard is the time of the reactor's turn in Unix nanoseconds: a look at the clock for each read and write would show.
	heard int64
}

const (
	free int32 = iota
	taken
	// noticed: taken, and there is something to do again.
	noticed
)

// take takes a connection that is free. If it is not, who has it will look again.
func (c *conn) take() bool {
	for {
		switch c.owned.Load() {
		case free:
			if c.owned.CompareAndSwap(free, taken) {
				c.waiting.Store(false)
				c.drained = false
				return true
			}
		case taken:
			if c.owned.CompareAndSwap(taken, noticed) {
				return false
			}
		default:
			return false
		}
	}
}

// release lets the connection wait for input. It returns false if there is something to do.
func (c *conn) release() bool {
	c.waiting.Store(true)
	if c.owned.CompareAndSwap(taken, free) {
		return true
	}
	c.waiting.Store(false)
	c.owned.Store(taken)
	c.drained = false
	return false
}

// rouse makes the reactor look at the connection.
func (c *conn) rouse() {
	if c.take() {
		c.reactor.push(c)
	}
}

// woken: the task can go on.
func (c *conn) woken() {
	if c.met.Add(1) == 2 {
		c.met.Store(0)
		c.reactor.push(c)
	}
}

// left reports whether the task, which is not done, can be left to itself until it is woken.
func (c *conn) left() bool {
	if c.met.Add(1) == 2 {
		c.met.Store(0)
		return false
	}
	return true
}

// arrived serves a connection that has input. now is in Unix nanoseconds, here and below.
func (c *conn) arrived(now int64) {
	if c.take() {
		c.heard = now
		c.step()
	}
}

// resume goes on with a connection that was taken, where it stands.
func (c *conn) resume(now int64) {
	c.heard = now
	if !c.underWay {
		c.step()
		return
	}
	c.underWay = false
	if c.advance(c.task.Resume()) && c.concluded() {
		c.step()
	}
}

// maxSteps bounds the batches of one connection in a turn, so that others get theirs.
const maxSteps = 16

// step serves a connection for as long as nothing has to be waited for. It has been taken, and has been let go or
// passed on when step returns.
func (c *conn) step() {
	for range maxSteps {
		if !c.more {
			switch ok, err := c.receive(); {
			case err != nil:
				c.depart()
				return
			case !ok:
				return
			}
		}
		if !c.begin() || !c.concluded() {
			return
		}
	}
	c.reactor.push(c)
}

// receive reads what has come. It returns false if there was nothing, and the connection has been released.
func (c *conn) receive() (bool, error) {
	for {
		if c.server.isClosing() {
			c.aside(c.hangUpAside)
			return false, nil
		}
		if c.drained && c.release() {
			return false, nil
		}
		n, err := c.in.fill(tryReader{c.source}, c.guard.want(), c.server.settings.maxQuery.Load())
		c.inputSize.Store(int64(len(c.in.buf)))
		c.drained = !c.in.full
		if n > 0 {
			c.large.Store(true)
			c.traffic.reads.Add(1)
			c.traffic.inputBytes.Add(uint64(n))
			c.lastActive.Store(c.heard)
			return true, nil
		}
		switch {
		case err == sockio.ErrWouldBlock:
			c.drained = true
			if time.Duration(c.heard-c.lastActive.Load()) > idleAfter && c.large.Load() {
				c.shrink()
			}
		case err == nil:
		default:
			if errors.Is(err, errQueryTooLarge) || errors.Is(err, errBuffersExhausted) {
				c.logMemory(err)
			}
			return false, err
		}
	}
}

// begin runs a batch of what has come. It returns false if the connection has been passed on.
func (c *conn) begin() bool {
	if c.reply != replyOn {
		c.aside(c.serveAside)
		return false
	}
	c.slow = false
	var err error
	c.more, err = c.collect()
	c.violation = nil
	if _, violated := err.(protocolError); violated {
		c.violation = err
	} else if err != nil {
		c.depart()
		return false
	}
	if len(c.ops) == 0 {
		return true
	}
	c.batch.Linearizable = c.linearizable()
	c.batch.Ops = c.ops
	c.batch.Reply.Discard = c.refused()
	return c.advance(c.task.Begin(&c.batch))
}

// advance goes on after the task has run some commands, if ok, or has begun to.
func (c *conn) advance(done int, ok bool) bool {
	for {
		for !ok {
			c.underWay = true
			if c.left() {
				return false // not ours any more
			}
			c.underWay = false
			done, ok = c.task.Resume()
		}
		c.ran(done)
		if len(c.batch.Ops) == 0 {
			c.endOps()
			return true
		}
		if !c.send() {
			c.aside(c.serveAside)
			return false
		}
		done, ok = c.task.Begin(&c.batch)
	}
}

// concluded ends a batch. It returns false if the connection has been passed on.
func (c *conn) concluded() bool {
	switch {
	case !c.send() || c.violation != nil || c.ending || c.server.isClosing():
		c.aside(c.serveAside)
		return false
	case c.slow:
		c.aside(c.serveAside)
		return false
	}
	c.endBatch()
	return true
}

// send writes the replies of the batch as far as the socket has room for them, and reports whether that was all.
func (c *conn) send() bool {
	buf := c.batch.Reply.Buf
	if c.refused() || cap(buf) > retainedReply {
		return false // flush sees to it
	}
	if len(buf) == 0 {
		return true
	}
	c.outputSize.Store(int64(cap(buf)))
	n, _ := c.sink.TryWrite(buf) // an error will be met aside
	if n > 0 {
		c.traffic.writes.Add(1)
		c.traffic.outputBytes.Add(uint64(n))
	}
	c.lastActive.Store(c.heard)
	c.batch.Reply.Buf = buf[:copy(buf, buf[n:])]
	return n == len(buf)
}

// aside passes the connection to a goroutine of its own.
func (c *conn) aside(serve func()) {
	c.onReactor = false
	go serve()
}

func (c *conn) hangUpAside() {
	c.hangUp()
	c.depart()
}

// serveAside brings the batch that was begun to its end, and then serves as serve does, until there is nothing more to do but
// wait for input: that the reactor does.
func (c *conn) serveAside() {
	if !c.finish() {
		c.depart()
		return
	}
	for more := true; more; {
		var ok bool
		if more, ok = c.serveBatch(); !ok {
			c.depart()
			return
		}
	}
	if !c.writeDeadline.IsZero() {
		c.writeDeadline = time.Time{}
		c.net.SetWriteDeadline(c.writeDeadline)
	}
	c.onReactor, c.more, c.drained = true, false, false
	c.reactor.push(c)
}

// finish does what is left of the batch.
func (c *conn) finish() bool {
	if len(c.batch.Ops) > 0 {
		if c.flush() != nil || c.executeRest() != nil {
			return false
		}
		c.endOps()
	}
	if violation, ok := c.violation.(protocolError); ok {
		c.refuse(violation)
		return false
	}
	return c.conclude()
}

// depart ends the connection.
func (c *conn) depart() {
	c.reactor.forget(c)
	c.owned.Store(noticed) // for good
	c.leave()
}

// isQuick reports whether a command can be run without waiting for anything but the log, and takes no longer than
// others can be kept waiting.
func (c *conn) isQuick(words [][]byte) bool {
	if command := fsm.Lookup(words[0]); command != nil && command.Keyed() {
		if len(command.Subcommands) > 0 && len(words) > 1 && !isEnvelope(words) {
			if command = command.Sub(words[1]); command == nil {
				return true // there is none: an error
			}
		}
		return command.Writes() || command.Flags&fsm.FlagFast != 0 || isEnvelope(words)
	}
	l := c.server.commands.find(words[0])
	return l == nil || l.anytime && len(l.subs) == 0
}

// tryReader reads what has come.
type tryReader struct{ *sockio.Reader }

func (r tryReader) Read(b []byte) (int, error) { return r.TryRead(b) }
