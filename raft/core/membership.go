package core

// Changes of the membership. Who votes changes by joint consensus alone (Raft §6): the leader appends the joint
// configuration, and once that is committed, the final one. Everything else is one entry. There is one
// change at a time, none before an entry of the leader's own term is committed (what an older leader
// left behind could otherwise be committed by a quorum that does not meet this one's), and none during a transfer.
//
// A configuration is in force from the moment it enters a log, and until it leaves it again. So no node ever knows of a
// change that it does not go by: the rule of systems which change at apply, not to stand for election with a
// change unapplied, has nothing to hold back here.

// pendingChange is the ChangeMembership that waits for its outcome.
type pendingChange struct {
	waiting bool
	id      uint64
	member  NodeID
}

// changeMembership begins a change of the configuration, or refuses it.
func (c *Core) changeMembership(in ChangeMembership) {
	c.observe(in.Mono)
	next, member, refusal := c.planChange(in.Change)
	result := ChangeResult{ID: in.ID, Refusal: refusal, Member: member}
	switch current := c.memberships.current(); {
	case refusal == Accepted && !next.same(current.configuration):
		c.lead.change = pendingChange{waiting: true, id: in.ID, member: member}
		c.appendConfiguration(next)
		return
	case refusal == Accepted:
		result.Index = current.index // it is committed already
	}
	c.out.Changes = append(c.out.Changes, result)
}

// planChange returns the configuration that a change begins with and the member that it is about, or why it
// cannot begin now.
func (c *Core) planChange(change Change) (next Configuration, member NodeID, refusal Refusal) {
	if refusal := c.refuseChange(); refusal != Accepted {
		return next, change.ID, refusal
	}
	next, member, refusal = c.Configuration().with(change)
	switch {
	case refusal != Accepted:
	case change.Kind == PromoteMember && !c.caughtUp(c.peer(member)):
		refusal = NotCaughtUp
	case next.Joint() && !c.alive(next):
		refusal = NoMajority
	}
	return next, member, refusal
}

// alive tells whether a majority of the voters that a change leads to were heard lately. Without them the change would
// never end, and nothing else could be committed any more.
func (c *Core) alive(next Configuration) bool {
	heard := 0
	for i := range c.peers {
		// Peers are members of the next configuration too, in their order, if it is joint.
		if next.Members[i].Voter && (c.peers[i].id == c.config.ID || c.heardLately(&c.peers[i])) {
			heard++
		}
	}
	return heard > next.voters()/2
}

// heardLately tells whether a peer was heard within an election timeout.
func (c *Core) heardLately(p *peer) bool {
	return p.aliveAt != 0 && c.ticks-p.aliveAt < uint64(c.config.ElectionTicks)
}

// refuseChange tells why no change can begin now, whatever it is, or Accepted.
func (c *Core) refuseChange() Refusal {
	switch {
	case c.role != Leader:
		return NotLeader
	case c.lead.transferee != None:
		return Transferring
	case c.changing():
		return ChangePending
	case !c.formed:
		return Forming
	}
	return Accepted
}

// changing tells whether a change is under way, or may be for all that this leader knows.
func (c *Core) changing() bool {
	current := c.memberships.current()
	return c.commit < c.lead.noop || current.index > c.commit || current.configuration.Joint()
}

// appendConfiguration puts a configuration into the log, and so in force.
func (c *Core) appendConfiguration(configuration Configuration) {
	c.appendOwn(EntryConfiguration, AppendConfiguration(nil, configuration))
}

// endChange answers the change that waits, if one does.
func (c *Core) endChange(refusal Refusal, index uint64) {
	if pending := c.lead.change; pending.waiting {
		c.lead.change = pendingChange{}
		c.out.Changes = append(c.out.Changes, ChangeResult{ID: pending.id, Refusal: refusal, Member: pending.member, Index: index})
	}
}

// leadMembership takes the membership a step further where commits and answers allow it.
func (c *Core) leadMembership() {
	current := c.memberships.current()
	if c.commit < c.lead.noop || current.index > c.commit {
		return
	}
	joint := current.configuration.Joint()
	if !joint {
		c.endChange(Accepted, current.index)
		if c.self() == nil {
			c.retire()
			return
		}
	}
	switch {
	case c.lead.transferee != None:
		// A log that stands still lets the transferee catch up; it goes on from here if it wins.
	case joint:
		c.appendConfiguration(current.configuration.final())
	case c.recordInstances():
	default:
		c.promoteLearner()
	}
}

// retire ends the leadership of a node that has been removed (Raft §6, third issue). It takes nothing more, sees what it
// took before committed, for an election timeout at most, and tells the voter with most of the log to take over.
func (c *Core) retire() {
	heir := &peer{}
	for i := range c.peers {
		if p := &c.peers[i]; p.voter && (heir.id == None || p.match > heir.match) {
			heir = p
		}
	}
	if c.lead.retireBy == 0 {
		c.lead.retireBy = c.ticks + uint64(c.config.ElectionTicks)
	}
	c.lead.transferee, c.lead.summoned = heir.id, true // it is, when the time has come
	last := c.log.last().Index
	if c.commit < last && c.ticks < c.lead.retireBy {
		return
	}
	if heir.match == last {
		c.send(TimeoutNow{Envelope: c.envelope(heir.id)})
	}
	c.becomeFollower(c.term)
}

// promoteLearner makes a learner that was added to vote a voter, once it has caught up.
func (c *Core) promoteLearner() {
	if !c.formed {
		return
	}
	for i := range c.peers {
		if p := &c.peers[i]; p.promote && c.caughtUp(p) {
			next, _, _ := c.Configuration().with(Change{Kind: PromoteMember, ID: p.id})
			if c.alive(next) {
				c.appendConfiguration(next)
				return
			}
		}
	}
}

// caughtUp tells whether a learner would not hold up commits as a voter: it was heard lately, and it holds what was
// committed a heartbeat ago. That is the last round of thesis §4.2.1, and that a round was short
// enough is seen from its end.
func (c *Core) caughtUp(p *peer) bool {
	return c.heardLately(p) && p.match >= c.lead.caughtUpAt && (p.instance != 0 || !c.knowsInstances())
}

// markRound begins a round of catching up.
func (c *Core) markRound() {
	if c.ticks%uint64(c.config.HeartbeatTicks) == 0 {
		c.lead.caughtUpAt = max(c.commit, c.lead.noop)
	}
}

// maySeekVotes tells whether this node votes in any configuration that may still come to be in force: the newest that
// is known to be committed, and those after it. A leader that has removed itself must be able to lead again
// until that is committed, as it may be the only one with a log to win with (thesis §4.2.2).
func (c *Core) maySeekVotes() bool {
	for i := range c.memberships {
		m, ok := c.memberships[i].configuration.Member(c.config.ID)
		if ok && (m.Voter || m.OldVoter) && !c.isImpostor(m.Instance) {
			return true
		}
	}
	return false
}
