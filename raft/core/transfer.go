package core

// transfer begins to hand leadership to a voter (thesis §3.10). On any node but the leader, or for a
// target that cannot lead, it does nothing. Naming the leader itself ends a transfer under way.
func (c *Core) transfer(in Transfer) {
	if c.role != Leader {
		return
	}
	if in.To == c.config.ID {
		c.endTransfer()
		return
	}
	p := c.peer(in.To)
	if p == nil || !p.voter || c.lead.transferee == in.To {
		return
	}
	c.endTransfer()
	c.lead.transferee = in.To
	c.summon()
}

// summon tells the transferee to stand for election once its log holds all of this one.
func (c *Core) summon() {
	if c.lead.transferee == None || c.lead.summoned {
		return
	}
	if p := c.peer(c.lead.transferee); p != nil && p.match == c.log.last().Index {
		c.lead.summoned, c.lead.lease.forfeited = true, true
		c.send(TimeoutNow{Envelope: c.envelope(p.id)})
	}
}

// tickTransfer gives a transfer up after an election timeout, so that a target that does not come
// up does not keep the leader from its work.
func (c *Core) tickTransfer() {
	if c.lead.transferee == None {
		return
	}
	c.lead.transferElapsed++
	if c.lead.transferElapsed >= c.config.ElectionTicks {
		c.endTransfer()
	}
}

// endTransfer goes back to taking proposals.
func (c *Core) endTransfer() {
	c.lead.transferee, c.lead.transferElapsed, c.lead.summoned = None, 0, false
}

// takeOver stands for election at the leader's wish, without asking first: the voters hear a leader,
// and are told to vote all the same.
func (c *Core) takeOver(m TimeoutNow) {
	if !c.follow(m.From) || !c.mayCampaign() {
		return
	}
	c.campaign(true)
}
