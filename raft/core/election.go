package core

// restartTimer draws a new election timeout and begins to wait for it.
func (c *Core) restartTimer() {
	c.elapsed = 0
	ticks := uint64(c.config.ElectionTicks)
	c.timeout = int(ticks + c.random.Uint64()%ticks)
}

// hearsLeader tells whether a leader was heard within the shortest election timeout. Such a node
// ignores requests for votes (thesis §4.2.3).
//
// With leases this is a promise, on which that leader counts. It is kept when a newer term is heard of, which
// says nothing of a newer leader, and for as long after a start, as it may have been given before.
func (c *Core) hearsLeader() bool {
	if c.config.LeaseMillis != 0 && c.ticks-c.leaderHeard < uint64(c.config.ElectionTicks) {
		return true
	}
	return c.role == Leader || (c.leader != None && c.elapsed < c.config.ElectionTicks)
}

// mayCampaign tells whether this node may stand for election: it may get votes, no install is under way, its snapshot is loaded, and
// the last stamp of its log is known.
func (c *Core) mayCampaign() bool {
	return c.maySeekVotes() && !c.incoming.installing && !c.loading() && c.lastTimeKnown()
}

// electionTimeout ends the knowledge of a leader, and stands for election where that is allowed.
func (c *Core) electionTimeout() {
	c.leader = None
	if c.loading() {
		return // it stands as soon as it has loaded
	}
	if !c.mayCampaign() {
		c.restartTimer()
		return
	}
	c.preCampaign()
}

// becomeFollower goes to the given term, or leaves another role in the current one. The election
// timer runs on: only a leader that is heard, or a vote that is given, restarts it.
func (c *Core) becomeFollower(term uint64) {
	if term < c.term {
		bug("term %d after %d", term, c.term)
	}
	if term > c.term {
		c.term, c.vote = term, None
	}
	if c.role == Leader {
		c.refuseReads()
		c.endChange(Unknown, 0)
		c.lead = leadership{}
		c.restartTimer()
	}
	c.role, c.leader = Follower, None
}

// follow yields to the leader of the current term, from whom a message came. It returns false if
// another node leads the term already.
func (c *Core) follow(from NodeID) bool {
	if c.leader != None && c.leader != from {
		c.illegal++
		return false
	}
	if c.role != Follower {
		c.becomeFollower(c.term)
	}
	c.leader, c.elapsed, c.leaderHeard = from, 0, c.ticks
	return true
}

// clearVotes forgets the election before.
func (c *Core) clearVotes() {
	for i := range c.peers {
		c.peers[i].granted, c.peers[i].wall = false, 0
	}
}

// granted is the question that elections put to quorum.
func granted(p *peer) bool { return p.granted }

// preCampaign asks the voters whether they would elect this node, before it disturbs anybody (thesis §9.6).
func (c *Core) preCampaign() {
	c.role, c.leader = PreCandidate, None
	c.restartTimer()
	c.clearVotes()
	if p := c.self(); p != nil {
		p.granted = true
	}
	if c.quorum(granted) {
		c.campaign(false)
		return
	}
	for i := range c.peers {
		if p := &c.peers[i]; p.id != c.config.ID && (p.voter || p.oldVoter) {
			env := c.envelope(p.id)
			env.Term = c.term + 1
			c.send(PreVoteRequest{Envelope: env, Last: c.log.last()})
		}
	}
}

// answerPreVote says whether this node would vote for the sender. It promises nothing.
func (c *Core) answerPreVote(m PreVoteRequest) {
	if c.hearsLeader() {
		return
	}
	env := c.envelope(m.From)
	env.Term = m.Term
	c.sendInTerm(PreVoteReply{
		Envelope: env,
		Granted:  m.Term > c.term && c.upToDate(m.Last),
		Current:  c.term,
	})
}

// countPreVote takes in an answer, and stands for election once a quorum would follow.
func (c *Core) countPreVote(m PreVoteReply) {
	if !m.Granted {
		if m.Current > c.term && m.Current <= maxTerm {
			// The asked term was too old to win with.
			c.becomeFollower(m.Current)
		}
		return
	}
	p := c.peer(m.From)
	if p == nil || m.Term != c.term+1 {
		return
	}
	p.granted = true
	if c.quorum(granted) {
		c.campaign(false)
	}
}

// campaign stands for election (Raft §5.2). The requests leave only after term, vote and log are
// durable: a node that forgot them could stand again in the same term with a shorter log, and win
// with the votes for the longer one.
func (c *Core) campaign(transfer bool) {
	c.role, c.leader = Candidate, None
	c.term++
	c.vote = c.config.ID
	c.restartTimer()
	c.clearVotes()
	for i := range c.peers {
		if p := &c.peers[i]; p.id != c.config.ID && (p.voter || p.oldVoter) {
			c.sendDurable(VoteRequest{Envelope: c.envelope(p.id), Last: c.log.last(), Transfer: transfer})
		}
	}
}

// countOwnVote counts a candidate's vote for itself, now that it is durable.
func (c *Core) countOwnVote() {
	p := c.self()
	p.granted, p.wall = true, c.wall
	if c.quorum(granted) {
		c.becomeLeader()
	}
}

// answerVote gives or refuses this node's vote (Raft §5.2, §5.4.1).
func (c *Core) answerVote(m VoteRequest) {
	if c.hearsLeader() && !m.Transfer && c.vote != m.From {
		return
	}
	reply := VoteReply{Envelope: c.envelope(m.From), Wall: c.wall}
	free := c.vote == m.From || (c.vote == None && c.leader == None)
	if !free || !c.upToDate(m.Last) {
		c.sendInTerm(reply)
		return
	}
	c.vote = m.From
	c.elapsed = 0
	reply.Granted = true
	c.sendDurable(reply)
}

// upToDate tells whether a log that ends at last holds at least what this one does (Raft §5.4.1).
func (c *Core) upToDate(last Position) bool {
	own := c.log.last()
	return last.Term > own.Term || (last.Term == own.Term && last.Index >= own.Index)
}

// countVote takes in a vote, and leads once there is a quorum of them.
func (c *Core) countVote(m VoteReply) {
	p := c.peer(m.From)
	if p == nil || !m.Granted {
		return
	}
	p.granted, p.wall = true, m.Wall
	if c.quorum(granted) {
		c.becomeLeader()
	}
}

// becomeLeader opens a term with an entry of its own, which commits whatever older terms left behind
// (Raft §5.4.2, §8).
func (c *Core) becomeLeader() {
	c.role, c.leader = Leader, c.config.ID
	c.anchorClock()
	c.lead = leadership{noop: c.log.last().Index + 1, caughtUpAt: c.log.last().Index + 1}
	if last := c.log.last().Index; last > c.commit {
		c.lead.uncommitted = sizeOf(c.log.sliceAll(c.commit+1, last))
	}
	for i := range c.peers {
		c.peers[i].reset(c.lead.noop, c.ticks)
	}
	if p := c.self(); p != nil {
		p.match = c.disk.durable
	}
	c.appendOwn(EntryNoop, nil)
}

// tickLeader keeps followers from standing for election, and steps down when it cannot lead.
func (c *Core) tickLeader() {
	c.lead.quorumElapsed++
	c.lead.heartbeatElapsed++
	if c.lead.quorumElapsed >= c.config.ElectionTicks {
		c.lead.quorumElapsed = 0
		if !c.hearsQuorum() {
			c.becomeFollower(c.term)
			return
		}
	}
	if c.hung() {
		// Heartbeats would mask a dead disk: somebody else must lead.
		c.becomeFollower(c.term)
		return
	}
	c.tickTransfer()
	c.markRound()
	if c.lead.heartbeatElapsed >= c.config.HeartbeatTicks {
		c.askForLease()
		c.broadcastHeartbeat()
	}
	c.tickReads()
}

// hearsQuorum tells whether a quorum was heard since the last time it was asked (thesis §6.2). A peer that was
// not may have lost what it attested, and be back: its log is found out anew. Otherwise it would never
// be fed again, as it has no answer to a heartbeat that tells it of a commit beyond its log.
func (c *Core) hearsQuorum() bool {
	if p := c.self(); p != nil {
		p.active = true
	}
	heard := c.quorum(func(p *peer) bool { return p.active })
	for i := range c.peers {
		p := &c.peers[i]
		if !p.active && p.match > 0 {
			c.forget(p)
		}
		p.active = false
	}
	return heard
}

// broadcastHeartbeat sends a heartbeat to every member.
func (c *Core) broadcastHeartbeat() {
	c.lead.heartbeatElapsed = 0
	c.askAll()
}

// followHeartbeat answers the leader.
func (c *Core) followHeartbeat(m HeartbeatRequest) {
	if !c.follow(m.From) {
		return
	}
	if m.Commit > c.log.last().Index {
		c.illegal++
		return
	}
	c.commitTo(m.Commit)
	c.sendInTerm(HeartbeatReply{Envelope: c.envelope(m.From), Round: m.Round})
}

// leadHeartbeatReply learns that a peer is there, and repairs what was lost on the way to it.
func (c *Core) leadHeartbeatReply(m HeartbeatReply) {
	p := c.heard(m.From, m.Round)
	if p == nil {
		return
	}
	c.repair(p)
}

// heard notes a sign of life of a peer, and returns it. It returns nil if the sender is no member.
func (c *Core) heard(from NodeID, round uint64) *peer {
	p := c.peer(from)
	if p == nil {
		return nil
	}
	p.active, p.aliveAt = true, c.ticks
	p.round = max(p.round, min(round, c.round))
	return p
}
