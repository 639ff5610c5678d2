package core

// forwarding are the reads of a node that follows, for which it asks its leader (thesis §6.4). One request
// is out at a time; what comes meanwhile shares the next one.
type forwarding struct {
	// leader and term say who is asked. Reads do not outlive either.
	leader NodeID
	term   uint64
	// asked are the reads that the request under way is for, and request its id.
	asked   []uint64
	request uint64
	// since is the tick at which the leader was first asked for them, sentAt that of the request.
	since, sentAt uint64
	// waiting are the reads for the request after.
	waiting []uint64
}

// forward takes a read in that the leader is to confirm, or refuses it.
func (c *Core) forward(id uint64) {
	f := &c.forwarded
	if len(f.asked)+len(f.waiting) >= c.config.MaxWaitingReads {
		c.endRead(ReadResult{ID: id, Refusal: Overloaded})
		return
	}
	f.leader, f.term = c.leader, c.term // those of the reads before, or pumpForwards would have refused them
	f.waiting = append(f.waiting, id)
}

// pumpForwards asks the leader for the reads that wait, and refuses them when it is another one.
func (c *Core) pumpForwards() {
	f := &c.forwarded
	if len(f.asked)+len(f.waiting) == 0 {
		return
	}
	if c.leader != f.leader || c.term != f.term {
		c.refuseForwards()
		return
	}
	if len(f.asked) == 0 {
		f.since = c.ticks
		c.askLeader()
	}
}

// askLeader sends one request for all reads that wait. It has an id of its own, also when it repeats a
// lost one: the answer to the lost one may still come, and confirms nothing for the reads that joined since.
func (c *Core) askLeader() {
	f := &c.forwarded
	f.asked = append(f.asked, f.waiting...)
	f.waiting = f.waiting[:0]
	c.request++
	f.request, f.sentAt = c.request, c.ticks
	c.sendInTerm(ReadRequest{Envelope: c.envelope(f.leader), ID: f.request})
}

// tickForwards asks again for what was not answered, and gives up after an election timeout.
func (c *Core) tickForwards() {
	f := &c.forwarded
	patience := uint64(c.config.ElectionTicks)
	switch {
	case len(f.asked) == 0:
	case c.ticks-f.since >= patience:
		c.refuseForwards()
	case c.ticks-f.sentAt >= max(1, patience/2):
		c.askLeader()
	}
}

// followReadReply takes in the leader's answer. One from an older term did not get here; one to another
// request than the one under way is for reads that were given up, or answered.
func (c *Core) followReadReply(m ReadReply) {
	f := &c.forwarded
	if len(f.asked) == 0 || m.ID != f.request || m.From != f.leader {
		return
	}
	if m.Refused {
		c.refuseForwards()
		return
	}
	if m.Index > maxIndex {
		c.illegal++
		return
	}
	for _, id := range f.asked {
		c.endRead(ReadResult{ID: id, Index: m.Index})
	}
	f.asked = f.asked[:0]
}

// refuseForwards refuses every read that waits for the leader's word.
func (c *Core) refuseForwards() {
	for _, ids := range [...][]uint64{c.forwarded.asked, c.forwarded.waiting} {
		for _, id := range ids {
			c.endRead(ReadResult{ID: id, Refusal: NotLeader})
		}
	}
	c.forwarded = forwarding{}
}

// refuseReadRequest tells a peer that this node does not lead, though it may have led this very term.
func (c *Core) refuseReadRequest(m ReadRequest) {
	c.sendInTerm(ReadReply{Envelope: c.envelope(m.From), ID: m.ID, Refused: true})
}
