package sim

import (
	"github.com/cespare/xxhash/v2"

	"redoubt/raft"
	"redoubt/raft/core"
)

// Replication: what a follower attests is the leader's log, what a leader counts was attested to it, and what comes in
// place of a log is whole.

// copies is what one process was sent of a leader's log, and what was attested to it as a leader.
type copies struct {
	// given are the positions at which requests of the leader of a term ended.
	term  uint64
	given map[uint64]uint64
	// attested is how far each peer's log is said to match, in the leadership under way.
	attested map[raft.NodeID]uint64
	// suspect: since the last tick something was attested that does not count.
	suspect bool
}

// heardForReplication takes in a message that arrives.
func (c *checker) heardForReplication(p *process, m core.Message) {
	k := &p.copies
	switch m := m.(type) {
	case core.AppendRequest:
		if m.Term > k.term {
			k.term, k.given = m.Term, make(map[uint64]uint64)
		}
		end := m.Prev
		if n := len(m.Entries); n > 0 {
			end = core.Position{Index: m.Entries[n-1].Index, Term: m.Entries[n-1].Term}
		}
		if m.Term == k.term {
			k.given[end.Index] = end.Term
		}
	case core.AppendReply:
		k.attest(p, m.Envelope, m.Match)
	case core.SnapshotReply:
		if m.Installed {
			k.attest(p, m.Envelope, m.Index)
		}
	}
}

// attest takes in that a peer says how far its log matches that of this leader.
func (k *copies) attest(p *process, from core.Envelope, match uint64) {
	switch {
	case !p.leads():
	case from.Term == p.standing.Term:
		k.attested[from.From] = max(k.attested[from.From], match)
	default:
		k.suspect = k.suspect || match > k.attested[from.From]
	}
}

// beginsToLead opens the book of a leadership: what was attested to another counts for nothing.
func (k *copies) beginsToLead() { k.attested, k.suspect = make(map[raft.NodeID]uint64), true }

// recount looks at what a leader counts while there is a reason to.
func (c *checker) recount(p *process) {
	if !p.copies.suspect || !p.leads() {
		return
	}
	for _, peer := range p.raft.Progress() {
		c.counts(p, peer)
	}
}

// counts: a leader counts no more of a peer's log than was attested to it in this term (SCENARIOS 5).
func (c *checker) counts(p *process, peer core.Progress) {
	if peer.Match > p.copies.attested[peer.ID] {
		c.w.violate(p.m.name(), "it counts node %d in up to entry %d; in its term %d that node has attested %d",
			peer.ID, peer.Match, p.standing.Term, p.copies.attested[peer.ID])
	}
	if peer.State != core.Snapshotting && peer.Next <= peer.Match {
		c.w.violate(p.m.name(), "it will send entry %d to node %d, which is known to hold entry %d", peer.Next, peer.ID, peer.Match)
	}
}

// attests: what a follower says to match is the entry that the leader sent, and is on its disk.
func (c *checker) attests(p *process, m core.AppendReply) {
	s := p.m.disk.shadow
	if m.Match > s.last() {
		c.w.violate(p.m.name(), "it says that its log is durable up to %d; its disk holds %d", m.Match, s.last())
	}
	if term, known := p.copies.given[m.Match]; known && m.Term == p.copies.term && !s.holds(core.Position{Index: m.Match, Term: term}) {
		c.w.violate(p.m.name(), "it says that its log matches up to entry %d of term %d; its disk holds another there", m.Match, term)
	}
}

// installs: a snapshot takes the place of a log that does not reach it, and of nothing that is committed (Raft §7, SCENARIOS 23).
func (c *checker) installs(p *process, meta core.SnapshotMeta) {
	switch s := p.m.disk.shadow; {
	case meta.Index <= p.standing.CommitIndex:
		c.w.violate(p.m.name(), "it installs a snapshot at %d; its commit index is %d", meta.Index, p.standing.CommitIndex)
	case meta.Index > s.base.Index && s.has(meta.Position):
		c.w.violate(p.m.name(), "it installs a snapshot at %d over a log that holds that entry and what follows it", meta.Index)
	}
}

// damage inverts a bit of a piece of a snapshot, after its sum was made.
func (c *checker) damage(m core.SnapshotChunk, r random) core.SnapshotChunk {
	if len(m.Data) == 0 {
		return m
	}
	m.Data = append([]byte(nil), m.Data...)
	m.Data[r.IntN(len(m.Data))] ^= 1 << r.IntN(8)
	c.damagedPieces[xxhash.Sum64(m.Data)] = true
	return m
}

// keeps takes in a piece of a snapshot that a node keeps: what was damaged on the way is not among them (SCENARIOS 42).
func (c *checker) keeps(p *process, piece core.WriteSnapshot) {
	if c.damagedPieces[xxhash.Sum64(piece.Data)] {
		c.w.violate(p.m.name(), "it keeps a damaged piece of the snapshot at %d, at offset %d", piece.Meta.Index, piece.Offset)
	}
}
