package core

// A lease lets a leader serve reads without a round of their own (thesis §6.4.1). It rests on one promise:
// a voter that hears a leader elects nobody else for an election timeout (see hearsLeader). So when a quorum has
// answered a round, nobody else is elected for so long after the round was sent, and nothing is committed
// that this leader does not know of. The promise is measured by the clocks of the voters and the
// lease by the leader's: it holds as long as no clock runs faster than another by more than the
// difference between Config.LeaseMillis and the election timeout. Linearizable reads depend on
// that with leases, and on no clock without them.
//
// Three things can elect another leader in spite of the promise, and each ends the lease:
//
//   - A transfer: the votes for it are given although a leader is heard. The lease rests from its beginning, and once
//     TimeoutNow was sent, for the rest of the term, as no later word can call a delayed TimeoutNow back.
//   - Another membership: its quorums may not meet the one that promised. A lease is won and used under
//     one committed configuration.
//   - A voter that restarted and forgot: it is silent for an election timeout (see hearsLeader).

// lease is the lease of a leader, and the round that renews it.
type lease struct {
	// until is the instant of the monotonic clock at which the lease ends.
	until int64
	// round renews the lease once a quorum has answered it; sent is the clock from before it was sent.
	round uint64
	sent  int64
	// configuration is the index of the configuration that all of this is under.
	configuration uint64
	// forfeited: TimeoutNow was sent in this term.
	forfeited bool
}

// leased tells whether a read may be served without a round, by the clock as it was last observed.
func (c *Core) leased() bool {
	if !c.mayLease() {
		return false
	}
	c.renewLease()
	return c.mono < c.lead.lease.until
}

// mayLease tells whether a lease is worth anything now.
func (c *Core) mayLease() bool {
	l := &c.lead.lease
	return c.config.LeaseMillis != 0 &&
		c.commit >= c.lead.noop && // before, what is committed is not known
		c.lead.transferee == None && !l.forfeited &&
		l.configuration == c.ConfigurationIndex() && !c.changing()
}

// renewLease extends the lease if a quorum has answered the round that is out for it.
func (c *Core) renewLease() {
	l := &c.lead.lease
	if l.round != 0 && c.answered(l.round) {
		l.until = max(l.until, l.sent+c.config.LeaseMillis)
		l.round = 0
	}
}

// askForLease makes the heartbeats that are about to be sent a round that renews the lease, unless one is out
// that still can.
func (c *Core) askForLease() {
	l := &c.lead.lease
	if c.config.LeaseMillis == 0 {
		return
	}
	if index := c.ConfigurationIndex(); l.configuration != index {
		*l = lease{configuration: index, forfeited: l.forfeited}
	}
	c.renewLease()
	if l.round == 0 || c.mono >= l.sent+c.config.LeaseMillis {
		c.round++
		l.round, l.sent = c.round, c.mono
	}
}
