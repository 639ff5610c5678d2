package replica

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"redoubt/fsm"
	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/wal"
)

// Options say what a replica is, where it lives and what it is given of the world.
type Options struct {
	// ID is the replica's id, for ever; zero, if the directory is to say. ClusterID is the cluster's name.
	ID        raft.NodeID
	ClusterID string
	// Peers are the members of a new cluster, this one included; none, if it joins one that exists.
	Peers []raft.Peer
	// NewInstance draws the identity of a new data directory, at random and never zero.
	NewInstance func() uint64
	// FS and Dir are where the replica keeps its data.
	FS  vfs.FS
	Dir string
	// Memory makes the memory that the keys of one state machine are in. Nil: they are on the Go heap.
	Memory func() Memory
	// MaxEntryBytes bounds one log entry: one pipeline's writes. More than the log can take is lowered to that.
	MaxEntryBytes int
	// SegmentBytes is the size of a log segment.
	SegmentBytes int64
	// SnapshotLogBytes and SnapshotLogEntries say after how much log a snapshot is taken.
	SnapshotLogBytes, SnapshotLogEntries int64
	// CheckEntries is after how many entries the replicas compare their states. Zero: 1024.
	CheckEntries int64
	// Election is Raft's election timeout. A request waits up to twice as long for a leader to be known.
	Election time.Duration
	// Clock is the only clock that is read. Nil: the machine's.
	Clock raft.Clock
	// Logger hears what the operator should know. Nil: nobody does.
	Logger *slog.Logger
	// Background runs a task that does I/O for long, beside everything else; it must not run it before it returns.
	Background func(task func())
	// Pace is called before so many bytes of a snapshot are written, and returns when they may be, so that clients come first.
	// Nil: at once.
	Pace func(bytes int)
	// HeavyWork is called before a peer's snapshot is checked or loaded, which takes a processor for long, and done after that.
	// Several may be under way at once. Nil: nobody wants to know.
	HeavyWork func() (done func())
	// Redirect returns the address at which a node serves clients that came by the given listener, or "" if it is
	// not known.
	Redirect func(node raft.NodeID, listener int) string
}

// Memory gives memory out for keys.
type Memory = fsm.Memory

// newMemory returns what the keys of a new state machine are in.
func (o *Options) newMemory() Memory {
	if o.Memory == nil {
		return nil
	}
	return o.Memory()
}

// beginHeavyWork tells whoever wants to know that heavy work begins. The caller calls done at its end.
func (o *Options) beginHeavyWork() (done func()) {
	if o.HeavyWork == nil {
		return func() {}
	}
	return o.HeavyWork()
}

// Replica is one copy of the service. Its methods may be called from any goroutine, and none but Close waits for anything.
type Replica struct {
	options Options
	log     *slog.Logger
	clock   raft.Clock
	storage *storage
	// raft is set by Bind. Entries may be applied before.
	raft atomic.Pointer[raft.Raft]

	machine   machine
	gate      gate
	lobby     lobby
	snapshots snapshotter
	expiry    expiry
	checks    checker
	// configuration is the membership as of the last applied entry.
	configuration atomic.Pointer[core.Configuration]
	// batch and nobody (who drops replies) serve every entry; they belong to Apply.
	batch  fsm.Batch
	nobody fsm.Writer
	// bootCommit is the commit index that the node knew when it last stopped.
	bootCommit uint64
	// forwardedReads counts the batches of reads whose index was asked of the leader.
	forwardedReads atomic.Uint64

	failOnce sync.Once
	failed   chan struct{}
	failure  error
}

// machine is the state machine under its lock: Apply writes, requests read.
type machine struct {
	sync.RWMutex
	*fsm.Machine
	// term is that of the entry at the machine's index.
	term uint64
}

// Open recovers a replica from its directory, or makes the directory, and locks it. Errors: a directory that
// another process uses, that is another node's or no node's, or that is damaged.
func Open(o Options) (*Replica, error) {
	// A larger entry would be refused by every log that it reaches, and end every node.
	o.MaxEntryBytes = min(o.MaxEntryBytes, wal.DefaultMaxRecordBytes-entryHeaderBytes)
	if o.Clock == nil {
		o.Clock = raft.NewClock()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	storage, state, err := openStorage(o)
	if err != nil {
		return nil, err
	}
	r := &Replica{
		options: o, log: o.Logger, clock: o.Clock,
		storage:    storage,
		machine:    machine{Machine: state, term: storage.base.Term},
		nobody:     fsm.Writer{Discard: true},
		bootCommit: storage.remembered.Commit,
		failed:     make(chan struct{}),
	}
	if storage.identity.Joined {
		r.options.Peers = nil // it never forms a cluster, whatever it was told
	}
	configuration := storage.base.Configuration
	if len(configuration.Members) == 0 {
		configuration = raft.InitialConfiguration(r.options.Peers)
	}
	r.configuration.Store(&configuration)
	r.snapshots.init(o, storage.base.Index)
	r.expiry.init(r)
	r.checks.init(o.CheckEntries)
	r.gate.advance(state.Index())
	return r, nil
}

// RaftOptions are what raft.Make needs to know of the replica.
func (r *Replica) RaftOptions() []raft.Option {
	return []raft.Option{
		raft.WithClock(r.clock),
		raft.WithApply(r.Apply),
		raft.WithStanding(r.Standing),
		raft.WithInstance(r.storage.identity.Instance),
	}
}

// Peers are the initial members for raft.Make: none, if the replica was taken into a cluster that existed.
func (r *Replica) Peers() []raft.Peer { return r.options.Peers }

// Persister is the replica's data directory, for raft.Make.
func (r *Replica) Persister() raft.Persister { return r.storage }

// Bind gives the replica the node that was made with its RaftOptions. It must come before any request and any tick.
func (r *Replica) Bind(node *raft.Raft) { r.raft.Store(node) }

// Standing takes in a change of role, term or leader, for raft.WithStanding.
func (r *Replica) Standing(raft.Standing) { r.lobby.changed() }

// Tick is called every TickInterval: it lets due keys expire, logs a sum over the state, looks for room on a full disk, begins
// a snapshot that was asked for, and ends the waiting of requests that another node should serve, or that have waited too long. When raft has stopped it
// answers all that wait.
func (r *Replica) Tick() {
	node := r.raft.Load()
	select {
	case <-node.Done():
		r.release()
		return
	default:
	}
	now, leads := r.clock.Mono(), node.Standing().Role == core.Leader
	// With a disk that hangs, this node may never apply what it confirmed as leader. Somebody else has it.
	r.gate.turnAway(func(w *reading) bool { return w.forwarded && now >= w.deadline || !w.forwarded && !leads })
	r.lobby.call(now)
	if r.storage.full.Load() {
		r.storage.lookForRoom(r.options.Background, r.fail)
	}
	r.beginWantedSnapshot(node)
	if leads {
		r.logCheck(node)
		if r.keysAreDue() {
			r.expiry.begin(node)
		}
	}
}

// TickInterval is how often Tick is to be called.
const TickInterval = 100 * time.Millisecond

// release ends all waiting: what is not applied by now is not applied here any more.
func (r *Replica) release() {
	r.gate.close()
	r.lobby.close()
}

// fail records why the replica cannot go on.
func (r *Replica) fail(err error) {
	r.failOnce.Do(func() {
		r.failure = err
		close(r.failed)
		r.release()
	})
}

// Failed is closed when the replica cannot go on. Err says why.
func (r *Replica) Failed() <-chan struct{} { return r.failed }

// Err returns why the replica cannot go on, or nil.
func (r *Replica) Err() error {
	select {
	case <-r.failed:
		return r.failure
	default:
		return nil
	}
}

// Close answers all that wait and closes the data directory. Raft must have stopped.
func (r *Replica) Close() error {
	r.release()
	return r.storage.Close()
}
