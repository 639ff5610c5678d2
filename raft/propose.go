package raft

import "redoubt/raft/core"

// proposal is a command that is not in the log yet.
type proposal struct {
	command []byte
	ticket  Ticket
}

// proposalOverhead is what a waiting proposal costs beside its command, in bytes, about.
const proposalOverhead = 64

func (p proposal) size() int64 { return int64(len(p.command)) + proposalOverhead }

// Propose hands a command over without waiting. The ticket travels with the entry to the service on this
// node, or is told by Dropped why it never will. The command's bytes must not be changed afterwards.
//
// Where two or more propose at once, one may wait for others for some hundred microseconds, about 2 ms at most (see gatherer).
// While leadership is handed over, or a new cluster forms, proposals wait: they go into the log if this node goes on to
// lead, and are dropped with ErrNotLeader when another does.
func (r *Raft) Propose(command []byte, ticket Ticket) {
	p := proposal{command, ticket}
	switch {
	case len(command) > r.limits.EntryBytes:
		ticket.Dropped(ErrTooLarge)
	case r.diskFull.Load():
		ticket.Dropped(ErrDiskFull)
	case !r.admit(p.size()):
		ticket.Dropped(ErrOverloaded)
	case !r.inbox.addProposal(p):
		ticket.Dropped(ErrStopped)
	default:
		r.knock()
	}
}

// admit makes room for a proposal among those that wait to enter the log. However large, one always may.
func (r *Raft) admit(size int64) bool {
	if sum := r.waitingBytes.Add(size); sum > size && sum > int64(r.limits.UncommittedBytes) {
		r.waitingBytes.Add(-size)
		return false
	}
	return true
}

// maxUnsaved is how many increments may wait for the disk before proposals are held back. What arrives while one
// is being synced goes into the next append, so that batches grow with the load, and a lone client
// waits for nothing else. (Two give smaller batches and measured slower: docs/BENCH.md.)
const maxUnsaved = 1

// unsaved returns how many increments the disk has not finished.
func (r *Raft) unsaved() uint64 { return r.persisting - r.persisted }

// mayPropose tells whether the core will have an answer for the proposals that are held.
func (r *Raft) mayPropose() bool {
	if r.core.Status().Role != core.Leader {
		return true // a refusal
	}
	return r.unsaved() < maxUnsaved && !r.notYet
}

// propose appends all held commands at once.
func (r *Raft) propose() {
	if r.diskFull.Load() && r.core.Status().Role == core.Leader {
		r.refuseHeld(ErrDiskFull) // like those that come now: nobody knows when there will be room
	}
	if len(r.held) == 0 || !r.mayPropose() || r.gathering() {
		return
	}
	for _, p := range r.held {
		r.commands = append(r.commands, p.command)
	}
	effects := r.core.Step(core.Propose{Mono: r.clock.Mono(), Commands: r.commands})
	clear(r.commands)
	r.commands = r.commands[:0]
	switch effects.Proposed.Refusal {
	case core.Transferring, core.Forming:
		// It will not be long. The next tick and the next change of standing ask again.
		r.notYet = true
	default:
		r.answerHeld(*effects.Proposed)
	}
	r.carryOut(effects)
}

// refuseHeld tells all held proposals why they were not done.
func (r *Raft) refuseHeld(reason error) {
	for _, p := range r.held {
		r.waitingBytes.Add(-p.size())
		p.ticket.Dropped(reason)
	}
	r.gatherer.over()
	r.forgetHeld()
}

func (r *Raft) forgetHeld() {
	clear(r.held)
	r.held = r.held[:0]
}

// answerHeld gives each held proposal its place in the log, or the reason why it has none.
func (r *Raft) answerHeld(answer core.Proposed) {
	if answer.Refusal != core.Accepted {
		r.refuseHeld(refusalError(answer.Refusal))
		return
	}
	r.gatheredAll()
	at := answer.First
	for _, p := range r.held {
		r.waitingBytes.Add(-p.size())
		if t, ok := p.ticket.(Positioned); ok {
			t.Appended(at)
		}
		r.tickets.push(at, p.ticket)
		at.Index++
	}
	r.forgetHeld()
}

func refusalError(refusal core.Refusal) error {
	switch refusal {
	case core.Overloaded:
		return ErrOverloaded
	case core.TooLarge:
		return ErrTooLarge
	default:
		return ErrNotLeader
	}
}
