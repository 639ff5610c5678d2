package sim

import (
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
)

// Elections: who may stand, who may vote for whom, and how long a leader may lead that nobody hears, or whose disk hangs.

// promise is what a voter has promised with the answer to a round while leases are on: to elect nobody else until the lease ends
// that may rest on it. It belongs to the disk: a restart does not end it.
type promise struct {
	until  time.Duration
	term   uint64
	leader raft.NodeID
}

// tenure is what one process knows of its own leadership, in its ticks.
type tenure struct {
	// heard is when each peer was last heard in this leadership, which began, or went over to another membership, at began.
	heard map[raft.NodeID]uint64
	began uint64
	// owed is when the disk last owed nothing of the log, or was known to be full.
	owed uint64
	// configuration is the index of the membership that it goes by.
	configuration uint64
	// unread, if not zero, is the last entry of the log that it found at its start, and has not read: it does not know that entry's
	// time, and has been sent none after it.
	unread uint64
	// quiet is when the node last heard a leader, gave its vote, or stood for election, or could not.
	quiet uint64
}

// stands takes in that a node stands for election in a term, as it has said or saved.
func (c *checker) stands(term uint64) { c.candidacies = max(c.candidacies, term) }

// movedTo: a term begins when somebody stands for election in it, and with nothing else. A question whether one might does not
// move anybody (thesis §9.6).
func (c *checker) movedTo(p *process) {
	term := p.standing.Term
	if role := p.standing.Role; role == core.Candidate || role == core.Leader {
		c.stands(term)
	}
	if term > c.candidacies {
		c.w.violate(p.m.name(), "it goes to term %d, in which nobody has stood for election", term)
	}
}

// standsLoaded: who stands for election has loaded the snapshot that its log continues, as it could serve nobody before.
func (c *checker) standsLoaded(p *process, before raft.Standing) {
	if p.standing.Role != core.Follower && before.Role == core.Follower && p.applied < p.m.disk.shadow.base.Index {
		c.w.violate(p.m.name(), "it stands for election with %d applied, and its log continues a snapshot at %d", p.applied, p.m.disk.shadow.base.Index)
	}
}

// savedVote: within a term a vote is given once, and never taken back.
func (c *checker) savedVote(p *process, before, now core.HardState) {
	if now.Vote == p.id {
		c.stands(now.Term)
	}
	switch {
	case now.Term < before.Term:
		c.w.violate(p.m.name(), "it writes term %d over term %d", now.Term, before.Term)
	case now.Term == before.Term && before.Vote != core.None && now.Vote != before.Vote:
		c.w.violate(p.m.name(), "it writes a vote for %d in term %d over the one for %d", now.Vote, now.Term, before.Vote)
	}
}

// sentForElections takes in what a message that leaves promises, and what it may break.
func (c *checker) sentForElections(p *process, m core.Message) {
	if round, ok := answeredRound(m); ok {
		c.promised(p, m.Head(), round)
	}
	switch m := m.(type) {
	case core.PreVoteRequest:
		p.tenure.quiet = p.witness.ticks
		if unread := p.tenure.unread; unread > 0 {
			c.w.violate(p.m.name(), "it stands for election, and has not read entry %d, the last of its log: it could let log time go back", unread)
		}
	case core.VoteRequest:
		p.tenure.quiet = p.witness.ticks
		c.stands(m.Term)
		if m.Transfer {
			c.summoned[m.Term] = true
		}
		c.keepsPromise(p, m.Term, m.From)
	case core.VoteReply:
		if m.Granted {
			p.tenure.quiet = p.witness.ticks
			c.keepsPromise(p, m.Term, m.To)
		}
	}
}

// promised takes in that a voter answers a round of a leader, who may build a lease on it.
func (c *checker) promised(p *process, reply core.Envelope, round uint64) {
	leader := c.w.machineOf(reply.To)
	if !c.w.plan.leases || round == 0 || leader == nil || !leader.up() || !leader.process.leads() || leader.process.standing.Term != reply.Term {
		return
	}
	sent, ok := leader.process.reads.sentAt(round)
	if !ok || sent.number != round {
		return // older than one that a quorum has answered: no lease will rest on it
	}
	until := sent.at + leader.clock.stretch(c.w.plan.lease())
	if until > c.promises[p.instance].until {
		c.promises[p.instance] = promise{until: until, term: reply.Term, leader: reply.To}
	}
}

// keepsPromise: a voter elects nobody, itself included, while a leader's lease may rest on its word. Only that leader's own
// word, which ends the lease, lets it.
func (c *checker) keepsPromise(p *process, term uint64, candidate raft.NodeID) {
	made := c.promises[p.instance]
	if c.w.now < made.until && term > made.term && candidate != made.leader && !c.summoned[term] {
		c.w.violate(p.m.name(), "it helps to elect node %d in term %d; to node %d it has promised not to for another %v",
			candidate, term, made.leader, made.until-c.w.now)
	}
}

// beginsToLead opens the book of a leadership.
func (t *tenure) beginsToLead(tick uint64) {
	t.heard, t.began = make(map[raft.NodeID]uint64), tick
}

// heardForTenure takes in that a leader hears a peer.
func (p *process) heardForTenure(from core.Envelope) {
	if p.leads() && from.Term == p.standing.Term {
		p.tenure.heard[from.From] = p.witness.ticks
	}
}

// heardLeader takes in that a node hears a leader.
func (p *process) heardLeader(m core.Message) {
	switch m.(type) {
	case core.AppendRequest, core.SnapshotChunk:
		p.tenure.unread = 0
	}
	switch m.(type) {
	case core.AppendRequest, core.HeartbeatRequest, core.SnapshotChunk, core.TimeoutNow:
		if m.Head().Term >= p.standing.Term {
			p.tenure.quiet = p.witness.ticks
		}
	}
}

// standsInTime: a voter that hears no leader and votes for nobody stands for election within two election timeouts (Raft §5.2). A
// vote that it refuses does not hold it back.
func (c *checker) standsInTime(p *process) {
	t, now := &p.tenure, p.witness.ticks
	member, _ := p.manual.Core().Configuration().Member(p.id)
	wiped := member.Instance != 0 && member.Instance != p.instance // it votes no more
	if !member.Voter || wiped || p.leads() || p.stopping || p.applied < p.standing.CommitIndex || p.manual.Queued().DiskJobs > 0 {
		t.quiet = now
	}
	if patience := 2*c.w.plan.electionTicks() + 3; now-t.quiet > patience {
		c.w.violate(p.m.name(), "it stands for no election, although for %d ticks it has heard no leader and given no vote", patience)
	}
}

// patienceTicks is for how many ticks a leader may go on that no quorum answers, or whose disk does not. Two election timeouts are
// what the core takes, at most; one more is for what waits in queues.
func (p *plan) patienceTicks() uint64 { return 3 * p.electionTicks() }

// ticked takes in that a process has counted a tick.
func (c *checker) ticked(p *process) {
	c.standsInTime(p)
	p.copies.suspect = false
	t, now := &p.tenure, p.witness.ticks
	node, durable := p.manual.Core(), p.m.disk.shadow.last()
	if node.LastIndex() <= durable || p.m.disk.full {
		t.owed = now
	}
	if index := node.ConfigurationIndex(); index != t.configuration {
		t.began, t.configuration = now, index
	}
	if !p.leads() || p.alone() {
		return
	}
	patience := c.w.plan.patienceTicks()
	heard := quorum(node.Configuration(), func(m *core.Member) bool { return m.ID == p.id || now-max(t.began, t.heard[m.ID]) <= patience })
	if !heard {
		c.w.violate(p.m.name(), "it still leads term %d; no quorum was heard for %d ticks", p.standing.Term, patience)
	}
	if now-max(t.owed, t.began, p.witness.savedAt) > patience {
		c.w.violate(p.m.name(), "it still leads term %d; for %d ticks its disk has owed what follows entry %d", p.standing.Term, patience, durable)
	}
}
