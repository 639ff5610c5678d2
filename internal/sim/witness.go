package sim

import (
	"maps"
	"slices"

	"redoubt/raft"
	"redoubt/raft/core"
)

// witness keeps what reached a process, as the network delivered it, and when, by the ticks of its clock. What a leader may do
// depends on whom it has heard.
type witness struct {
	ticks uint64
	// heard is when the last message of a node arrived, answered when its last answer to this node's own leadership did,
	// from the disk that is recorded for it.
	heard, answered map[raft.NodeID]uint64
	// votes are the disks whose votes arrived for this node in votesTerm.
	votes     map[raft.NodeID]uint64
	votesTerm uint64
	// candidates are the last to ask for a vote.
	candidates map[raft.NodeID]core.VoteRequest
	// unclear are those whose request before, of another term, may not have been answered when the last one came: which of
	// them a reply is for cannot be told.
	unclear map[raft.NodeID]bool
	// told is the newest term of a message that any node must follow: not of a request for a vote, unless a leader wished it.
	told uint64
	// commits are the commit indexes of the last ticks, oldest first.
	commits []uint64
	// savedAt is when the disk last finished a sync, savedBefore the newest tick before it at which it had finished one.
	savedAt, savedBefore uint64

	// stirredAt is when the node last heard a leader or a candidate, or stood for election; image is the index of the newest
	// snapshot of which a piece came.
	stirredAt, image uint64

	// configuration is the one in force when the process was last looked at.
	configuration located
	// agreed is the newest configuration that the log was seen to hold and the node to go by.
	agreed located
	// outSince is when it was first seen to lead although it is committed that it is no member, or zero.
	outSince uint64
}

func newWitness() witness {
	return witness{
		heard:      make(map[raft.NodeID]uint64),
		answered:   make(map[raft.NodeID]uint64),
		votes:      make(map[raft.NodeID]uint64),
		candidates: make(map[raft.NodeID]core.VoteRequest),
		unclear:    make(map[raft.NodeID]bool),
	}
}

// electionTicks is a node's election timeout by its own clock.
func (p *plan) electionTicks() uint64 { return uint64(max(1, p.election/p.tick)) }

// tick passes time.
func (w *witness) tick(p *process) {
	w.ticks++
	heartbeat := int(p.m.w.plan.heartbeat/p.m.w.plan.tick) + 3
	w.commits = append(w.commits, p.manual.Core().CommitIndex())
	if len(w.commits) > heartbeat {
		w.commits = w.commits[1:]
	}
}

// delivered takes in a message that arrives.
func (w *witness) delivered(p *process, m core.Message, instance uint64) {
	head := m.Head()
	w.heard[head.From] = w.ticks
	switch m := m.(type) {
	case core.AppendRequest, core.HeartbeatRequest, core.TimeoutNow:
		w.stirred()
	case core.SnapshotChunk:
		w.stirred()
		w.image = max(w.image, m.Meta.Index)
	case core.PreVoteRequest, core.PreVoteReply:
		return
	case core.VoteRequest:
		w.stirred()
		before, ok := w.candidates[m.From]
		queued := p.manual.Queued() // also an answer that waits for the disk
		unanswered := queued.Messages > 0 || queued.DiskJobs > 0
		w.unclear[m.From] = unanswered && (w.unclear[m.From] || ok && before.Term != m.Term)
		w.candidates[m.From] = m
		if !m.Transfer {
			return
		}
	case core.VoteReply:
		if head.Term > w.votesTerm {
			w.votesTerm = head.Term
			clear(w.votes)
		}
		if m.Granted && head.Term == w.votesTerm {
			w.votes[head.From] = instance
		}
	case core.HeartbeatReply, core.AppendReply, core.AppendReject, core.SnapshotReply:
		member, ok := w.configuration.configuration.Member(head.From)
		if p.leads() && head.Term == p.standing.Term && ok && member.Instance == instance {
			w.answered[head.From] = w.ticks
		}
	}
	w.told = max(w.told, head.Term)
}

// stirred notes that the node has no reason yet to stand for election anew.
func (w *witness) stirred() { w.stirredAt = w.ticks }

// voters returns whose votes arrived, sorted.
func (w *witness) voters() []raft.NodeID { return slices.Sorted(maps.Keys(w.votes)) }

// hasQuorum tells whether a quorum has certainly answered a leader since it last asked itself: lately, and not so lately
// that the answers may still wait for its loop.
func (w *witness) hasQuorum(p *process) bool {
	lately := p.m.w.plan.electionTicks() / 2
	c := w.configuration.configuration
	return formed(c) && decides(c, func(m *core.Member) bool {
		at, ok := w.answered[m.ID]
		return m.ID == p.id || ok && at+lately >= w.ticks && at+2 <= w.ticks
	})
}

// savedNow takes in that the disk has finished a sync.
func (w *witness) savedNow() {
	if w.savedAt != w.ticks {
		w.savedBefore, w.savedAt = w.savedAt, w.ticks
	}
}

// heardOfSave returns the tick of a sync that the node has heard of, but for one: it may act on its clock before it looks what
// has just come from its disk.
func (w *witness) heardOfSave() uint64 {
	if w.savedAt+1 >= w.ticks {
		return w.savedBefore
	}
	return w.savedAt
}
