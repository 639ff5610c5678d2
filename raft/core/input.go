package core

// Input is one of the inputs below: the closed set of things that can happen to a core.
type Input interface{ input() }

// Tick says that time has passed. The driver sends one at each tick of its clock.
type Tick struct {
	// Mono is the node's monotonic clock in milliseconds.
	Mono int64
	// Wall is the node's wall clock in milliseconds since the Unix epoch. It may jump.
	Wall int64
}

// Receive delivers a message from a peer. The driver has checked that it is addressed to this node.
type Receive struct {
	Message Message
	// Instance is the disk from which the sender speaks, as its connection's handshake said: see
	// Member.Instance. Zero when the network does not tell.
	Instance uint64
}

// Propose asks to append commands to the log, all or none.
type Propose struct {
	// Mono is the node's monotonic clock in milliseconds, from which the entries' log time is taken.
	Mono int64
	// Commands become one entry each, in order.
	Commands [][]byte
}

// Read asks for a read index that covers every command acknowledged before now (thesis §6.4).
type Read struct {
	// ID comes back in the ReadResult. It is never reused.
	ID uint64
	// Mono is the node's monotonic clock in milliseconds, by which a lease is judged.
	Mono int64
	// Forward: on a node that follows, the leader is asked; otherwise the read is refused there.
	Forward bool
}

// Persisted says that a Persist effect, and every one before it, is durable.
type Persisted struct {
	// Seq is the effect's Persist.Seq.
	Seq uint64
}

// DiskFull says that the disk answers but has no room, and that what is owed is being tried again.
// A leader then does not take its disk for hung, and goes on serving reads. The driver repeats it
// more often than every election timeout, and refuses proposals meanwhile.
type DiskFull struct{}

// Applied says that the state machine has applied the log up to Index, or has loaded a snapshot at Index: that of Config, or
// an installed one. The latter may come ahead of SnapshotInstalled.
type Applied struct{ Index uint64 }

// SnapshotTaken says that this node has made a durable snapshot of its own.
type SnapshotTaken struct {
	Meta SnapshotMeta
	// FirstIndex is the first index that the log on disk still holds or will hold next.
	FirstIndex uint64
}

// SnapshotInstalled answers an InstallSnapshot effect.
type SnapshotInstalled struct {
	// Index is the snapshot's last log index.
	Index uint64
	// OK is false when the image was damaged: the transfer starts over.
	OK bool
}

// LogRead answers a ReadLog effect.
type LogRead struct {
	// Request is the effect that is answered.
	Request ReadLog
	// PrevTerm is the term of the entry at Request.From-1 (zero at index 0).
	PrevTerm uint64
	// Entries start at Request.From. Empty when the log no longer reaches back so far.
	Entries []Entry
}

// SnapshotRead answers a ReadSnapshot effect.
type SnapshotRead struct {
	// Request is the effect that is answered.
	Request ReadSnapshot
	// Meta describes the snapshot that was read from: the newest, or that of Request.Index if
	// it still exists. A zero Meta.Index says that there is none.
	Meta SnapshotMeta
	// Size is the length of the whole image in bytes.
	Size int64
	// Data is the image's bytes at Request.Offset (at 0, when Meta is not the snapshot asked for).
	Data []byte
}

// Transfer asks the leader to hand leadership to a voter (thesis §3.10).
type Transfer struct{ To NodeID }

// ChangeMembership asks the leader for a change of the configuration. It is answered by a ChangeResult once
// the change has committed, or cannot any more.
type ChangeMembership struct {
	// ID comes back in the ChangeResult.
	ID uint64
	// Mono is the node's monotonic clock in milliseconds, from which the entries' log time is taken.
	Mono   int64
	Change Change
}

func (ChangeMembership) input() {}

func (Tick) input()              {}
func (Receive) input()           {}
func (Propose) input()           {}
func (Read) input()              {}
func (Persisted) input()         {}
func (DiskFull) input()          {}
func (Applied) input()           {}
func (SnapshotTaken) input()     {}
func (SnapshotInstalled) input() {}
func (LogRead) input()           {}
func (SnapshotRead) input()      {}
func (Transfer) input()          {}
