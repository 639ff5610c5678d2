package sim

import (
	"slices"
	"strconv"
	"time"

	"redoubt/fsm"
	"redoubt/node/replica"
	"redoubt/resp"
)

// exchange is one request of a client to a node, on a connection of its own: what the front end would make of the bytes.
type exchange struct {
	c       *client
	attempt int
	p       *process
	request *replica.Request
	batch   resp.Batch
	rest    []resp.Op
	// read is what the replies to rest must show if it only reads, and seen how many bytes of replies there were at the last look.
	read claim
	seen int
	// over: the replies have left, or the process has ended.
	over bool
}

// request sends a client's open commands to a machine.
func (w *world) request(c *client, m *machine, attempt int) {
	ops := makeOps(c.call)
	readOnly := c.through == reading
	if w.trace.on() {
		w.trace.write(w.now, c.name(), "asks %s (attempt %d): %s", m.name(), attempt, describeCommands(c.call.open))
	}
	if !w.load.calm && c.random.chance(w.plan.load.requestLoss) {
		return
	}
	w.after(c.delay(), func() {
		if m.hidden {
			return
		}
		if m.process == nil {
			w.after(c.delay(), func() { c.refused(attempt) })
			return
		}
		if m.process.deaf() {
			return
		}
		x := &exchange{c: c, attempt: attempt, p: m.process, rest: ops}
		x.batch.Reply.Proto = c.proto
		x.batch.ReadOnly, x.batch.Linearizable = readOnly, w.plan.load.linearizableReaders
		m.process.exchanges = append(m.process.exchanges, x)
		m.process.do(x.begin)
	})
}

func (c *client) delay() time.Duration {
	return c.random.duration(c.w.plan.network.delayMin, c.w.plan.network.delayMax)
}

// makeOps makes the ops of a call's open commands, as the front end does.
func makeOps(call *call) []resp.Op {
	ops := make([]resp.Op, 0, len(call.open)+1)
	for _, cmd := range call.open {
		args := make([][]byte, len(cmd.words))
		for i, word := range cmd.words {
			args[i] = []byte(word)
		}
		ops = append(ops, resp.Op{Command: lookup(cmd.words), Args: args, Session: cmd.session, Sequence: cmd.sequence})
	}
	if call.token != "" {
		ops = append(ops, resp.Op{Literal: []byte("+" + call.token + "\r\n")})
	}
	return ops
}

// lookup returns the row of the command table for a command's words.
func lookup(words []string) *fsm.Command {
	row := fsm.Lookup([]byte(words[0]))
	if row != nil && len(row.Subcommands) > 0 && len(words) > 1 {
		if sub := row.Sub([]byte(words[1])); sub != nil {
			return sub
		}
	}
	if row == nil {
		panic("BUG: sim: no command " + strconv.Quote(words[0]))
	}
	return row
}

func (x *exchange) begin() {
	x.request = x.p.replica.NewRequest(x.wake)
	x.advance(x.next())
}

// next hands what is left to the replica.
func (x *exchange) next() (done int, ok bool) {
	x.batch.Ops = x.rest
	x.read, x.seen = x.p.m.w.check.claims(x.p), len(x.batch.Reply.Buf)
	waiting := x.p.manual.Queued().Proposals
	done, ok = x.request.Begin(&x.batch)
	if x.p.manual.Queued().Proposals > waiting {
		x.p.m.w.check.takesWrite(x.p)
	}
	return done, ok
}

// wake is called by the replica when the request has something to do.
func (x *exchange) wake() {
	m := x.p.m
	if d := x.p.pauseAtWake; d > 0 {
		x.p.pauseAtWake = 0
		x.p.pause(d)
	}
	delay := m.random.duration(0, m.w.plan.loopDelay)
	if m.random.chance(m.w.plan.stall) {
		delay += m.random.duration(0, m.w.plan.stallMax)
	}
	x.p.later(delay, func() {
		if !x.over {
			x.advance(x.request.Resume())
		}
	})
}

// advance takes in what the replica has answered, and goes on with what it left.
func (x *exchange) advance(done int, ok bool) {
	x.look()
	for ok {
		x.rest = x.rest[done:]
		if len(x.rest) == 0 {
			x.reply()
			return
		}
		done, ok = x.next()
		x.look()
	}
}

// look lets the checker see what was read just now, if it was a linearizable read and has more than an error to show: some of
// a batch is read before the rest waits once more, for a key's deadline to be logged.
func (x *exchange) look() {
	writes := func(op resp.Op) bool { return op.Command != nil && op.Command.Writes() }
	stale := x.batch.ReadOnly && !x.batch.Linearizable
	replies := x.batch.Reply.Buf[min(x.seen, len(x.batch.Reply.Buf)):]
	x.seen = len(x.batch.Reply.Buf)
	if !stale && len(replies) > 0 && replies[0] != '-' && x.rest[0].Command != nil && !slices.ContainsFunc(x.rest, writes) {
		x.p.m.w.check.served(x.p, x.read)
	}
}

// reply sends the replies back; the connection may break before, among or after them.
func (x *exchange) reply() {
	x.over = true
	w, c, data := x.p.m.w, x.c, x.batch.Reply.Buf
	x.p.forget(x)
	if x.p.dead || x.p.m.hidden {
		return
	}
	if !w.load.calm && c.random.chance(w.plan.load.replyLoss) {
		data = cutReplies(data, c.random)
		if data == nil {
			w.after(c.delay(), func() { c.unanswered(x.attempt) })
			return
		}
	}
	w.after(c.delay(), func() { c.answered(x.attempt, data) })
}

// broken: the process has ended with the request under way. Its client learns so at once, or never.
func (x *exchange) broken() {
	x.over = true
	if x.c.random.oneIn(3) {
		return
	}
	x.p.m.w.after(x.c.delay(), func() { x.c.unanswered(x.attempt) })
}

// forget drops an exchange that has ended.
func (p *process) forget(x *exchange) {
	for i := range p.exchanges {
		if p.exchanges[i] == x {
			p.exchanges = append(p.exchanges[:i], p.exchanges[i+1:]...)
			return
		}
	}
}
