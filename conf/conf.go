// Package conf turns flags, environment, a file and defaults, in that order of precedence, into one
// validated Config. table.go holds everything that is to be said of each setting; flags, variables,
// file, sample and `redoubt config` follow from it.
//
// A wrong value or an unknown key is an error of one line that names key, value, where it came from
// and what is allowed.
package conf

import (
	"log/slog"
	"time"
)

// LevelVerbose is Redis's level between debug and notice. Notice is slog.LevelInfo.
const LevelVerbose = slog.Level(-2)

// Config holds the effective settings. Sizes are in bytes.
type Config struct {
	// NodeID names this node for ever. Never zero. NodeIDGiven is false for the default, which a node that joins a cluster
	// does not insist on.
	NodeID      uint64
	NodeIDGiven bool
	// ClusterID keeps clusters apart: nodes of different clusters do not talk.
	ClusterID string
	// Dir is the data directory.
	Dir string
	// Processors is how many processors run the process's Go code at once. Zero: half of them, unless GOMAXPROCS is set.
	Processors int

	// Listeners are where clients connect. There is at least one.
	Listeners []Listener
	// PeerListen is the host:port for Raft traffic. The host may be a wildcard if PeerAnnounce, by which the peers reach it,
	// is another.
	PeerListen, PeerAnnounce string
	// Peers are the voters of a new cluster, this node included, sorted by ID. Empty if Join is not.
	Peers []Peer
	// Join are client addresses of members of the cluster that this node asks to be taken in.
	Join []string
	// JoinLearner: the node that joins stays a learner until it is promoted.
	JoinLearner bool

	// MaxClients is how many clients may be connected at once.
	MaxClients int
	// Timeout is after how long an idle client is disconnected. Zero: never.
	Timeout time.Duration
	// TCPKeepAlive is the interval of keep-alive probes. Zero: none.
	TCPKeepAlive time.Duration
	// ProtoMaxBulkLen bounds one argument of a command.
	ProtoMaxBulkLen int64
	// ClientQueryBufferLimit bounds what one client may have sent that was not yet taken.
	ClientQueryBufferLimit int64

	// LinearizableReplicas: READONLY without a word asks for reads that are never stale.
	LinearizableReplicas bool

	// LeaseReads lets the leader read by its clock instead of by a round. It weakens the promise on reads.
	LeaseReads bool
	// HeartbeatInterval is the time between a leader's heartbeats.
	HeartbeatInterval time.Duration
	// ElectionTimeout is the shortest silence of a leader after which a node stands for election.
	// Each wait is randomised up to twice as long. At least three times HeartbeatInterval.
	ElectionTimeout time.Duration

	// MaxEntryBytes bounds one entry of the log: one proposal.
	MaxEntryBytes int64
	// RaftMaxInflightBytes bounds what is under way to one peer.
	RaftMaxInflightBytes int64
	// RaftMaxUncommittedBytes bounds what is proposed and not yet committed. At least MaxEntryBytes.
	RaftMaxUncommittedBytes int64
	// RaftLogCacheBytes bounds the tail of the log that is kept in memory.
	RaftLogCacheBytes int64

	// WALSegmentBytes is the size of one file of the log.
	WALSegmentBytes int64
	// SnapshotLogBytes and SnapshotLogEntries say after how much log a snapshot is taken.
	SnapshotLogBytes   int64
	SnapshotLogEntries uint64

	// LogLevel is the least level that is logged.
	LogLevel slog.Level
	// LogFormat is "text" or "json".
	LogFormat string

	// File is the configuration file that was read, or empty.
	File string

	effective []Setting
}

// Listener is an address that clients connect to.
type Listener struct {
	// Name is unique among the listeners of a node: "listener1" and so on if none is given.
	Name string
	// Listen is the host:port to listen on. The host may be a wildcard.
	Listen string
	// Announce is the host:port by which clients of this listener reach it; redirects name it.
	Announce string
}

// Peer is a voter of a new cluster.
type Peer struct {
	ID uint64
	// Address is the host:port of its Raft traffic.
	Address string
}

// Setting is one effective setting, for people.
type Setting struct {
	// Name is the key in the file; the flag is --Name.
	Name string
	// Value is the effective value, in the spelling of the file.
	Value string
	// Origin is "default", "file F", "environment REDOUBT_X" or "flag --x".
	Origin string
	// Allowed says which values are taken.
	Allowed string
	// Doc says what the setting is for, in sentences.
	Doc string
}

// Effective returns all settings in the order of the sample file, with where each came from.
func (c *Config) Effective() []Setting {
	return append([]Setting(nil), c.effective...)
}
