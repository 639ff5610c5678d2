package core

// Message is one of the message kinds below: a closed set, one struct per kind.
type Message interface {
	// Head returns sender, receiver and the sender's term.
	Head() Envelope
}

// Envelope is what every message says of itself.
type Envelope struct {
	// From is the node that sent the message.
	From NodeID
	// To is the node it is for.
	To NodeID
	// Term is the sender's current term, save in PreVoteRequest and PreVoteReply, where it is the
	// term that is asked about.
	Term uint64
}

// Head returns the envelope itself, so that every message kind that embeds it is a Message.
func (e Envelope) Head() Envelope { return e }

// PreVoteRequest asks whether the receiver would vote for the sender in Term (thesis §9.6).
type PreVoteRequest struct {
	Envelope
	// Last is the position of the sender's last entry.
	Last Position
}

// PreVoteReply answers a PreVoteRequest. Term echoes the asked term, so that a reply never moves a term.
type PreVoteReply struct {
	Envelope
	Granted bool
	// Current is the replier's current term, so that a node with an old term learns of it on refusal.
	Current uint64
}

// VoteRequest asks for the receiver's vote in Term (Raft figure 2, RequestVote).
type VoteRequest struct {
	Envelope
	// Last is the position of the sender's last entry.
	Last Position
	// Transfer is set when the leader asked the sender to take over: voters that hear a leader then
	// do not ignore the request (thesis §3.10, §4.2.3).
	Transfer bool
}

// VoteReply answers a VoteRequest. It leaves only after term and vote are durable.
type VoteReply struct {
	Envelope
	Granted bool
	// Wall is the voter's wall clock in milliseconds since the Unix epoch: the winner anchors log
	// time to the median of its voters' clocks.
	Wall int64
}

// AppendRequest carries entries from the leader (Raft figure 2, AppendEntries).
type AppendRequest struct {
	Envelope
	// Prev is the position just before Entries.
	Prev Position
	// Entries are consecutive from Prev.Index+1. Empty in a probe.
	Entries []Entry
	// Commit is the leader's commit index.
	Commit uint64
	// Round is the newest read round that this request can confirm.
	Round uint64
}

// AppendReply says that the sender's log matches the leader's up to Match, durably.
type AppendReply struct {
	Envelope
	Match uint64
	// Round echoes the request's.
	Round uint64
}

// AppendReject says that the sender's log has no entry at Prev.
type AppendReject struct {
	Envelope
	// Prev echoes the request that is refused, so that a stale rejection is recognised.
	Prev Position
	// Hint is the highest position of the sender's log that could match: its last entry at or below
	// Prev.Index whose term is at most Prev.Term. Both sides skip back by whole terms with it.
	Hint Position
	// Round echoes the request's.
	Round uint64
}

// HeartbeatRequest keeps followers from standing for election and confirms read rounds. It carries
// no position, so its reply waits for no disk.
type HeartbeatRequest struct {
	Envelope
	// Commit is the leader's commit index, at most what it knows the receiver to have.
	Commit uint64
	Round  uint64
}

// HeartbeatReply answers a HeartbeatRequest.
type HeartbeatReply struct {
	Envelope
	Round uint64
}

// SnapshotMeta describes a snapshot to the core.
type SnapshotMeta struct {
	// Position is the last log entry that the snapshot covers.
	Position
	// Configuration is the membership at Position.
	Configuration Configuration
	// Time is the log time in milliseconds of the entry at Position, or zero if it is not known.
	Time int64
}

// SnapshotChunk is one piece of a snapshot on its way to a lagging peer (Raft figure 13).
type SnapshotChunk struct {
	Envelope
	Meta SnapshotMeta
	// Size is the length of the whole image in bytes.
	Size int64
	// Offset is where Data begins in the image.
	Offset int64
	Data   []byte
	// Checksum is the CRC32C of Data.
	Checksum uint32
	// Round is the newest read round that this chunk can confirm.
	Round uint64
}

// SnapshotReply says how much of the snapshot the sender holds: the leader goes on from there,
// after a lost chunk or a broken connection too.
type SnapshotReply struct {
	Envelope
	// Index is the snapshot's last log index.
	Index uint64
	// Next is the offset that the sender wants next, when Installed is false.
	Next int64
	// Installed is set once the snapshot, or a log that covers it, is durable.
	Installed bool
	Round     uint64
}

// TimeoutNow tells the receiver to stand for election at once: leadership is handed to it (thesis §3.10).
type TimeoutNow struct {
	Envelope
}

// ReadRequest asks the leader for a read index on behalf of reads that wait on a follower (thesis §6.4).
type ReadRequest struct {
	Envelope
	// ID is unique among the requests of every life of the sender, so that no late answer is taken for another's.
	ID uint64
}

// ReadReply answers a ReadRequest: the leader has confirmed, after the request arrived, that it leads.
type ReadReply struct {
	Envelope
	// ID echoes the request's.
	ID uint64
	// Index is the read index.
	Index uint64
	// Refused: the receiver does not lead, or has too many reads waiting. There is no index.
	Refused bool
}
