package replica

import (
	"errors"
	"slices"

	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// maxReplyBytes stops a run of reads once so much waits to be sent. What is beyond it is done in the next step.
const maxReplyBytes = 1 << 20

// Request carries batches through the replica, one at a time: Begin does what can be done at once and leaves the
// rest to Resume, which is to be called after each wake-up. One goroutine at a time uses it.
type Request struct {
	replica *Replica
	wake    func()
	state   state
	batch   *resp.Batch
	// ops are the batch's, or stand for them; done of them have their reply.
	ops  []resp.Op
	done int
	// before is how many bytes of replies the batch held when it came.
	before int
	// now is the log clock by which reads are served, in milliseconds.
	now int64
	// seen is the lobby's number from before the leader was asked.
	seen uint64
	// leader is where the leader serves clients, as of the last look; "" if that is not known.
	leader string
	// deadline is when the request gives up waiting for a leader, in milliseconds of the monotonic clock; zero
	// before it waits.
	deadline int64
	ticket   ticket
	reading  reading
}

// state is what a request waits for.
type state uint8

const (
	idle state = iota
	// waitingForLeader: no leader is known.
	waitingForLeader
	// proposed: the batch's writes are in the log, or on their way to it.
	proposed
	// confirming: raft confirms the reads, or the state machine has yet to apply their index.
	confirming
	// expiring: a key that a read looked at is due, and an entry that says so is in the log.
	expiring
)

// NewRequest returns a request that belongs to whoever asks. wake is called, from any goroutine, once for each time
// that Begin or Resume returned not ok, when Resume has something to do: perhaps before they return. It must not
// block and must not call the replica.
func (r *Replica) NewRequest(wake func()) *Request {
	q := &Request{replica: r, wake: wake}
	q.ticket.wake = wake
	q.reading.wake, q.reading.gate = wake, &r.gate
	return q
}

// Begin runs a batch, which belongs to the request until it is done. If ok, the first done ops (one at least) have
// exactly one reply each, as resp.Backend.Execute says. Otherwise the request waits.
func (q *Request) Begin(b *resp.Batch) (done int, ok bool) {
	if q.state != idle {
		panic("BUG: replica: Begin of a request that is under way")
	}
	q.batch, q.before, q.deadline, q.leader = b, len(b.Reply.Buf), 0, ""
	return q.end(q.route())
}

// Resume goes on after a wake-up and returns as Begin does.
func (q *Request) Resume() (done int, ok bool) {
	state := q.state
	q.state = idle
	switch state {
	case waitingForLeader:
		return q.end(q.route())
	case proposed:
		return q.end(q.afterProposal())
	case confirming:
		return q.end(q.afterConfirmation())
	case expiring:
		return q.end(q.afterExpiry())
	default:
		panic("BUG: replica: Resume of a request that waits for nothing")
	}
}

// end lets go of what a request that is done was given.
func (q *Request) end(done int, ok bool) (int, bool) {
	if ok {
		q.batch, q.ops, q.ticket.ops, q.ticket.reply = nil, nil, nil, nil
	}
	return done, ok
}

// route chooses the batch's way by the standing of this node. Nothing of it has been done yet.
func (q *Request) route() (done int, ok bool) {
	q.batch.Reply.Buf = q.batch.Reply.Buf[:q.before]
	q.ops, q.done = q.batch.Ops, 0
	r := q.replica
	switch {
	case !slices.ContainsFunc(q.ops, isKeyed):
		return q.aside()
	case r.raft.Load().Standing().Role != core.Leader:
		return q.follow()
	case !slices.ContainsFunc(q.ops, isWrite):
		return q.confirm(false)
	case r.storage.full.Load():
		return q.readOnly()
	default:
		return q.propose()
	}
}

// again is taken when the batch was turned away for want of leadership, and certainly was not done.
func (q *Request) again() (done int, ok bool) {
	seen := q.replica.lobby.seen()
	if q.replica.raft.Load().Standing().Role == core.Leader {
		return q.wait(seen) // a hand-over may be under way
	}
	return q.route()
}

// follow runs a batch on a node that does not lead.
func (q *Request) follow() (done int, ok bool) {
	r := q.replica
	seen := r.lobby.seen()
	if r.raft.Load().Standing().Role == core.Leader {
		return q.route() // since a moment ago
	}
	q.leader = r.leaderAddress(q.batch.Listener)
	if q.leader == "" && slices.ContainsFunc(q.ops, q.needsLeader) {
		return q.wait(seen)
	}
	switch {
	case !q.batch.ReadOnly || !q.batch.Linearizable || !slices.ContainsFunc(q.ops, isRead):
		return q.aside()
	case r.raft.Load().Standing().Leader == core.None:
		return q.refuse(q.ops, raft.ErrNotLeader) // removed: others know who leads
	default:
		return q.confirm(true)
	}
}

// needsLeader tells whether an op of this batch has to do with the leader.
func (q *Request) needsLeader(op resp.Op) bool {
	return isKeyed(op) && (isWrite(op) || !q.batch.ReadOnly || q.batch.Linearizable)
}

// settled tells whether it is known who leads and where that node serves clients.
func (q *Request) settled() bool {
	return q.replica.raft.Load().Standing().Role == core.Leader || q.replica.leaderAddress(q.batch.Listener) != ""
}

// wait lets the batch wait for a leader to be known, unless the standing has changed since seen, and for twice an
// election timeout in all.
func (q *Request) wait(seen uint64) (done int, ok bool) {
	r := q.replica
	now := r.clock.Mono()
	if q.deadline == 0 {
		q.deadline = now + 2*r.options.Election.Milliseconds()
	}
	if now >= q.deadline {
		return q.refuse(q.ops, raft.ErrNotLeader)
	}
	q.state = waitingForLeader
	joined, changed := r.lobby.join(q, seen)
	switch {
	case joined:
		return 0, false
	case changed:
		q.state = idle
		return q.route()
	default:
		q.state = idle
		return q.refuse(q.ops, raft.ErrNotLeader)
	}
}

// readOnly serves a batch while the disk is full: its writes are refused, its reads are served.
func (q *Request) readOnly() (done int, ok bool) {
	q.ops = slices.Clone(q.ops)
	for i := range q.ops {
		if isWrite(q.ops[i]) {
			q.ops[i] = resp.Op{Literal: []byte("-" + diskFullError + "\r\n")}
		}
	}
	if !slices.ContainsFunc(q.ops, isKeyed) {
		return q.aside()
	}
	return q.confirm(false)
}

// propose hands the batch, or as much of its beginning as one entry may hold, to raft. Many reads ahead of its first write
// go first, by themselves.
func (q *Request) propose() (done int, ok bool) {
	r := q.replica
	if ahead := slices.IndexFunc(q.ops, isWrite); ahead > maxReadsAmongWrites {
		q.ops = q.ops[:ahead] // they need no entry, and are served in pieces
		return q.confirm(false)
	}
	command, covered := encode(q.ops, r.options.MaxEntryBytes)
	if covered == 0 {
		return q.refuse(q.ops[:1], raft.ErrTooLarge)
	}
	q.state = proposed
	q.ticket.begin(q.ops[:covered], &q.batch.Reply)
	r.raft.Load().Propose(command, &q.ticket)
	return 0, false
}

// afterProposal ends a batch that was proposed.
func (q *Request) afterProposal() (done int, ok bool) {
	t := &q.ticket
	switch {
	case t.reason == nil:
		return t.answered, true
	case errors.Is(t.reason, raft.ErrNotLeader):
		return q.again()
	default:
		// Apply may have failed in the middle: one reply for each op, not two.
		q.batch.Reply.Buf = q.batch.Reply.Buf[:q.before]
		return q.refuse(t.ops, t.reason)
	}
}

func isKeyed(op resp.Op) bool { return op.Command != nil }

func isWrite(op resp.Op) bool { return op.Command != nil && op.Command.Writes() }

func isRead(op resp.Op) bool { return op.Command != nil && !op.Command.Writes() }
