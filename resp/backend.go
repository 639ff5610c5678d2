package resp

import (
	"context"
	"time"

	"redoubt/fsm"
)

// Backend is what the front end needs of a replica.
type Backend interface {
	// Execute runs the ops of a batch in order, as one proposal if any of them writes, and appends
	// exactly one reply per op to b.Reply. It blocks until those replies are known. It may stop early, after
	// at least one op, when b.Reply grows large: it returns how many ops have their reply, and the
	// caller flushes and calls again with the rest.
	Execute(b *Batch) (done int)
	// Status returns the replica's standing, for INFO, CLUSTER and redirects.
	Status() Status
	// WaitReplicas blocks until the last write acknowledged here is durable on n other nodes, or until timeout
	// (zero: no limit) or closing of cancel, and returns on how many it is (WAIT).
	WaitReplicas(n int, timeout time.Duration, cancel <-chan struct{}) int
	// ChangeMembership carries out a change of the membership and blocks until it has committed, or cannot any
	// more, or ctx ends. id is the member's, also the one that was chosen for it. ErrNotLeader redirects the
	// client, and ErrUncertain says that the outcome is not known (after ctx has ended, too); the text of any
	// other error is the reply.
	ChangeMembership(ctx context.Context, change MemberChange) (id uint64, err error)
	// TransferLeadership hands leadership to a voter and blocks until that node leads, or it is given up, or
	// ctx ends. Its errors are those of ChangeMembership.
	TransferLeadership(ctx context.Context, to uint64) error
	// BeginSnapshot has this node take a snapshot of all that it has applied, and returns at once. While one is under way it
	// returns ErrSaving; with schedule, it has another follow instead, and started is false. The text of any other error
	// is the reply. Status tells of the outcome.
	BeginSnapshot(schedule bool) (started bool, err error)
}

// Starter is implemented by a Backend that can run a batch while its caller does something else. Connections then need no
// goroutine each.
type Starter interface {
	Backend
	// NewTask returns what runs the batches of one connection, one at a time. woken is called, from any goroutine, once for
	// each time that Begin or Resume returned not ok, when Resume has something to do: perhaps before they return. It
	// does not block.
	NewTask(woken func()) Task
	// Hold says that the caller is about to begin several batches, which may share their costs, and Release that it
	// has. Between them the caller does not wait for anything.
	Hold()
	Release()
	// Lull reports whether the batches that have begun wait for others, of which many are still to come, and for nothing
	// else: who looks for input some ten microseconds later finds more of it at once.
	Lull() bool
}

// Task runs batches. Begin is Execute for a caller that does not wait: if ok, the first done ops have their
// reply. Otherwise the batch is the task's until Resume, which is called after each wake-up, returns ok.
type Task interface {
	Begin(b *Batch) (done int, ok bool)
	Resume() (done int, ok bool)
}

// Batch is a run of commands that one connection sent together.
type Batch struct {
	Ops []Op
	// Reply takes the replies. Its protocol version is the connection's.
	Reply fsm.Writer
	// ReadOnly: the connection sent READONLY, so reads are served by any node from its applied state.
	ReadOnly bool
	// Linearizable: with ReadOnly, a node that follows asks the leader for a read index first, so that its
	// reads are never stale.
	Linearizable bool
	// Listener is the index of the listener the connection came in by; redirects name the
	// address that the leader announces for the same listener.
	Listener int
}

// ReplyError is an error whose text is a reply, its code included.
type ReplyError string

// Error returns the reply.
func (e ReplyError) Error() string { return string(e) }

const (
	// ErrNotLeader: this node does not lead and nothing was done. The front end replies with a redirect.
	ErrNotLeader = ReplyError("CLUSTERDOWN The cluster is down")
	// ErrUncertain: the change may take effect or not.
	ErrUncertain = ReplyError("UNCERTAIN the outcome of the change is not known; RAFT NODES shows it in the end")
	// ErrSaving: this node takes a snapshot already.
	ErrSaving = ReplyError("ERR Background save already in progress")
)

// ChangeKind says what a MemberChange does.
type ChangeKind uint8

// The changes of the membership.
const (
	// AddMember takes a member in: as a learner, which becomes a voter when it has caught up if Promote is set.
	AddMember ChangeKind = iota + 1
	// PromoteMember makes a learner that has caught up a voter.
	PromoteMember
	// RemoveMember takes a member out, the leader included.
	RemoveMember
	// MoveMember gives a member another address.
	MoveMember
)

// String returns the change's name for the log.
func (k ChangeKind) String() string {
	switch k {
	case AddMember:
		return "add"
	case PromoteMember:
		return "promote"
	case RemoveMember:
		return "remove"
	case MoveMember:
		return "move"
	}
	return "unknown"
}

// MemberChange is one change of the membership.
type MemberChange struct {
	Kind ChangeKind
	// ID is the member's. Zero in AddMember asks for the next free one.
	ID uint64
	// Address is where the other nodes reach the member, "host:port", in AddMember and MoveMember.
	Address string
	// Instance names the new member's disk in AddMember; zero if it is not known. Adding an instance that is a member
	// already succeeds and changes nothing, so that it can be repeated.
	Instance uint64
	// Promote, in AddMember: the member is to vote once it has caught up.
	Promote bool
}

// Op is one command of a batch.
type Op struct {
	// Command is the command's table row; nil in an op that only carries a reply.
	Command *fsm.Command
	// Args are the command's words, its name included. They stay valid until Execute returns.
	Args [][]byte
	// Session and Sequence are those of the ONCE envelope that the command came in; zero without one.
	Session, Sequence uint64
	// Literal is a finished reply that keeps its place between the others, when Command is nil.
	Literal []byte
}

// Status is a replica's standing.
type Status struct {
	ClusterID string
	NodeID    uint64
	// Role is "leader", "follower", "candidate" or "pre-candidate".
	Role     string
	Term     uint64
	LeaderID uint64
	// Indexes of the log.
	CommitIndex, AppliedIndex, LastIndex, SnapshotIndex uint64
	// Members are sorted by id; this node is one of them.
	Members []Member
	// Keys and Expires count keys, and keys with a deadline.
	Keys, Expires int
	// LogTime is the log time in milliseconds.
	LogTime int64
	// SnapshotRunning, LastSnapshotTime (Unix seconds, 0 before the first since the start) and LastSnapshotOK feed INFO
	// persistence and LASTSAVE. When SnapshotRunning ends, the others tell of that snapshot.
	SnapshotRunning  bool
	LastSnapshotTime int64
	LastSnapshotOK   bool
	// Loading: the node is not caught up with what it knew before its start.
	Loading bool
	// ExpiredKeys, KeyspaceHits and KeyspaceMisses count since the start.
	ExpiredKeys, KeyspaceHits, KeyspaceMisses uint64
	// Sessions counts the open sessions of ONCE.
	Sessions int
	// ForwardedReads counts the batches of reads since the start whose index was asked of the leader (READONLY LINEARIZABLE).
	ForwardedReads uint64
	// DatasetBytes estimates the memory that keys and values take.
	DatasetBytes int64
}

// MemberRole is the part that a member has in decisions.
type MemberRole string

// The roles of members.
const (
	// Voter: its disk counts for majorities.
	Voter MemberRole = "voter"
	// Learner: it has the log and does not vote.
	Learner MemberRole = "learner"
	// Joining: a learner that becomes a voter when it has caught up, or a voter of only the new half of a joint
	// configuration.
	Joining MemberRole = "joining"
	// Leaving: a voter of only the old half of a joint configuration.
	Leaving MemberRole = "leaving"
)

// Member is one node of the cluster, as this node sees it.
type Member struct {
	ID uint64
	// Peer is the address for Raft traffic.
	Peer string
	// Clients are the announced client addresses ("host:port"), one per listener. Empty if not yet known.
	Clients []string
	Role    MemberRole
	// Connected: there is a live connection to it (always true for the node itself).
	Connected bool
	// MatchIndex is how far the member's log is known to match; only a leader knows it.
	MatchIndex uint64
}
