package sim

import (
	"redoubt/raft"
	"redoubt/raft/core"
)

// What a leader may do with its office: how it comes by it, how it changes the membership, and how it leaves.

// asking is a change of the membership that a node was asked for.
type asking struct {
	p        *process
	change   raft.Change
	answered bool
}

// looked takes in what became of a node by what it just did, before its standing is taken in.
func (c *checker) looked(p *process) {
	c.goesByItsLog(p)
	node := p.manual.Core()
	// One that was rolled back may have another in its place, at the same index.
	next := located{node.ConfigurationIndex(), node.Configuration()}
	if before := p.witness.configuration; next.index != before.index || !equalConfigurations(next.configuration, before.configuration) {
		status := node.Status()
		if status.Role == core.Leader && p.leads() && p.standing.Term == status.Term && next.index > before.index {
			c.proposes(p, next)
		}
		if p.leads() && p.isAloneIn(before.configuration) {
			p.reads.aloneUntil = c.w.now
		}
		p.witness.configuration = next
	}
	if p.leads() && p.witness.configuration.index > c.proposed.index {
		c.proposed = p.witness.configuration
	}
	c.mustRetire(p)
	c.mustStand(p)
}

// goesByItsLog: a node goes by the newest configuration in its log, committed or not (Raft §6); after a restart, a roll back
// and the installation of a snapshot too.
func (c *checker) goesByItsLog(p *process) {
	node, s := p.manual.Core(), p.m.disk.shadow
	if len(s.configurations) == 0 || s.installing.Index > 0 || node.CommitIndex() < s.installed {
		return
	}
	last, _ := s.newest()
	if node.LastIndex() != last.Index || node.Durable() != last.Index {
		return // the disk has yet to learn of what the node knows
	}
	written := s.configuration()
	if agreed := p.witness.agreed; node.ConfigurationIndex() == agreed.index && written.index == agreed.index &&
		equalConfigurations(node.Configuration(), agreed.configuration) && equalConfigurations(written.configuration, agreed.configuration) {
		return
	}
	if node.ConfigurationIndex() != written.index || !equalConfigurations(node.Configuration(), written.configuration) {
		c.w.violate(p.m.name(), "it goes by the membership of entry %d, %s; the newest in its log is of entry %d, %s",
			node.ConfigurationIndex(), describe(node.Configuration()), written.index, describe(written.configuration))
	}
	p.witness.agreed = written
}

// proposes takes in a membership that a leader has put into its log. It does so only when the one before is committed, and an
// entry of its own term is (Raft §6, thesis chapter 4); who votes changes by way of a joint one; those who shall vote are there.
func (c *checker) proposes(p *process, next located) {
	node, before := p.manual.Core(), p.witness.configuration
	name, term, commit := p.m.name(), p.standing.Term, node.CommitIndex()
	if before.index > commit {
		c.w.violate(name, "it changes the membership at entry %d, while the change at entry %d is not committed", next.index, before.index)
	}
	if _, own := c.entries[core.Position{Index: commit, Term: term}]; !own {
		c.w.violate(name, "it changes the membership at entry %d before an entry of its own term %d is committed", next.index, term)
	}
	was, joint := before.configuration.Joint(), next.configuration.Joint()
	switch {
	case !was && !joint && !equalVoters(before.configuration, next.configuration):
		c.w.violate(name, "it changes who votes at entry %d in one step: %s after %s", next.index, describe(next.configuration), describe(before.configuration))
	case !was && joint:
		c.mayBegin(p, next)
	}
	c.w.nemesis.changing(p)
	c.w.nemesis.forming(p)
}

// mayBegin: a change of who votes begins only if a majority of those who will was heard lately, and a learner that is to vote
// holds the log but for its end.
func (c *checker) mayBegin(p *process, next located) {
	w := &p.witness
	patience := c.w.plan.electionTicks() + 2
	voters, heard := 0, 0
	for i := range next.configuration.Members {
		m := &next.configuration.Members[i]
		if !m.Voter {
			continue
		}
		voters++
		if at, ok := w.heard[m.ID]; m.ID == p.id || ok && at+patience >= w.ticks {
			heard++
		}
		if !m.OldVoter && len(w.commits) > 0 {
			c.caughtUp(p, m, next.index)
		}
	}
	if heard <= voters/2 {
		c.w.violate(p.m.name(), "it begins a change of who votes at entry %d, and has lately heard %d of %d who shall: %s",
			next.index, heard, voters, describe(next.configuration))
	}
}

// caughtUp: a learner that becomes a voter holds what was committed a heartbeat ago.
func (c *checker) caughtUp(p *process, m *core.Member, index uint64) {
	on, need := c.w.machineOf(m.ID), p.witness.commits[0]
	if on == nil || on.instance != m.Instance {
		return // it was there; its disk is not any more
	}
	if last, _ := on.disk.shadow.newest(); last.Index < need {
		c.w.violate(p.m.name(), "it makes %s a voter at entry %d; its log ends at %d, and %d was committed for a heartbeat",
			on.name(), index, last.Index, need)
	}
}

// equalVoters tells whether the same members vote in two configurations.
func equalVoters(a, b core.Configuration) bool {
	in := func(c core.Configuration, of core.Configuration) bool {
		for _, m := range of.Members {
			if other, ok := c.Member(m.ID); m.Voter && (!ok || !other.Voter) {
				return false
			}
		}
		return true
	}
	return in(a, b) && in(b, a)
}

// elected takes in a new leader: by the newest membership in its log, it got the votes of a quorum, and of both quorums in a
// joint one (Raft §5.2, §6).
func (c *checker) elected(p *process) {
	s, w, term := p.m.disk.shadow, &p.witness, p.standing.Term
	configuration := s.configuration().configuration
	voted := func(m *core.Member) bool {
		if m.ID == p.id {
			return s.hard.Term == term && s.hard.Vote == p.id
		}
		instance, ok := w.votes[m.ID]
		return ok && w.votesTerm == term && (m.Instance == 0 || m.Instance == instance)
	}
	if !decides(configuration, voted) {
		c.w.violate(p.m.name(), "it leads term %d by the votes of %v, which are no quorum of %s", term, w.voters(), describe(configuration))
	}
	c.w.nemesis.greet(p)
}

// mustRetire: a leader that is no member any more, which is committed, leaves soon (Raft §6).
func (c *checker) mustRetire(p *process) {
	w := &p.witness
	_, member := w.configuration.configuration.Member(p.id)
	if member || !p.leads() || p.manual.Core().CommitIndex() < w.configuration.index {
		w.outSince = 0
		return
	}
	if w.outSince == 0 {
		w.outSince = w.ticks
	}
	if w.ticks-w.outSince > c.w.plan.electionTicks()+3 {
		c.w.violate(p.m.name(), "it leads term %d on, although entry %d, which is committed, has removed it", p.standing.Term, w.configuration.index)
	}
}

// mustStand: a node that hears nobody stands for election, if it votes in any membership that may still come to be in force: the
// newest that it knows to be committed, or a later one in its log. A leader that has removed itself may be the only one
// that can win (thesis §4.2.2).
func (c *checker) mustStand(p *process) {
	w, s, commit := &p.witness, p.m.disk.shadow, p.manual.Core().CommitIndex()
	if p.standing.Role != core.Follower || p.stopping || w.image > commit || p.applied < commit {
		w.stirred() // what it holds may be about to be replaced, or has yet to be read
	}
	if w.ticks-w.stirredAt <= 4*c.w.plan.electionTicks()+5 {
		return
	}
	for i, l := range s.configurations {
		if i+1 < len(s.configurations) && s.configurations[i+1].index <= commit {
			continue // replaced
		}
		m, ok := l.configuration.Member(p.id)
		if ok && (m.Voter || m.OldVoter) && (m.Instance == 0 || m.Instance == p.instance) {
			c.w.violate(p.m.name(), "it has heard nobody for %d ticks, and does not stand for election, though it votes by the membership of entry %d: %s",
				w.ticks-w.stirredAt, l.index, describe(l.configuration))
		}
	}
}

// leftOffice takes in that a leader leads no more. It left because it heard of a newer term otherwise than from a candidate whom
// nobody asked (thesis §4.2.3), heard no quorum, has a disk that hangs, or was removed and that is committed.
func (c *checker) leftOffice(p *process, before raft.Standing) {
	w := &p.witness
	_, member := w.configuration.configuration.Member(p.id)
	removed := !member && p.manual.Core().CommitIndex() >= w.configuration.index
	diskWell := w.heardOfSave()+c.w.plan.electionTicks() >= w.ticks
	switch {
	case removed || p.stopping:
	case p.standing.Term == before.Term && diskWell && w.hasQuorum(p):
		c.w.violate(p.m.name(), "it gives up the leadership of term %d, although a quorum of %s answers it",
			before.Term, describe(w.configuration.configuration))
	case p.standing.Term > before.Term && w.told <= before.Term:
		// That it hears no quorum is found by its clock, and seen then: it has not left before the request came.
		c.w.violate(p.m.name(), "it leads term %d no more because somebody stands for election in term %d, whom no leader asked to", before.Term, p.standing.Term)
	}
}

// refusedVote takes in that a node refuses its vote. It must have voted for another, know a leader, or have the better log;
// that it does not vote by its own configuration is no reason, which may be an old one (thesis §4.2.2).
func (c *checker) refusedVote(p *process, m core.VoteReply) {
	asked, ok := p.witness.candidates[m.To]
	ok = ok && !p.witness.unclear[m.To]
	last, hard := p.m.disk.shadow.newest()
	if _, led := c.leaders[m.Term]; !ok || asked.Term != m.Term || hard.Term != m.Term || hard.Vote != core.None || led {
		return
	}
	if asked.Last.Term > last.Term || asked.Last.Term == last.Term && asked.Last.Index >= last.Index {
		c.w.violate(p.m.name(), "it refuses its vote in term %d to %d, whose log ends at %v, without a reason; its own ends at %v",
			m.Term, m.To, asked.Last, last)
	}
}

// asks takes in that a node is asked for a change of the membership.
func (c *checker) asks(p *process, change raft.Change) *asking {
	a := &asking{p: p, change: change}
	c.asked = append(c.asked, a)
	return a
}

// answered takes in what a node says became of a change.
func (c *checker) answered(a *asking, result raft.ChangeResult) {
	a.answered = true
	if a.p.dead {
		return
	}
	switch result.Refusal {
	case core.Accepted:
		c.told = append(c.told, toldChange{a.change, result})
	case core.Unknown:
		c.knew(a, result)
	}
}

// knew: a leader that has committed a change does not call it unknown.
func (c *checker) knew(a *asking, result raft.ChangeResult) {
	node := a.p.manual.Core()
	it, configuration := life{a.p.m.name(), a.p.m.lives}, node.Configuration()
	if c.leaders[node.Status().Term] == it && node.CommitIndex() >= node.ConfigurationIndex() && !configuration.Joint() &&
		shows(configuration, a.change, result.Member) {
		c.w.violate(a.p.m.name(), "it says that it does not know what became of change %+v, which it has committed at entry %d",
			a.change, node.ConfigurationIndex())
	}
}

// checkAnswered: a node that lives on answers every change that it was asked for.
func (c *checker) checkAnswered() {
	for _, a := range c.asked {
		if !a.answered && !a.p.dead && !a.p.stopping {
			c.w.violate(a.p.m.name(), "it has never answered change %+v", a.change)
		}
	}
}
