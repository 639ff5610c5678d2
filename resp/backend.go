package resp

import (
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
}

// Batch is a run of commands that one connection sent together.
type Batch struct {
	Ops []Op
	// Reply takes the replies. Its protocol version is the connection's.
	Reply fsm.Writer
	// ReadOnly: the connection sent READONLY, so reads are served by any node from its applied state.
	ReadOnly bool
	// Listener is the index of the listener the connection came in by; redirects name the
	// address that the leader announces for the same listener.
	Listener int
}

// Op is one command of a batch.
type Op struct {
	// Command is the command's table row; nil in an op that only carries a reply.
	Command *fsm.Command
	// Args are the command's words, its name included. They stay valid until Execute returns.
	Args [][]byte
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
	// SnapshotRunning, LastSnapshotTime (Unix seconds) and LastSnapshotOK feed INFO persistence.
	SnapshotRunning  bool
	LastSnapshotTime int64
	LastSnapshotOK   bool
	// Loading: the node is not caught up with what it knew before its start.
	Loading bool
	// ExpiredKeys, KeyspaceHits and KeyspaceMisses count since the start.
	ExpiredKeys, KeyspaceHits, KeyspaceMisses uint64
	// DatasetBytes estimates the memory that keys and values take.
	DatasetBytes int64
}

// Member is one node of the cluster, as this node sees it.
type Member struct {
	ID uint64
	// Peer is the address for Raft traffic.
	Peer string
	// Clients are the announced client addresses ("host:port"), one per listener. Empty if not yet known.
	Clients []string
	Voter   bool
	// Connected: there is a live connection to it (always true for the node itself).
	Connected bool
	// MatchIndex is how far the member's log is known to match; only a leader knows it.
	MatchIndex uint64
}
