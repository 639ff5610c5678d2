package core

import "sort"

// followAppend takes entries from the leader (Raft figure 2, AppendEntries).
func (c *Core) followAppend(m AppendRequest) {
	s, err := newSpan(m.Term, m.Prev, m.Entries)
	if err != nil {
		c.illegal++
		return
	}
	if !c.follow(m.From) || c.incoming.installing {
		// The log is about to be replaced by a snapshot: what is appended now would be lost. The
		// leader asks again.
		return
	}
	s, ok := c.afterCommit(s)
	if !ok {
		// All of it is committed here already, and so the same as the leader's (Raft §5.4.3).
		c.attest(m, c.commit)
		return
	}
	if !c.matches(s.prev) {
		c.sendInTerm(AppendReject{
			Envelope: c.envelope(m.From),
			Prev:     m.Prev,
			Hint:     c.hint(s.prev),
			Round:    m.Round,
		})
		return
	}
	c.append(s)
	last := s.last().Index
	c.commitTo(min(m.Commit, last))
	c.attest(m, last)
}

// attest tells the leader that the log matches up to index, as soon as it is durable so far.
func (c *Core) attest(m AppendRequest, index uint64) {
	reply := AppendReply{Envelope: c.envelope(m.From), Match: index, Round: m.Round}
	if index <= c.disk.durable {
		c.sendInTerm(reply)
		return
	}
	c.sendDurable(reply)
}

// afterCommit returns the part of the span that is not committed here yet, and false if there is
// none. Committed entries are never replaced: one that differs is the end of all safety.
func (c *Core) afterCommit(s span) (span, bool) {
	if s.prev.Index >= c.commit {
		return s, true
	}
	for i := range s.entries {
		e := &s.entries[i]
		if e.Index > c.commit {
			break
		}
		if term, known := c.log.term(e.Index); known && term != e.Term {
			bug("leader %d of term %d replaces committed entry %d of term %d by one of term %d", c.leader, c.term, e.Index, term, e.Term)
		}
	}
	if s.last().Index <= c.commit {
		return span{}, false
	}
	return s.from(c.commit), true
}

// matches tells whether this log holds the entry at p, which is not before the commit index.
func (c *Core) matches(p Position) bool {
	if p.Index > c.log.last().Index {
		return false
	}
	term, known := c.log.term(p.Index)
	if !known {
		// Only the commit index itself may be unknown: it matches any leader's log.
		return p.Index == c.commit
	}
	if p.Index == c.commit && term != p.Term {
		bug("leader %d of term %d has term %d at %d, where term %d is committed", c.leader, c.term, p.Term, p.Index, term)
	}
	return term == p.Term
}

// hint returns the highest position that could match a leader's log that has p, which this one does
// not: the last one at or below p.Index whose term is at most p.Term. It is not before the commit index.
func (c *Core) hint(p Position) Position {
	last := c.log.last()
	// Terms do not decrease along the log, so whole terms are skipped.
	span := int(min(p.Index, last.Index) - c.commit)
	n := sort.Search(span, func(i int) bool {
		term, _ := c.log.term(c.commit + uint64(i) + 1)
		return term > p.Term
	})
	index := c.commit + uint64(n)
	term, known := c.log.term(index)
	if !known {
		term = p.Term // the leader's own term there is at most that, and will be found
	}
	return Position{Index: index, Term: term}
}

// append joins a span to the log, which matches at its beginning. Only a real conflict truncates: a
// late request must not remove what a newer one brought (Raft §5.3).
func (c *Core) append(s span) {
	entries := s.entries
	for len(entries) > 0 {
		term, known := c.log.term(entries[0].Index)
		if !known {
			break
		}
		if term != entries[0].Term {
			c.truncate(entries[0].Index)
			break
		}
		entries = entries[1:]
	}
	for i := range entries {
		c.store(entries[i])
	}
}

// truncate removes the log from index on, because a leader's log differs there.
func (c *Core) truncate(index uint64) {
	if index <= c.commit {
		bug("truncation at %d, committed up to %d", index, c.commit)
	}
	c.log.truncate(index)
	c.disk.truncated(index)
	memberships, changed := c.memberships.rollBack(index)
	c.memberships = memberships
	if changed {
		c.rebuildPeers()
	}
	if p := c.self(); p != nil {
		p.match = c.disk.durable
	}
}
