package node

import (
	"sync"

	"redoubt/fsm"
	"redoubt/resp"
)

// ticket follows one proposal: the ops of a pipeline, writes and the reads and literals between
// them, whose replies the applier writes. Exactly one of applied and Dropped ends it.
type ticket struct {
	ops   []resp.Op
	reply *fsm.Writer
	// answered is how many of ops have their reply, once applied; those after them are reads.
	answered int
	reason   error         // why it was dropped, or nil
	wake     chan struct{} // capacity 1
}

// tickets are reused: one belongs to one waiting connection at a time.
type ticketPool struct{ pool sync.Pool }

func (p *ticketPool) get(ops []resp.Op, reply *fsm.Writer) *ticket {
	t, ok := p.pool.Get().(*ticket)
	if !ok {
		t = &ticket{wake: make(chan struct{}, 1)}
	}
	t.ops, t.reply, t.answered, t.reason = ops, reply, 0, nil
	return t
}

func (p *ticketPool) put(t *ticket) {
	t.ops, t.reply = nil, nil
	p.pool.Put(t)
}

// Dropped implements raft.Ticket.
func (t *ticket) Dropped(reason error) {
	t.reason = reason
	t.wake <- struct{}{}
}

// applied wakes the connection: every reply is written.
func (t *ticket) applied() { t.wake <- struct{}{} }

// wait blocks until the outcome is known and returns why there is none, or nil.
func (t *ticket) wait() error {
	<-t.wake
	return t.reason
}
