package raft

import (
	"slices"

	"redoubt/raft/core"
)

// Names of the core that whoever changes a membership needs.
type (
	// Member is one node of a Configuration.
	Member = core.Member
	// Change is one change of the membership.
	Change = core.Change
	// ChangeResult says what became of a change.
	ChangeResult = core.ChangeResult
)

// maxWaitingChanges bounds the changes that are asked for and not answered yet.
const maxWaitingChanges = 64

// pendingChange is a change of the membership that is not answered yet.
type pendingChange struct {
	id     uint64 // once the core was asked
	change Change
	done   func(ChangeResult)
}

// ChangeMembership asks the leader for a change of the membership (Raft §6, thesis chapter 4) and returns at once.
// done is called exactly once, from the node's loop (by ChangeMembership itself if the node has stopped), and must
// not block: with core.Accepted once the change has committed, with core.Unknown when leadership was lost or the
// node stopped before that was known, and with any other refusal when nothing was done.
func (r *Raft) ChangeMembership(change Change, done func(ChangeResult)) {
	if !r.inbox.addChange(pendingChange{change: change, done: done}) {
		done(ChangeResult{Refusal: core.NotLeader, Member: change.ID})
		return
	}
	r.knock()
}

// beginChange hands a change to the core.
func (r *Raft) beginChange(c pendingChange) {
	if len(r.changes) >= maxWaitingChanges {
		c.done(ChangeResult{Refusal: core.ChangePending, Member: c.change.ID})
		return
	}
	r.nextID++
	c.id = r.nextID
	r.changes = append(r.changes, c)
	r.step(core.ChangeMembership{ID: c.id, Mono: r.clock.Mono(), Change: c.change})
}

// endChange answers whoever asked for a change.
func (r *Raft) endChange(result ChangeResult) {
	i := slices.IndexFunc(r.changes, func(c pendingChange) bool { return c.id == result.ID })
	if i < 0 {
		panic("BUG: raft: the core answered a change that was not asked")
	}
	done := r.changes[i].done
	r.changes = slices.Delete(r.changes, i, i+1)
	done(result)
}

// dropChanges answers what was asked for when the node stops: those that the core took may yet be committed.
func (r *Raft) dropChanges(untaken []pendingChange) {
	for _, c := range r.changes {
		c.done(ChangeResult{ID: c.id, Refusal: core.Unknown, Member: c.change.ID})
	}
	r.changes = nil
	for _, c := range untaken {
		c.done(ChangeResult{Refusal: core.NotLeader, Member: c.change.ID})
	}
}

// followMembers tells a network that can follow the membership about the configuration in force. A node that is
// yet to join knows of none, and its network keeps the peers that it was given.
func (r *Raft) followMembers() {
	members := r.core.Configuration().Members
	if len(members) == 0 || len(members) == len(r.members) && &members[0] == &r.members[0] {
		return
	}
	changed := !slices.Equal(members, r.members)
	r.members = members
	if network, ok := r.network.(MembershipNetwork); ok && changed {
		network.SetMembers(slices.Clone(members))
	}
}
