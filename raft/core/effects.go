package core

// Effects is what a driver must do after one Step. The types carry the order: Send may leave at
// once, Persist.Then only after that very Persist is durable. Effects of consecutive steps are
// carried out in the order of the steps, kind by kind.
//
// The slices belong to the caller, save that entries are shared with the core and between effects:
// a slice of entries may be kept and appended to (its capacity is capped), but neither its elements
// nor their Data may be changed.
type Effects struct {
	// Persist is what must become durable, or nil.
	Persist *Persist
	// Send may leave at once: these messages attest nothing that is not durable already.
	Send []Message
	// Apply are committed and locally durable entries for the state machine, consecutive across steps.
	Apply []Entry
	// Proposed answers a Propose input, and is nil for any other.
	Proposed *Proposed
	// Reads are read indexes confirmed or refused in this step.
	Reads []ReadResult
	// Changes answers ChangeMembership inputs.
	Changes []ChangeResult
	// ReadLog asks for entries that are on disk and no longer in memory.
	ReadLog []ReadLog
	// ReadSnapshot asks for pieces of this node's newest snapshot.
	ReadSnapshot []ReadSnapshot
	// WriteSnapshot are pieces of an incoming snapshot, to be kept aside in order.
	WriteSnapshot []WriteSnapshot
	// InstallSnapshot asks to verify and install the image whose pieces are complete, or is nil.
	InstallSnapshot *InstallSnapshot
	// Status is the node's new standing if role, term, leader or log clock changed, or nil.
	Status *Status
}

// Persist is an increment of durable state. The driver may merge consecutive ones into one write
// and one sync, and answers with Persisted naming the last Seq.
type Persist struct {
	// Seq numbers the Persist effects of this core, from 1, without gaps.
	Seq uint64
	// HardState replaces the stored one. It is set in every Persist.
	HardState HardState
	// Sync is false when nothing but HardState.Commit moved: such a Persist may wait for the next.
	Sync bool
	// Entries continue the log, or replace it from Entries[0].Index on.
	Entries []Entry
	// Then may be sent only after this increment is durable (thesis §10.2.1).
	Then []Message
}

// Refusal says why a proposal, a read or a change of the membership was not taken. Nothing was done.
type Refusal uint8

// The refusals.
const (
	// Accepted is no refusal.
	Accepted Refusal = iota
	// NotLeader: this node does not lead; see Status.Leader.
	NotLeader
	// Transferring: leadership is being handed over.
	Transferring
	// Overloaded: too much is proposed and not yet committed, or committed and not yet applied.
	Overloaded
	// TooLarge: a command exceeds Config.MaxEntryBytes, or a configuration MaxMembers.
	TooLarge
	// ChangePending: another change of the membership is under way, or the leader's first entry is not
	// committed yet. Try again later.
	ChangePending
	// NotMember: the change names a node that is not in the configuration.
	NotMember
	// AlreadyMember: the node is in the configuration already, or votes already.
	AlreadyMember
	// IDUsed: the id was given to a node before. Ids are never reused.
	IDUsed
	// NotCaughtUp: the learner's log is too far behind for it to vote.
	NotCaughtUp
	// LastVoter: the change would leave nobody who votes.
	LastVoter
	// Forming: the first voters are not recorded with their disks yet. See Member.Instance.
	Forming
	// NoMajority: fewer than a majority of the voters that the change leads to were heard lately.
	NoMajority
	// Malformed: the change does not make sense: no id, no address, or an address that is too long.
	Malformed
	// Unknown is no refusal: the change entered the log, and leadership was lost before its outcome was known.
	Unknown
)

// Proposed answers a Propose.
type Proposed struct {
	// Refusal is Accepted, or why nothing was appended.
	Refusal Refusal
	// First is the position of the first new entry; the others follow it in the same term.
	First Position
}

// ReadResult answers a Read.
type ReadResult struct {
	// ID is the input's.
	ID uint64
	// Refusal is Accepted, NotLeader (here, or any more), or Overloaded when too many reads wait.
	Refusal Refusal
	// Index is the read index: serve the read once the state machine has applied it.
	Index uint64
	// Until is zero, or the instant of the monotonic clock in milliseconds at which the lease ends that
	// confirmed the read: what was read counts only if the clock is still before it afterwards.
	Until int64
}

// ChangeResult answers a ChangeMembership.
type ChangeResult struct {
	// ID is the input's.
	ID uint64
	// Refusal is Accepted once the change has committed; Unknown; or why nothing was done.
	Refusal Refusal
	// Member is the node that was changed: in a join without an id, the id that it was given.
	Member NodeID
	// Index is the index of the entry that completed the change.
	Index uint64
}

// ReadLog asks for entries From..To, both included, up to MaxBytes but at least one.
type ReadLog struct {
	// Peer is the lagging peer that they are for, or None when they are to be applied here.
	Peer     NodeID
	Term     uint64
	From, To uint64
	MaxBytes int
}

// ReadSnapshot asks for a piece of a snapshot for Peer.
type ReadSnapshot struct {
	Peer NodeID
	Term uint64
	// Index is the snapshot that the transfer began with, or zero for the newest.
	Index    uint64
	Offset   int64
	MaxBytes int
}

// WriteSnapshot is a checked piece of an incoming snapshot. Offset 0 begins a new image and discards any other.
type WriteSnapshot struct {
	Meta   SnapshotMeta
	Offset int64
	Data   []byte
}

// InstallSnapshot asks to make the incoming snapshot durable, to reset the log to continue after
// Meta.Position, and to have the state machine load it before any later entry; then to answer with SnapshotInstalled, and with
// Applied once it is loaded. Until then the node stands for no election.
type InstallSnapshot struct {
	Meta SnapshotMeta
	Size int64
}

// Status is a node's standing.
type Status struct {
	Role   Role
	Term   uint64
	Leader NodeID
	// ClockOffset added to the monotonic clock in milliseconds gives log time. It is meaningful while leading.
	ClockOffset int64
}
