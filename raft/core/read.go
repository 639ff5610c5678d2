package core

// reads are the requests for a read index (thesis §6.4). One round of confirmation is under way at a
// time; what comes meanwhile shares the next one.
type reads struct {
	// current are the reads that the round confirms, number the round, index their read index.
	current []uint64
	number  uint64
	index   uint64
	// waiting are the reads for the round after, or for the commit of the leader's first entry.
	waiting []uint64
}

// read takes a read in, or refuses it.
func (c *Core) read(in Read) {
	refusal := Accepted
	switch {
	case c.role != Leader:
		refusal = NotLeader
	case len(c.reads.current)+len(c.reads.waiting) >= c.config.MaxWaitingReads:
		refusal = Overloaded
	}
	if refusal != Accepted {
		c.out.Reads = append(c.out.Reads, ReadResult{ID: in.ID, Refusal: refusal})
		return
	}
	c.reads.waiting = append(c.reads.waiting, in.ID)
}

// pumpReads answers the reads that are confirmed, and begins the next round.
func (c *Core) pumpReads() {
	for {
		if len(c.reads.current) > 0 {
			if !c.confirmed() {
				return
			}
			for _, id := range c.reads.current {
				c.out.Reads = append(c.out.Reads, ReadResult{ID: id, Index: c.reads.index})
			}
			c.reads.current = c.reads.current[:0]
		}
		// Until an entry of its own term is committed, a leader does not know what is.
		if len(c.reads.waiting) == 0 || c.commit < c.lead.noop {
			return
		}
		c.reads.current, c.reads.waiting = c.reads.waiting, c.reads.current
		c.round++
		c.reads.number, c.reads.index = c.round, c.commit
		if c.others() {
			// An append would ask too, but its answer waits for a disk.
			c.broadcastHeartbeat()
		}
	}
}

// confirmed tells whether a quorum has answered a request that was sent after the reads of the round
// came in, so that nobody else led until then.
func (c *Core) confirmed() bool {
	return c.quorum(func(p *peer) bool { return p.id == c.config.ID || p.round >= c.reads.number })
}

// refuseReads answers every read that waits when leadership ends.
func (c *Core) refuseReads() {
	for _, id := range c.reads.current {
		c.out.Reads = append(c.out.Reads, ReadResult{ID: id, Refusal: NotLeader})
	}
	for _, id := range c.reads.waiting {
		c.out.Reads = append(c.out.Reads, ReadResult{ID: id, Refusal: NotLeader})
	}
	c.reads = reads{}
}
