package core

// Decisions need a majority of the voters, and while the configuration is joint, of the old voters
// too (Raft §6). While a cluster forms they need all voters (see instance.go).

// enough returns how many voters of a group decide for it.
func (c *Core) enough(voters int) int {
	if !c.formed {
		return voters
	}
	return voters/2 + 1
}

// quorum tells whether the members for which yes holds are enough to decide.
func (c *Core) quorum(yes func(*peer) bool) bool {
	voters, agree, oldVoters, oldFor := 0, 0, 0, 0
	for i := range c.peers {
		p := &c.peers[i]
		if !p.voter && !p.oldVoter {
			continue
		}
		is := yes(p)
		if p.voter {
			voters++
			if is {
				agree++
			}
		}
		if p.oldVoter {
			oldVoters++
			if is {
				oldFor++
			}
		}
	}
	return agree >= c.enough(voters) && (oldVoters == 0 || oldFor >= c.enough(oldVoters))
}

// quorumIndex returns the highest index that enough members hold durably to commit it.
func (c *Core) quorumIndex() uint64 {
	index, ok := c.groupMatch(func(p *peer) bool { return p.voter })
	if !ok {
		return 0
	}
	if old, joint := c.groupMatch(func(p *peer) bool { return p.oldVoter }); joint {
		index = min(index, old)
	}
	return index
}

// groupMatch returns the highest index that enough of a group hold durably. ok is false if
// the group is empty.
func (c *Core) groupMatch(in func(*peer) bool) (index uint64, ok bool) {
	sorted := c.scratch[:0]
	for i := range c.peers {
		if !in(&c.peers[i]) {
			continue
		}
		// Groups are small: an insertion sort, ascending.
		match := c.peers[i].match
		at := len(sorted)
		sorted = append(sorted, match)
		for at > 0 && sorted[at-1] > match {
			sorted[at] = sorted[at-1]
			at--
		}
		sorted[at] = match
	}
	c.scratch = sorted
	if len(sorted) == 0 {
		return 0, false
	}
	return sorted[len(sorted)-c.enough(len(sorted))], true
}

// others tells whether anybody but this node must agree to anything.
func (c *Core) others() bool {
	return !c.quorum(func(p *peer) bool { return p.id == c.config.ID })
}
