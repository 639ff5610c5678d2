package core

// propose appends commands to the leader's log, all or none.
func (c *Core) propose(in Propose) {
	c.observe(in.Mono)
	answer := &Proposed{Refusal: c.refuse(in.Commands)}
	c.out.Proposed = answer
	if answer.Refusal != Accepted {
		return
	}
	answer.First = Position{Index: c.log.last().Index + 1, Term: c.term}
	for _, command := range in.Commands {
		c.appendOwn(EntryCommand, command)
	}
}

// refuse tells why commands cannot be taken, or Accepted.
func (c *Core) refuse(commands [][]byte) Refusal {
	if c.role != Leader {
		return NotLeader
	}
	if !c.formed {
		return Forming
	}
	if c.lead.transferee != None {
		// A log that stands still lets the transferee catch up (thesis §3.10).
		return Transferring
	}
	size := 0
	for _, command := range commands {
		if len(command) > c.config.MaxEntryBytes {
			return TooLarge
		}
		size += len(command) + entryOverhead
	}
	// One proposal may always be under way, however large it is: no proposal is refused for ever.
	if c.commit < c.log.last().Index && c.lead.uncommitted+size > c.config.MaxUncommittedBytes {
		return Overloaded
	}
	if c.apply.handed.bytes >= c.config.MaxUnappliedBytes {
		return Overloaded // the state machine does not keep up
	}
	return Accepted
}

// appendOwn appends an entry of this leader's term.
func (c *Core) appendOwn(kind EntryKind, data []byte) {
	e := Entry{Index: c.log.last().Index + 1, Term: c.term, Kind: kind, Time: c.stamp(), Data: data}
	c.lead.uncommitted += e.size()
	c.store(e)
}

// store puts an entry at the end of the log in memory, to be persisted by this step.
func (c *Core) store(e Entry) {
	c.log.append(e)
	if c.disk.unsaved == 0 || e.Index < c.disk.unsaved {
		c.disk.unsaved = e.Index
	}
	if e.Kind == EntryConfiguration {
		c.memberships = c.memberships.add(located{e.Index, mustDecodeConfiguration(&e)})
		c.rebuildPeers()
	}
}
