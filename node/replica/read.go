package replica

import (
	"errors"

	"redoubt/raft"
	"redoubt/resp"
)

// confirm asks raft for a read index for the batch's reads: on a node that follows, from the leader.
func (q *Request) confirm(forward bool) (done int, ok bool) {
	q.state = confirming
	q.reading.forwarded = forward
	if forward {
		q.replica.forwardedReads.Add(1)
		q.seen = q.replica.lobby.seen()
		q.reading.deadline = q.replica.clock.Mono() + 2*q.replica.options.Election.Milliseconds()
	}
	q.replica.raft.Load().Confirm(&q.reading, forward)
	return 0, false
}

// afterConfirmation serves the reads that were confirmed. A read that was not is as good as new, whatever the reason.
func (q *Request) afterConfirmation() (done int, ok bool) {
	reason := q.reading.result.Err
	switch {
	case reason == nil && !q.reading.turnedAway && q.reading.forwarded:
		return q.aside()
	case reason == nil && !q.reading.turnedAway:
		q.now = q.replica.raft.Load().LogNow()
		return q.read()
	case q.reading.forwarded && (reason == nil || errors.Is(reason, raft.ErrNotLeader)):
		return q.wait(q.seen) // who was asked says no: it does so again until something changes
	case reason == nil || errors.Is(reason, raft.ErrNotLeader):
		return q.again()
	default:
		return q.refuse(q.ops, reason)
	}
}

// read serves the batch on the leader. It ends early once many replies wait to be sent.
func (q *Request) read() (done int, ok bool) {
	r := q.replica
	served, due := r.readOps(q.batch, q.ops[q.done:], q.now)
	if until := q.reading.result.Until; until != 0 && r.clock.Mono() >= until {
		// The lease has run out meanwhile: what was read may be old.
		q.batch.Reply.Buf = q.batch.Reply.Buf[:q.before]
		q.done = 0
		return q.confirm(false)
	}
	q.done += served
	if !due {
		return q.done, true
	}
	// A key's deadline lies between log time and our clock. Only the log may declare it
	// expired, or the next leader, with an earlier clock, would bring it back (P4).
	q.state = expiring
	q.ticket.begin(nil, &q.batch.Reply)
	r.raft.Load().Propose(expiryEntry(), &q.ticket)
	return 0, false
}

// afterExpiry reads on. The entry has confirmed, later than the read index did, that this node leads.
func (q *Request) afterExpiry() (done int, ok bool) {
	reason := q.ticket.reason
	switch {
	case reason == nil:
		// Leadership may have been lost and won again, with a log clock that starts behind the old one.
		q.now = min(q.now, q.replica.raft.Load().LogNow())
		q.reading.result.Until = 0
		return q.read()
	case q.done > 0:
		return q.done, true // the rest comes again
	case errors.Is(reason, raft.ErrNotLeader), errors.Is(reason, raft.ErrUncertain):
		return q.again() // a read has no outcome to doubt
	default:
		return q.refuse(q.ops, reason)
	}
}

// readOps serves ops from the applied state until one must wait for an expiry, or the replies grow large.
func (r *Replica) readOps(b *resp.Batch, ops []resp.Op, now int64) (done int, due bool) {
	r.machine.RLock()
	defer r.machine.RUnlock()
	r.warmOps(ops)
	for i := range ops {
		if i > 0 && len(b.Reply.Buf) > maxReplyBytes {
			return i, false
		}
		if ops[i].Command == nil {
			b.Reply.Raw(ops[i].Literal)
			continue
		}
		if r.machine.Read(now, ops[i].Args, &b.Reply) {
			return i, true
		}
	}
	return len(ops), false
}
