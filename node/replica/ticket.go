package replica

import (
	"redoubt/fsm"
	"redoubt/resp"
)

// ticket follows one proposal: the ops of a pipeline, writes and the reads and literals between
// them, whose replies Apply writes. Exactly one of applied and Dropped ends it. It serves one proposal at a time.
type ticket struct {
	ops   []resp.Op
	reply *fsm.Writer
	// answered is how many of ops have their reply, once applied; those after them are reads.
	answered int
	reason   error // why it was dropped, or nil
	// wake tells whoever proposed that the ticket has ended. It must not block.
	wake func()
}

// begin makes the ticket ready for a proposal.
func (t *ticket) begin(ops []resp.Op, reply *fsm.Writer) {
	t.ops, t.reply, t.answered, t.reason = ops, reply, 0, nil
}

// Dropped implements raft.Ticket.
func (t *ticket) Dropped(reason error) {
	t.reason = reason
	t.wake()
}

// applied says that every reply is written.
func (t *ticket) applied() { t.wake() }
