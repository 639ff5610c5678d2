package core

// application tracks the way of committed entries into the state machine.
type application struct {
	// delivered is the last index handed out, applied the last that the state machine has applied. After a start and
	// an install applied stays behind the snapshot until the state machine has loaded it.
	delivered, applied uint64
	// handed is what lies between them: a slow state machine gets no more than a window at a time,
	// so that it costs bounded memory here and in the driver. The rest waits on disk.
	handed window
}

// commitByCounting moves the leader's commit index. Only entries of the current term are committed
// by counting; those of older terms follow (Raft §5.4.2, figure 8).
func (c *Core) commitByCounting() {
	if !c.lead.matched {
		return
	}
	c.lead.matched = false
	index := c.quorumIndex()
	if index <= c.commit {
		return
	}
	if term, known := c.log.term(index); known && term == c.term {
		c.commitTo(index)
	}
}

// commitTo moves the commit index forward. It never moves back.
func (c *Core) commitTo(index uint64) {
	if index <= c.commit {
		return
	}
	if index > c.log.last().Index {
		bug("commit of %d beyond the last entry %d", index, c.log.last().Index)
	}
	if c.role == Leader {
		c.lead.uncommitted -= sizeOf(c.log.sliceAll(c.commit+1, index))
	}
	c.commit = index
	c.memberships = c.memberships.committed(index)
}

// deliver hands out entries that are committed and durable here, each once and in order.
func (c *Core) deliver() {
	limit := min(c.commit, c.disk.durable)
	from := c.apply.delivered + 1
	room := c.config.MaxUnappliedBytes - c.apply.handed.bytes
	if from > limit || room <= 0 || c.incoming.installing || c.asked(None) {
		return
	}
	if from > c.log.prev.Index {
		c.handOut(c.log.slice(from, limit, room))
		return
	}
	c.askLog(ReadLog{Term: c.term, From: from, To: min(limit, c.log.prev.Index), MaxBytes: min(room, c.config.MaxAppendBytes)})
}

// handOut gives consecutive entries to the state machine.
func (c *Core) handOut(entries []Entry) {
	if c.out.Apply == nil {
		c.out.Apply = entries
	} else {
		c.out.Apply = append(c.out.Apply, entries...)
	}
	c.apply.delivered += uint64(len(entries))
	c.apply.handed.add(c.apply.delivered, sizeOf(entries))
}

// applyRead hands out entries that came from disk.
func (c *Core) applyRead(r ReadLog, s span) {
	if c.incoming.installing || r.From != c.apply.delivered+1 {
		return // a snapshot took their place
	}
	if len(s.entries) == 0 {
		bug("the log does not reach back to entry %d, which is to be applied", r.From)
	}
	if last := &s.entries[len(s.entries)-1]; last.Index == c.log.prev.Index {
		c.log.prev, c.log.prevTime = last.position(), last.Time
	}
	c.handOut(s.entries)
}

// appliedTo takes in how far the state machine is.
func (c *Core) appliedTo(in Applied) {
	if in.Index > c.apply.delivered && !(c.incoming.asked && in.Index == c.incoming.meta.Index) {
		bug("Applied %d, but only %d was handed out", in.Index, c.apply.delivered)
	}
	if in.Index <= c.apply.applied {
		return // from before a snapshot
	}
	c.apply.applied = in.Index
	c.apply.handed.free(in.Index)
}

// loading tells whether the state machine has yet to load the snapshot that the log continues. A large one takes seconds, in
// which the node votes and stores what it is sent, and as a leader would serve nobody.
func (c *Core) loading() bool { return c.apply.applied < c.snapshot.Index }

// trim keeps the end of the log in memory within its bound. What is not committed, or not durable
// here, stays; the rest can be read again from disk.
func (c *Core) trim() {
	c.log.trim(min(c.commit, c.disk.durable), c.config.MaxTailBytes)
}
