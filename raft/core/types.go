package core

// NodeID names one replica for ever: ids are never reused. Zero is no node.
type NodeID uint64

// None is the NodeID of nobody: no vote given, no leader known.
const None NodeID = 0

// EntryKind says who an entry is for.
type EntryKind uint8

// The kinds of log entry. The numbers are on disk and on the wire.
const (
	// EntryNoop is the empty entry with which a leader opens its term (thesis §6.4).
	EntryNoop EntryKind = 1
	// EntryCommand carries a command of the state machine.
	EntryCommand EntryKind = 2
	// EntryConfiguration carries an encoded Configuration.
	EntryConfiguration EntryKind = 3
)

// Entry is one record of the replicated log.
type Entry struct {
	// Index is the entry's place in the log, from 1, without gaps.
	Index uint64
	// Term is the term of the leader that made the entry.
	Term uint64
	// Kind says who the entry is for.
	Kind EntryKind
	// Time is the log time in milliseconds since the Unix epoch, stamped by the leader.
	// It never decreases along the log.
	Time int64
	// Data is opaque to the core, save for EntryConfiguration. It is never changed once made.
	Data []byte
}

// HardState is what a node must remember across a restart beside its log (Raft figure 2).
type HardState struct {
	// Term is the latest term the node has seen.
	Term uint64
	// Vote is the candidate that got the node's vote in Term, or None.
	Vote NodeID
	// Commit is the highest index the node knew to be committed. It may lag: it rides along with
	// other writes and owes no sync of its own.
	Commit uint64
}

// Role is the part that a node plays in its term.
type Role uint8

// The roles. A pre-candidate asks whether it could win before it disturbs anybody (thesis §9.6).
const (
	Follower Role = iota
	PreCandidate
	Candidate
	Leader
)

// Position is a place in the log: an index and the term of the entry there.
type Position struct {
	Index uint64
	Term  uint64
}

// String returns the role's name as INFO and the log show it.
func (r Role) String() string {
	switch r {
	case Leader:
		return "leader"
	case Candidate:
		return "candidate"
	case PreCandidate:
		return "pre-candidate"
	default:
		return "follower"
	}
}
