package replica

import (
	"errors"

	"redoubt/fsm"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// Replies to a write that was not taken.
const (
	// diskFullError has the code with which Redis refuses writes that it could not persist.
	diskFullError = "MISCONF Errors writing to the log: no space left on device; writes are refused until there is room"
	tooLargeError = "ERR command exceeds max-entry-bytes"
)

// refuse answers ops that were not done, or whose outcome is unknown. Their writes are either certainly
// not done, and then redirected, or unknown, and then said to be (P3). Reads have no outcome to doubt.
func (q *Request) refuse(ops []resp.Op, reason error) (done int, ok bool) {
	b := q.batch
	q.leader = q.replica.leaderAddress(b.Listener)
	for _, op := range ops {
		switch {
		case op.Command == nil:
			b.Reply.Raw(op.Literal)
		case errors.Is(reason, raft.ErrUncertain) && op.Command.Writes():
			resp.AppendUncertain(&b.Reply)
		case errors.Is(reason, raft.ErrOverloaded):
			b.Reply.Error("TRYAGAIN Too many writes are waiting to be committed")
		case errors.Is(reason, raft.ErrDiskFull):
			b.Reply.Error(diskFullError)
		case errors.Is(reason, raft.ErrTooLarge):
			b.Reply.Error(tooLargeError)
		default:
			q.redirect(op)
		}
	}
	return len(ops), true
}

// aside answers a batch without a round of its own: literals, on a node that does not lead reads after READONLY from
// the applied state, and redirects for everything else.
func (q *Request) aside() (done int, ok bool) {
	r, b := q.replica, q.batch
	for i, op := range q.ops {
		if i > 0 && len(b.Reply.Buf) > maxReplyBytes {
			return i, true
		}
		switch {
		case op.Command == nil:
			b.Reply.Raw(op.Literal)
		case op.Command.Writes() || !b.ReadOnly:
			q.redirect(op)
		case r.loading():
			b.Reply.Error("LOADING Redoubt is applying its log")
		default:
			r.machine.RLock()
			r.machine.Read(0, op.Args, &b.Reply)
			r.machine.RUnlock()
		}
	}
	return len(q.ops), true
}

// loading tells whether the node has yet to apply what it knew to be committed before its start: until then its
// state may be older than what it has shown already.
func (r *Replica) loading() bool { return r.gate.applied.Load() < r.bootCommit }

// redirect names the leader, at the address it announces for the connection's listener. Commands
// without a key name slot 0: one group owns every slot.
func (q *Request) redirect(op resp.Op) {
	if q.leader == "" {
		resp.AppendClusterDown(&q.batch.Reply)
		return
	}
	slot := 0
	if keys := op.Command.Keys(op.Args); len(keys) > 0 {
		slot = fsm.Slot(keys[0])
	}
	resp.AppendMoved(&q.batch.Reply, slot, q.leader)
}

// leaderAddress returns where another node that leads, or knows who does, serves clients, or "" if that is not known.
func (r *Replica) leaderAddress(listener int) string {
	switch leader := r.raft.Load().Standing().Leader; leader {
	case core.None:
		return r.addressElsewhere(listener)
	case r.ID():
		return ""
	default:
		return r.options.Redirect(leader, listener)
	}
}

// addressElsewhere returns where a voter serves clients if this node was removed, or "". It hears of no leader any more, but
// they do.
func (r *Replica) addressElsewhere(listener int) string {
	configuration := r.configuration.Load()
	if _, member := configuration.Member(r.ID()); member || r.ID() > configuration.HighestID {
		return ""
	}
	for _, m := range configuration.Members {
		if address := r.options.Redirect(m.ID, listener); m.Voter && address != "" {
			return address
		}
	}
	return ""
}
