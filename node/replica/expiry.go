package replica

import (
	"sync/atomic"

	"redoubt/fsm"
	"redoubt/raft"
	"redoubt/raft/core"
)

// expiry logs entries while keys are due, so that memory is freed and reads of such keys need not wait. Reads of a due
// key that come earlier make such an entry themselves.
type expiry struct {
	replica *Replica
	running atomic.Bool
	ticket  ticket
	nothing fsm.Writer
}

func (e *expiry) init(r *Replica) {
	e.replica = r
	e.ticket.wake = e.resume
}

// begin logs the first entry, unless one is under way.
func (e *expiry) begin(node *raft.Raft) {
	if e.running.CompareAndSwap(false, true) {
		e.propose(node)
	}
}

func (e *expiry) propose(node *raft.Raft) {
	e.ticket.begin(nil, &e.nothing)
	node.Propose(expiryEntry(), &e.ticket)
}

// resume goes on after an entry: one removes a bounded number of keys.
func (e *expiry) resume() {
	if e.ticket.reason == nil && e.replica.keysAreDue() {
		e.propose(e.replica.raft.Load())
		return
	}
	e.running.Store(false) // done, or not the leader any more, or overloaded: the next tick looks again
}

// expiryEntry is an entry without commands. It carries the present log time, by which every key due now is gone for
// good, on every replica.
func expiryEntry() []byte { return fsm.AppendBatchHeader(nil) }

// keysAreDue reports whether this replica leads and holds a key whose deadline has passed by its log clock.
func (r *Replica) keysAreDue() bool {
	node := r.raft.Load()
	if node.Standing().Role != core.Leader {
		return false
	}
	now := node.LogNow()
	r.machine.RLock()
	defer r.machine.RUnlock()
	return r.machine.NextDeadline() < now
}
