package core

import "slices"

// reads are the requests for a read index that wait on a leader (thesis §6.4). One round of confirmation
// is under way at a time; what comes meanwhile shares the next one.
type reads struct {
	// current are the reads that the round confirms, number the round, index their read index.
	current []reader
	number  uint64
	index   uint64
	// askedAt is the tick at which somebody was last asked for the round.
	askedAt uint64
	// waiting are the reads for the round after, or for the commit of the leader's first entry.
	waiting []reader
}

// reader is who waits for a read index: a read of this node, or a peer on behalf of its own.
type reader struct {
	// peer is None for a read of this node.
	peer NodeID
	// id is that of the Read, or of the peer's ReadRequest.
	id uint64
}

// read takes a read in, or refuses it.
func (c *Core) read(in Read) {
	c.observe(in.Mono)
	switch {
	case c.role != Leader && in.Forward && c.leader != None:
		c.forward(in.ID)
	case c.role != Leader:
		c.endRead(ReadResult{ID: in.ID, Refusal: NotLeader})
	case c.leased():
		c.endRead(ReadResult{ID: in.ID, Index: c.commit, Until: c.lead.lease.until})
	case len(c.reads.current)+len(c.reads.waiting) >= c.config.MaxWaitingReads:
		c.endRead(ReadResult{ID: in.ID, Refusal: Overloaded})
	default:
		c.reads.waiting = append(c.reads.waiting, reader{id: in.ID})
	}
}

// endRead answers a read of this node.
func (c *Core) endRead(r ReadResult) { c.out.Reads = append(c.out.Reads, r) }

// pumpReads answers the reads that are confirmed, and begins the next round.
func (c *Core) pumpReads() {
	for {
		if len(c.reads.current) > 0 {
			if !c.confirmed() {
				return
			}
			for _, r := range c.reads.current {
				c.answerRead(r)
			}
			c.reads.current = c.reads.current[:0]
		}
		// Until an entry of its own term is committed, a leader does not know what is.
		if len(c.reads.waiting) == 0 || c.commit < c.lead.noop {
			return
		}
		c.reads.current, c.reads.waiting = c.reads.waiting, c.reads.current
		c.round++
		c.reads.number, c.reads.index, c.reads.askedAt = c.round, c.commit, c.ticks
		c.askRound()
	}
}

// askRound asks whom the round needs, and no more: other answers would cost time and change nothing. (An append would ask too,
// but its answer waits for a disk.) Those come first that wait for the round themselves: with the question they learn what
// is committed, which they must have applied before they serve their reads.
func (c *Core) askRound() {
	for _, r := range c.reads.current {
		if p := c.peer(r.peer); p != nil && p.asked < c.round {
			c.ask(p)
		}
	}
	for !c.quorum(func(p *peer) bool { return p.id == c.config.ID || p.asked >= c.round }) {
		c.ask(c.readiest())
	}
}

// readiest returns the peer to ask next in a round: of the voters that were not, the one that answered the newest round, or
// was heard last.
func (c *Core) readiest() *peer {
	var best *peer
	for i := range c.peers {
		p := &c.peers[i]
		if (p.voter || p.oldVoter) && p.id != c.config.ID && p.asked < c.round && (best == nil || p.readier(best)) {
			best = p
		}
	}
	return best
}

func (p *peer) readier(other *peer) bool {
	return p.round > other.round || p.round == other.round && p.aliveAt > other.aliveAt
}

// ask has a peer say that it still follows.
func (c *Core) ask(p *peer) {
	p.asked = c.round
	// Not beyond the match: further on, the receiver's log may be another.
	c.send(HeartbeatRequest{Envelope: c.envelope(p.id), Commit: min(p.match, c.commit), Round: c.round})
}

// tickReads asks everybody, if those who were asked have not answered since the tick before.
func (c *Core) tickReads() {
	if len(c.reads.current) > 0 && c.ticks > c.reads.askedAt+1 {
		c.askAll()
	}
}

// askAll has every member say that it still follows.
func (c *Core) askAll() {
	c.reads.askedAt = c.ticks
	for i := range c.peers {
		if p := &c.peers[i]; p.id != c.config.ID {
			c.ask(p)
		}
	}
}

// confirmed tells whether a quorum has answered a request that was sent after the reads of the round
// came in, so that nobody else led until then.
func (c *Core) confirmed() bool { return c.answered(c.reads.number) }

// answered tells whether a quorum has answered a request of the given round, or of a later one.
func (c *Core) answered(round uint64) bool {
	return c.quorum(func(p *peer) bool { return p.id == c.config.ID || p.round >= round })
}

// answerRead tells who waits that the round's read index is confirmed.
func (c *Core) answerRead(r reader) {
	if r.peer == None {
		c.endRead(ReadResult{ID: r.id, Index: c.reads.index})
		return
	}
	if c.peer(r.peer) != nil { // it may have been removed meanwhile
		c.send(ReadReply{Envelope: c.envelope(r.peer), ID: r.id, Index: c.reads.index})
	}
}

// leadReadRequest takes in a peer's question. A lease does not answer it: what came with no clock reading
// of its own cannot be held against one, and the peer could not check again after the read.
func (c *Core) leadReadRequest(m ReadRequest) {
	if c.peer(m.From) == nil {
		return
	}
	// One a peer: it has given up the question before. The new one must not join the round of the old.
	older := func(r reader) bool { return r.peer == m.From }
	c.reads.current = slices.DeleteFunc(c.reads.current, older)
	c.reads.waiting = slices.DeleteFunc(c.reads.waiting, older)
	c.reads.waiting = append(c.reads.waiting, reader{peer: m.From, id: m.ID})
}

// refuseReads answers the reads that wait here when leadership ends. Peers that asked hear of the next
// leader, or lose patience.
func (c *Core) refuseReads() {
	for _, r := range slices.Concat(c.reads.current, c.reads.waiting) {
		if r.peer == None {
			c.endRead(ReadResult{ID: r.id, Refusal: NotLeader})
		}
	}
	c.reads = reads{}
}
