package core

// disk tracks what was handed out to be persisted and what of it is durable.
type disk struct {
	// sent is the hard state in the newest Persist.
	sent HardState
	// seq is the newest Persist, acked the newest that is durable, syncSeq the newest that owes a
	// sync, termSeq the newest that changed term or vote, voteSeq the one with this node's vote for
	// itself in the election under way.
	seq, acked, syncSeq, termSeq, voteSeq uint64
	// durable is the end of the prefix of the current log that is on disk.
	durable uint64
	// pending are the Persists with entries that are not durable yet, oldest first.
	pending []pendingEntries
	// unsaved is the first index appended in this step, or zero.
	unsaved uint64
	// flushCommit asks to persist the commit index although nothing else moved.
	flushCommit bool
	// waitingSince is the tick since which a sync is owed without any progress.
	waitingSince uint64
}

// pendingEntries maps a Persist to what its durability attests.
type pendingEntries struct {
	seq uint64
	// last is the end of what the current log and this Persist have in common. A truncation lowers
	// it: the acknowledgement of a write that was replaced since attests only what is left of it.
	last uint64
}

// settled tells whether everything handed out is durable.
func (d *disk) settled() bool { return d.acked >= d.syncSeq }

// termDurable tells whether term and vote are durable.
func (d *disk) termDurable(term uint64, vote NodeID) bool {
	return d.acked >= d.termSeq && d.sent.Term == term && d.sent.Vote == vote
}

// truncated follows the removal of the log from index on.
func (d *disk) truncated(index uint64) {
	d.durable = min(d.durable, index-1)
	for i := range d.pending {
		d.pending[i].last = min(d.pending[i].last, index-1)
	}
}

// persist gathers what this step must make durable.
func (c *Core) persist() {
	d := &c.disk
	state := HardState{Term: c.term, Vote: c.vote, Commit: c.commit}
	termMoved := state.Term != d.sent.Term || state.Vote != d.sent.Vote
	sync := termMoved || d.unsaved != 0
	if !sync && d.settled() {
		// Nothing is being written: the messages attest what is durable already.
		c.out.Send = append(c.out.Send, c.then...)
		c.then = nil
	}
	flush := d.flushCommit && state.Commit != d.sent.Commit
	d.flushCommit = false
	if !sync && !flush && len(c.then) == 0 {
		return
	}
	if d.settled() {
		d.waitingSince = c.ticks
	}
	d.seq++
	d.sent = state
	effect := &Persist{Seq: d.seq, HardState: state, Sync: sync, Then: c.then}
	c.then = nil
	if sync {
		d.syncSeq = d.seq
	}
	if termMoved {
		d.termSeq = d.seq
		if c.role == Candidate && c.vote == c.config.ID {
			d.voteSeq = d.seq
		}
	}
	if d.unsaved != 0 {
		last := c.log.last().Index
		effect.Entries = c.log.sliceAll(d.unsaved, last)
		d.pending = append(d.pending, pendingEntries{seq: d.seq, last: last})
		d.unsaved = 0
	}
	c.out.Persist = effect
}

// persisted takes in that the disk has caught up.
func (c *Core) persisted(in Persisted) {
	d := &c.disk
	if in.Seq <= d.acked || in.Seq > d.seq {
		bug("Persisted %d arrived after %d of %d", in.Seq, d.acked, d.seq)
	}
	d.acked = in.Seq
	d.waitingSince = c.ticks
	n := 0
	for n < len(d.pending) && d.pending[n].seq <= in.Seq {
		d.durable = max(d.durable, d.pending[n].last)
		n++
	}
	if n > 0 {
		d.pending = append(d.pending[:0], d.pending[n:]...)
	}
	p := c.self()
	if p == nil {
		return
	}
	if p.match != d.durable {
		p.match = d.durable
		c.lead.matched = true
	}
	if c.role == Candidate && d.acked >= d.voteSeq {
		// A candidate's vote for itself counts from here on.
		c.countOwnVote()
	}
}

// hung tells whether the disk has owed a sync for too long for this node to lead while others could.
func (c *Core) hung() bool {
	return !c.disk.settled() && c.ticks-c.disk.waitingSince >= 2*uint64(c.config.ElectionTicks) && c.others()
}
