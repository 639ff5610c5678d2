package core

// pumpPeers sends every peer what it may have now.
func (c *Core) pumpPeers() {
	for i := range c.peers {
		if p := &c.peers[i]; p.id != c.config.ID {
			c.pump(p)
		}
	}
}

// pump sends one peer what it may have now.
func (c *Core) pump(p *peer) {
	if p.state == Probing && !p.probed {
		c.sendProbe(p)
	}
	for p.state == Replicating && p.next <= c.log.last().Index &&
		p.window.room(c.config.MaxInflightMessages, c.config.MaxInflightBytes) {
		prev, ok := c.reach(p)
		if !ok {
			break
		}
		c.sendAhead(p, prev, c.log.slice(p.next, c.log.last().Index, c.config.MaxAppendBytes))
	}
	// Not an else: reach may have found that only a snapshot helps.
	if p.state == Snapshotting {
		c.pumpSnapshot(p)
	}
}

// sendProbe asks a peer whether its log matches at next-1. The first one is hopeful and carries entries.
func (c *Core) sendProbe(p *peer) {
	prev, ok := c.reach(p)
	if !ok {
		return
	}
	var entries []Entry
	if last := c.log.last().Index; !p.rejected && p.next <= last {
		entries = c.log.slice(p.next, last, c.config.MaxAppendBytes)
	}
	c.sendAppend(p, prev, entries)
	p.probed = true
	p.heardAt = c.ticks
}

// sendAhead sends entries to a peer whose log is believed to match before them.
func (c *Core) sendAhead(p *peer, prev Position, entries []Entry) {
	if p.window.count == 0 {
		p.heardAt = c.ticks
	}
	last := entries[len(entries)-1].Index
	c.sendAppend(p, prev, entries)
	p.window.add(last, sizeOf(entries))
	p.next = last + 1
}

// sendAppend sends an AppendRequest.
func (c *Core) sendAppend(p *peer, prev Position, entries []Entry) {
	c.send(AppendRequest{
		Envelope: c.envelope(p.id),
		Prev:     prev,
		Entries:  entries,
		Commit:   c.commit,
		Round:    c.round,
	})
}

// reach returns the position at next-1 if memory holds it and all that follows. Otherwise it asks
// for the entries from disk, or turns to a snapshot.
func (c *Core) reach(p *peer) (Position, bool) {
	before := p.next - 1
	if before >= c.log.prev.Index {
		if term, known := c.log.term(before); known {
			return Position{Index: before, Term: term}, true
		}
	}
	if p.next < c.firstIndex {
		p.snapshot()
		return Position{}, false
	}
	to := max(c.log.prev.Index, p.next)
	if to <= c.disk.durable && !c.asked(p.id) {
		c.askLog(ReadLog{Peer: p.id, Term: c.term, From: p.next, To: to, MaxBytes: c.config.MaxAppendBytes})
	}
	return Position{}, false
}

// asked tells whether entries are being read from disk for a peer, or with None for this node.
func (c *Core) asked(id NodeID) bool {
	for i := range c.askedLog {
		if c.askedLog[i].Peer == id {
			return true
		}
	}
	return false
}

// askLog asks for entries from disk.
func (c *Core) askLog(r ReadLog) {
	c.askedLog = append(c.askedLog, r)
	c.out.ReadLog = append(c.out.ReadLog, r)
}

// logRead takes in entries from disk.
func (c *Core) logRead(in LogRead) {
	at := -1
	for i := range c.askedLog {
		if c.askedLog[i] == in.Request {
			at = i
		}
	}
	if at < 0 {
		bug("LogRead %+v was not asked for", in.Request)
	}
	c.askedLog = append(c.askedLog[:at], c.askedLog[at+1:]...)
	prev := Position{Index: in.Request.From - 1, Term: in.PrevTerm}
	s, err := newSpan(c.term, prev, in.Entries)
	if err != nil || s.last().Index > in.Request.To {
		bug("LogRead %+v was answered by %d entries up to %d: %v", in.Request, len(in.Entries), s.last().Index, err)
	}
	// The disk counts bytes of its own; a run of tiny entries weighs more in memory.
	s.entries = within(s.entries, in.Request.MaxBytes)
	if in.Request.Peer == None {
		c.applyRead(in.Request, s)
		return
	}
	p := c.peer(in.Request.Peer)
	if c.role != Leader || p == nil || in.Request.Term != c.term || in.Request.From != p.next {
		return // the world has moved on since
	}
	c.feed(p, s)
}

// feed sends a peer entries that came from disk.
func (c *Core) feed(p *peer, s span) {
	if len(s.entries) == 0 {
		if p.state != Snapshotting {
			p.snapshot()
		}
		return
	}
	switch {
	case p.state == Probing && !p.probed:
		c.sendAppend(p, s.prev, s.entries)
		p.probed = true
		p.heardAt = c.ticks
	case p.state == Replicating && p.window.room(c.config.MaxInflightMessages, c.config.MaxInflightBytes):
		c.sendAhead(p, s.prev, s.entries)
	}
}

// leadAppendReply takes in how far a peer's log matches.
func (c *Core) leadAppendReply(m AppendReply) {
	p := c.heard(m.From, m.Round)
	if p == nil || p.id == c.config.ID {
		return
	}
	if m.Match > c.log.last().Index {
		c.illegal++
		return
	}
	p.heardAt = c.ticks
	news := m.Match > p.match
	if news {
		p.match = m.Match
		c.lead.matched = true
	}
	switch p.state {
	case Probing:
		if news || m.Match+1 >= p.next {
			p.replicate(p.match + 1)
		}
	case Replicating:
		p.next = max(p.next, p.match+1)
		p.window.free(p.match)
	case Snapshotting:
		if news && p.match+1 >= c.firstIndex {
			p.replicate(p.match + 1)
		}
	}
	c.summon()
}

// leadAppendReject goes back to where the peer's log could match, skipping whole terms (Raft §5.3).
func (c *Core) leadAppendReject(m AppendReject) {
	p := c.heard(m.From, m.Round)
	if p == nil {
		return
	}
	// A late or repeated rejection tells of a log that has matched further since, or of a position
	// that is not asked about any more.
	if m.Prev.Index <= p.match || m.Prev.Index >= p.next ||
		(p.state == Probing && m.Prev.Index != p.next-1) || p.state == Snapshotting {
		return
	}
	p.heardAt = c.ticks
	hint := m.Hint
	hint.Index = min(hint.Index, m.Prev.Index)
	at, known := c.log.lastAtMost(hint)
	switch {
	case known && at == hint:
		// The peer has the very entry that this log has there: all before it matches too, and the
		// next probe may carry entries. It stays a probe, so that the rejections of what else was
		// out do not go back again each.
		p.probe(min(at.Index+1, m.Prev.Index))
		p.rejected, p.backoff = false, 0
		return
	case known:
		p.backoff = 0
	case hint.Index < m.Prev.Index && (hint.Index < c.log.prev.Index || c.log.prev.Term == 0):
		// Terms before the memory are not known: this may be the place.
		at = Position{Index: min(hint.Index, c.log.prev.Index)}
	default:
		// It is not, as the terms there differ. Go further back by doubling steps.
		p.backoff = max(1, 2*p.backoff)
		base := min(m.Prev.Index, c.log.prev.Index)
		at = Position{Index: min(hint.Index, base-min(p.backoff, base))}
	}
	p.probe(min(at.Index+1, m.Prev.Index))
	p.rejected = true
}

// repair sends again what a peer that is there has not answered: a lost window, a lost probe, a lost
// chunk. It runs on a heartbeat's answer, so that nothing is sent again to a peer that is not there.
func (c *Core) repair(p *peer) {
	quiet := c.ticks - p.heardAt
	interval := uint64(c.config.HeartbeatTicks)
	switch p.state {
	case Probing:
		if p.probed && quiet >= interval {
			p.probed = false
		}
	case Replicating:
		if p.window.count == 0 || quiet < 2*interval {
			return
		}
		p.heardAt = c.ticks
		// Ask at the end of what was sent. If that arrived, the answer is on its way; if not, the
		// rejection tells what is missing.
		if term, known := c.log.term(p.next - 1); known {
			c.sendAppend(p, Position{Index: p.next - 1, Term: term}, nil)
			return
		}
		p.probe(p.match + 1)
	case Snapshotting:
		if quiet >= 4*interval {
			p.heardAt = c.ticks
			p.sending.waiting = false
		}
	}
}
