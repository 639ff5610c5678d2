package sim

import (
	"redoubt/raft"
	"redoubt/raft/core"
)

// checker judges what the nodes do, from what can be seen of them: what they say, what they save, what they apply, and
// what clients are told. It keeps its own books, and takes no node's word for anything.
type checker struct {
	w *world

	// leaders are who was seen to lead a term, by life; votes whom a node voted for.
	leaders map[uint64]life
	votes   map[ballot]raft.NodeID
	// entries is every entry that was ever written, by position, and before the term of the entry before it.
	entries map[core.Position]entryRecord
	// committed is the log that was committed: the first entry to be applied anywhere at each index, from 1.
	committed []commitRecord
	// configurations are the committed ones, oldest first.
	configurations []located
	// proposed is the newest that some leader had in its log.
	proposed located
	// digests are of the state machine, by index.
	digests map[uint64]digestRecord
	// ids are of every member that ever was, with the disk that spoke for it.
	ids map[raft.NodeID]uint64

	// asked are the changes of the membership that nodes were asked for; told those that were said to be done, undone the disks
	// whose joins certainly were not.
	asked  []*asking
	told   []toldChange
	undone []uint64

	// commitIndex is the highest that any node was seen to have, ledTerm the highest term that had a leader, candidacies the
	// highest in which somebody stood for election.
	commitIndex, ledTerm, candidacies uint64
	// summoned are the terms in which a candidate stood at a leader's wish, promises what voters have answered to leaders' rounds,
	// by disk, and questions the read requests that were ever sent.
	summoned  map[uint64]bool
	promises  map[uint64]promise
	questions map[question]bool
	// damagedPieces are sums of the pieces of snapshots that the network has damaged.
	damagedPieces map[uint64]bool

	history history
}

// toldChange is a change of the membership and its answer.
type toldChange struct {
	change raft.Change
	result raft.ChangeResult
}

// life is one process of a node.
type life struct {
	name   string
	number int
}

// ballot is a vote of one disk: what a blank one says under an old id is heard by nobody, and counted as committed nowhere.
type ballot struct {
	term     uint64
	voter    raft.NodeID
	instance uint64
}

type entryRecord struct{ sum, before uint64 }

type commitRecord struct {
	print
	time int64
}

type digestRecord struct {
	digest [32]byte
	where  string
}

func (c *checker) init(w *world) {
	*c = checker{
		w:       w,
		leaders: make(map[uint64]life),
		votes:   make(map[ballot]raft.NodeID),
		entries: make(map[core.Position]entryRecord),
		digests: make(map[uint64]digestRecord),
		ids:     make(map[raft.NodeID]uint64),

		summoned:  make(map[uint64]bool),
		promises:  make(map[uint64]promise),
		questions: make(map[question]bool),

		damagedPieces: make(map[uint64]bool),
	}
	c.history.init(w)
}

// saved takes in entries that a node writes: two logs that hold an entry of one index and term are equal up to
// it (Raft §5.3, log matching). By induction it is enough to look at the entry and the term before it.
func (c *checker) saved(p *process, entries []core.Entry) {
	for i := range entries {
		e := &entries[i]
		var before uint64
		switch s := p.m.disk.shadow; {
		case i > 0:
			before = entries[i-1].Term
		case e.Index == 1:
		default:
			before = s.termAt(e.Index - 1)
		}
		if i > 0 && e.Index != entries[i-1].Index+1 {
			c.w.violate(p.m.name(), "entry %d is written after entry %d", e.Index, entries[i-1].Index)
		}
		at := core.Position{Index: e.Index, Term: e.Term}
		record := entryRecord{sum: printOf(e).sum, before: before}
		if known, ok := c.entries[at]; ok && known != record {
			c.w.violate(p.m.name(), "log matching: two different entries, or logs before them, at index %d of term %d", at.Index, at.Term)
		}
		c.entries[at] = record
		if e.Kind == core.EntryCommand && !formed(p.m.disk.shadow.configurationBefore(e.Index)) {
			c.w.violate(p.m.name(), "entry %d is a command, and its cluster is forming yet", e.Index)
		}
	}
}

// stood takes in a node's new standing. There is one leader in a term (Raft §5.2), and it holds every entry that was
// committed in earlier terms (Raft §5.4, leader completeness).
func (c *checker) stood(p *process, before raft.Standing) {
	now := p.standing
	c.movedTo(p)
	c.standsLoaded(p, before)
	if before.Role >= core.Candidate && now.Role != before.Role {
		p.tenure.quiet = p.witness.ticks // it led, if only for a moment
	}
	c.commitIndex = max(c.commitIndex, now.CommitIndex)
	if now.Term < before.Term {
		c.w.violate(p.m.name(), "its term went back from %d to %d", before.Term, now.Term)
	}
	if now.CommitIndex < before.CommitIndex {
		c.w.violate(p.m.name(), "its commit index went back from %d to %d", before.CommitIndex, now.CommitIndex)
	}
	if before.Role == core.Leader && (now.Role != core.Leader || now.Term != before.Term) {
		c.leftOffice(p, before)
	}
	if now.Role != core.Leader {
		return
	}
	if before.Role == core.Leader && before.Term == now.Term {
		c.counted(p, before.CommitIndex)
		return
	}
	c.elected(p)
	c.w.result.Elections++
	it := life{p.m.name(), p.m.lives}
	if other, ok := c.leaders[now.Term]; ok && other != it {
		c.w.violate(p.m.name(), "two leaders in term %d: %s in its life %d, and %s in its life %d", now.Term, other.name, other.number, it.name, it.number)
	}
	c.leaders[now.Term] = it
	c.ledTerm = max(c.ledTerm, now.Term)
	p.reads.beginsToLead(now.Term)
	p.tenure.beginsToLead(p.witness.ticks)
	p.copies.beginsToLead()
	if n := uint64(len(c.committed)); n > 0 {
		last := core.Position{Index: n, Term: c.committed[n-1].term}
		if last.Term < now.Term && !p.m.disk.shadow.has(last) {
			c.w.violate(p.m.name(), "leader completeness: it leads term %d without entry %d of term %d, which was committed",
				now.Term, last.Index, last.Term)
		}
	}
}

// sent takes in a message that a node sends. What it attests must be on its disk (SCENARIOS 1 to 3).
func (c *checker) sent(p *process, m core.Message) {
	c.sentForReads(p, m)
	c.sentForElections(p, m)
	s := p.m.disk.shadow
	switch m := m.(type) {
	case core.PreVoteRequest:
		p.witness.stirred()
		return
	case core.PreVoteReply:
		return
	case core.VoteReply:
		if m.Granted {
			c.voted(p, m)
		} else {
			c.refusedVote(p, m)
		}
	case core.AppendReply:
		c.attests(p, m)
	case core.SnapshotReply:
		if m.Installed && m.Index > s.last() {
			c.w.violate(p.m.name(), "it says that a snapshot at %d is durable; its disk holds %d", m.Index, s.last())
		}
	}
	if term := m.Head().Term; term > s.hard.Term {
		c.w.violate(p.m.name(), "it sends a %T of term %d; its disk knows of term %d", m, term, s.hard.Term)
	}
}

// heard takes in a message that reaches a node.
func (c *checker) heard(p *process, m core.Message) {
	p.heardForTenure(m.Head())
	c.heardForReads(p, m)
	c.heardForReplication(p, m)
	p.heardLeader(m)
}

// voted: a node votes once in a term, restarts included, and its disk knows first.
func (c *checker) voted(p *process, m core.VoteReply) {
	b := ballot{term: m.Term, voter: m.From, instance: p.instance}
	if before, ok := c.votes[b]; ok && before != m.To {
		c.w.violate(p.m.name(), "it votes in term %d for %d, and has voted for %d", m.Term, m.To, before)
	}
	c.votes[b] = m.To
	if hard := p.m.disk.shadow.hard; hard.Term == m.Term && hard.Vote != m.To {
		c.w.violate(p.m.name(), "it votes for %d in term %d; its disk says %d", m.To, m.Term, hard.Vote)
	}
}

// delivered takes in what a node is about to apply. The first to apply an index makes it committed; every other must
// apply the same (state machine safety, Raft figure 3).
func (c *checker) delivered(p *process, message raft.ApplyMsg) {
	if s := message.Snapshot; s != nil {
		c.deliveredSnapshot(p, s)
	}
	for i := range message.Entries {
		e := &message.Entries[i].Entry
		if e.Index != p.applied+1 {
			c.w.violate(p.m.name(), "entry %d is applied after entry %d", e.Index, p.applied)
		}
		p.applied = e.Index
		now := commitRecord{print: printOf(e), time: e.Time}
		switch n := uint64(len(c.committed)); {
		case e.Index == n+1:
			c.commit(p, e, now)
		case e.Index > n:
			c.w.violate(p.m.name(), "entry %d is applied; nobody has applied entry %d", e.Index, n+1)
		case c.committed[e.Index-1] != now:
			c.w.violate(p.m.name(), "entry %d of term %d is applied; one of term %d was committed there", e.Index, e.Term, c.committed[e.Index-1].term)
		}
	}
}

func (c *checker) deliveredSnapshot(p *process, s *raft.SnapshotMeta) {
	if s.Index < p.applied {
		c.w.violate(p.m.name(), "a snapshot at %d is applied after entry %d", s.Index, p.applied)
	}
	p.applied = s.Index
	if s.Index > uint64(len(c.committed)) {
		c.w.violate(p.m.name(), "a snapshot at %d; nobody has applied so far", s.Index)
		return
	}
	if was := c.committed[s.Index-1]; was.term != s.Term || s.Time != 0 && was.time != s.Time {
		c.w.violate(p.m.name(), "a snapshot at %d of term %d, time %d; committed is term %d, time %d", s.Index, s.Term, s.Time, was.term, was.time)
	}
	for i := len(c.configurations) - 1; i >= 0; i-- {
		if at := c.configurations[i]; at.index <= s.Index {
			if !equalConfigurations(at.configuration, s.Configuration) {
				c.w.violate(p.m.name(), "a snapshot at %d holds another membership than the log", s.Index)
			}
			break
		}
	}
}

// counted takes in that a leader has counted copies: what it commits by that ends with an entry of its own term, never with
// one of an older leader, which could still be replaced (Raft §5.4.2, figure 8).
func (c *checker) counted(p *process, before uint64) {
	now := p.standing
	if term := p.m.disk.shadow.termAt(now.CommitIndex); now.CommitIndex > before && term != 0 && term != now.Term {
		c.w.violate(p.m.name(), "leader of term %d, it commits entry %d of term %d by counting", now.Term, now.CommitIndex, term)
	}
}

// commit takes in an entry that is applied for the first time.
func (c *checker) commit(p *process, e *core.Entry, now commitRecord) {
	if n := len(c.committed); n > 0 && now.time < c.committed[n-1].time {
		c.w.violate(p.m.name(), "log time goes back at entry %d: %d after %d", e.Index, now.time, c.committed[n-1].time)
	}
	c.committed = append(c.committed, now)
	if !c.w.durableOnQuorum(p, core.Position{Index: e.Index, Term: e.Term}, e.Kind) {
		c.w.violate(p.m.name(), "entry %d of term %d is committed, but is durable only on %s", e.Index, e.Term, c.w.holders(core.Position{Index: e.Index, Term: e.Term}))
	}
	c.audit(core.Position{Index: e.Index, Term: e.Term})
	if e.Kind == core.EntryConfiguration {
		c.reconfigured(p, e)
	}
}

// applied takes in that a node's state machine stands at a new index: equal indexes, equal states (P5).
func (c *checker) applied(p *process) {
	if p.dead || p.replica.Err() != nil {
		return
	}
	if index := p.replica.Index(); index%c.w.plan.digestEvery == 0 {
		c.compareDigest(p, index)
	}
}

func (c *checker) compareDigest(p *process, index uint64) {
	_, digest := p.replica.Digest()
	known, ok := c.digests[index]
	if !ok {
		c.digests[index] = digestRecord{digest, p.m.name()}
		return
	}
	if known.digest != digest {
		c.w.violate(p.m.name(), "its state at index %d differs from that of %s: digest %x, %x", index, known.where, digest[:4], known.digest[:4])
	}
}
