package core

import "slices"

// A voter that lost its disk has lost the votes and entries that it attested. Under its old id it could help to
// elect a leader without entries that are committed. So the configuration records for every member
// the instance of its disk, and a member is heard from that disk alone. It can come back only as a new member.
//
// The members that a cluster begins with are not recorded yet. Until they are, the cluster is forming: every election and
// every commit needs all voters, so that one that has been recorded elsewhere, by a cluster that runs already, is enough
// to keep blank disks from forming it anew. And it takes no commands. The leader records all voters in one entry, once
// it has heard them all. From that entry on a majority decides: each of its members was needed for
// all that was decided before, and knows its peers by their disks.
// (docs/decisions/0008 says why a majority is not enough to begin with.)

// knowsInstances tells whether disks are told apart.
func (c *Core) knowsInstances() bool { return c.config.Instance != 0 }

// isImpostor tells whether this node's disk is another than the recorded one.
func (c *Core) isImpostor(recorded uint64) bool {
	return c.knowsInstances() && recorded != 0 && recorded != c.config.Instance
}

// admit tells whether a message comes from the disk that is recorded for its sender, if one is.
func (c *Core) admit(in Receive) bool {
	if !c.knowsInstances() {
		return true
	}
	p := c.peer(in.Message.Head().From)
	switch {
	case p == nil || p.instance == in.Instance:
		return true
	case p.instance != 0:
		c.impostors++
		return false
	}
	if c.role == Leader && p.heard != in.Instance {
		if p.heard != 0 {
			c.forget(p) // what another disk attested
		}
		p.heard = in.Instance
	}
	return true
}

// recordInstances appends a configuration that records the disks heard since the last, and tells whether there were any. The
// first voters are recorded all at once.
func (c *Core) recordInstances() bool {
	if !c.knowsInstances() {
		return false
	}
	if p := c.self(); p != nil {
		p.heard = c.config.Instance
	}
	var next Configuration
	for i := range c.peers {
		p := &c.peers[i]
		switch {
		case p.instance != 0:
			continue
		case p.heard == 0 && (p.voter || p.oldVoter):
			return false
		case p.heard == 0:
			continue
		}
		if next.Members == nil {
			next = c.Configuration().clone()
		}
		next.Members[i].Instance = p.heard // peers are the members, in their order
	}
	if next.Members == nil {
		return false
	}
	c.appendConfiguration(next)
	return true
}

// allRecorded tells whether every voter is recorded, or disks are not told apart.
func (c *Core) allRecorded() bool {
	return !c.knowsInstances() || !slices.ContainsFunc(c.peers, func(p peer) bool {
		return (p.voter || p.oldVoter) && p.instance == 0
	})
}

// forget gives up what is believed of a peer's log: it may have lost what it attested. If it has not, the answer to
// the next probe tells so.
func (c *Core) forget(p *peer) {
	next := p.match + 1
	p.match = 0
	if p.state != Snapshotting {
		p.probe(next)
	}
}
