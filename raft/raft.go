package raft

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"redoubt/raft/core"
)

// Names of the core that users of this package need, so that most never import it.
type (
	// NodeID names one replica for ever.
	NodeID = core.NodeID
	// Entry is one record of the replicated log.
	Entry = core.Entry
	// SnapshotMeta is a snapshot's position in the log and the membership there.
	SnapshotMeta = core.SnapshotMeta
	// Configuration is the membership of a cluster.
	Configuration = core.Configuration
)

// Why a proposal or a read was dropped.
var (
	// ErrNotLeader: this node does not lead; nothing was done.
	ErrNotLeader = errors.New("raft: not the leader")
	// ErrOverloaded: too many bytes wait to be committed; nothing was done.
	ErrOverloaded = errors.New("raft: too many uncommitted bytes")
	// ErrDiskFull: there is no room for more log; nothing was done. A Persister's Save returns it, wrapped, when
	// it has changed nothing and may be tried again.
	ErrDiskFull = errors.New("raft: no space left for the log")
	// ErrTooLarge: the command exceeds Limits.EntryBytes; nothing was done.
	ErrTooLarge = errors.New("raft: command too large")
	// ErrStopped: the node was stopped before the proposal was taken; nothing was done.
	ErrStopped = errors.New("raft: stopped")
	// ErrUncertain: the proposal was taken, and leadership was lost or the node stopped before the outcome was known.
	ErrUncertain = errors.New("raft: leadership was lost before the outcome was known")
)

// Peer is one member of the initial cluster.
type Peer struct {
	ID NodeID
	// Address is where the network reaches the peer; this package only stores it in the configuration.
	Address string
}

// Raft is one node of a cluster. Its methods may be called from any goroutine.
type Raft struct {
	me        NodeID
	persister Persister
	network   Network
	clock     Clock
	log       *slog.Logger
	tick      int64 // milliseconds

	core    *core.Core // owned by the loop
	tickets ticketQueue
	rounds  []*readRound // read rounds under way, oldest first; owned by the loop
	nextID  uint64       // of read rounds; owned by the loop
	held    []proposal   // proposals that wait for the disk; owned by the loop
	// persisting and persisted are the last Persist.Seq that went to the disk and that came back; owned by the loop.
	persisting, persisted uint64

	applied uint64 // highest index that the core was told is applied; owned by the loop

	gathered []core.Entry // scratch space of the disk worker

	inbox   inbox
	disk    *diskQueue
	reader  *readerQueue
	applies *applyQueue
	sending sync.Mutex // Network.Send takes one caller at a time

	standing atomic.Pointer[Standing]
	limits   Limits

	stopOnce sync.Once
	stopping chan struct{} // closed by Stop or by a failure
	done     chan struct{} // closed when every goroutine has ended
	failure  atomic.Pointer[error]
	diskFull atomic.Bool
	workers  sync.WaitGroup
}

// Standing is what a node knows of itself and its cluster at one moment.
type Standing struct {
	core.Status
	// CommitIndex and LastIndex are positions in the node's log.
	CommitIndex, LastIndex uint64
}

// Make starts a node and returns it.
//
//   - peers is the initial cluster, this node included. Every first member must be given the same. It is read
//     only by a node without a log; later the log says who is a member.
//   - me is this node's id.
//   - persister is what the node remembers; it must belong to this node alone.
//   - applyCh receives committed commands and snapshots, in log order. Make's node sends and never closes it.
//
// The first message is the newest snapshot, if the persister has one. Errors: a persister that cannot be
// read, peers without me, limits that make no sense, a network that does not start.
func Make(peers []Peer, me NodeID, persister Persister, applyCh chan<- ApplyMsg, options ...Option) (*Raft, error) {
	opts := defaultOptions()
	for _, set := range options {
		set(&opts)
	}
	if opts.tick < time.Millisecond {
		return nil, fmt.Errorf("raft: a tick of %v is too short, the clock counts milliseconds", opts.tick)
	}
	state, err := persister.Load()
	if err != nil {
		return nil, fmt.Errorf("raft: load: %w", err)
	}
	config, err := coreConfig(peers, me, state, opts)
	if err != nil {
		return nil, err
	}
	machine, err := core.New(config)
	if err != nil {
		return nil, err
	}
	r := &Raft{
		me: me, persister: persister, network: opts.network, clock: opts.clock, log: opts.logger,
		tick: opts.tick.Milliseconds(), core: machine, limits: opts.limits,
		disk: newDiskQueue(), reader: newReaderQueue(), applies: newApplyQueue(),
		stopping: make(chan struct{}), done: make(chan struct{}),
	}
	r.inbox.wake = make(chan struct{}, 1)
	r.publish(machine.Status())
	if state.Snapshot.Index > 0 {
		r.applies.push(applyJob{snapshot: &state.Snapshot})
	}
	return r, r.start(applyCh)
}

// coreConfig turns what was loaded and what was asked into the core's configuration.
func coreConfig(peers []Peer, me NodeID, state State, opts options) (core.Config, error) {
	configuration, at := state.Configuration, state.ConfigurationIndex
	if len(configuration.Members) == 0 {
		configuration, at = InitialConfiguration(peers), 0
		if _, ok := configuration.Member(me); !ok {
			return core.Config{}, fmt.Errorf("raft: node %d is not among the peers", me)
		}
	}
	if opts.network == nil && len(configuration.Members) > 1 {
		return core.Config{}, errors.New("raft: a cluster of several nodes needs WithNetwork")
	}
	return core.Config{
		ID:                  me,
		Configuration:       configuration,
		ConfigurationIndex:  at,
		HardState:           state.HardState,
		Snapshot:            state.Snapshot,
		FirstIndex:          state.FirstIndex,
		Tail:                state.Tail,
		Last:                state.Last,
		ElectionTicks:       opts.ticks(opts.electionTimeout),
		HeartbeatTicks:      opts.ticks(opts.heartbeatInterval),
		MaxEntryBytes:       opts.limits.EntryBytes,
		MaxAppendBytes:      opts.limits.AppendBytes,
		MaxInflightBytes:    opts.limits.InflightBytes,
		MaxInflightMessages: opts.limits.InflightMessages,
		MaxUncommittedBytes: opts.limits.UncommittedBytes,
		MaxTailBytes:        opts.limits.TailBytes,
		SnapshotChunkBytes:  opts.limits.SnapshotChunkBytes,
		Seed:                opts.seed,
	}, nil
}

// InitialConfiguration is the membership of a new cluster: every peer votes.
func InitialConfiguration(peers []Peer) Configuration {
	members := make([]core.Member, 0, len(peers))
	for _, peer := range peers {
		members = append(members, core.Member{ID: peer.ID, Address: peer.Address, Voter: true})
	}
	slices.SortFunc(members, func(a, b core.Member) int { return cmp.Compare(a.ID, b.ID) })
	return core.Configuration{Members: members}
}

// Start proposes a command and returns at once. If this node leads, index is where the command will
// stand if it is ever committed, in term; there is no promise that it will be. Otherwise isLeader is false
// and nothing was done.
func (r *Raft) Start(command []byte) (index uint64, term uint64, isLeader bool) {
	if r.standing.Load().Role != core.Leader {
		return 0, r.standing.Load().Term, false
	}
	t := &startTicket{answer: make(chan core.Position, 1)}
	r.Propose(command, t)
	position := <-t.answer
	if position.Index == 0 {
		return 0, r.standing.Load().Term, false
	}
	return position.Index, position.Term, true
}

// GetState returns the node's current term and whether it believes to be the leader.
func (r *Raft) GetState() (term uint64, isLeader bool) {
	s := r.standing.Load()
	return s.Term, s.Role == core.Leader
}

// Standing returns what the node knows of itself at this moment.
func (r *Raft) Standing() Standing { return *r.standing.Load() }

// LogNow returns the leader's log clock in milliseconds since the Unix epoch: no entry stamped before this
// call carries a later time. It means something only while the node leads.
func (r *Raft) LogNow() int64 { return r.clock.Mono() + r.standing.Load().ClockOffset }

// Propose hands a command over without waiting. The ticket travels with the entry to applyCh on this
// node, or is told by Dropped why it never will. The command's bytes must not be changed afterwards.
func (r *Raft) Propose(command []byte, ticket Ticket) {
	if r.limits.EntryBytes > 0 && len(command) > r.limits.EntryBytes {
		ticket.Dropped(ErrTooLarge)
		return
	}
	if r.diskFull.Load() {
		ticket.Dropped(ErrDiskFull)
		return
	}
	if !r.inbox.addProposal(proposal{command, ticket}) {
		ticket.Dropped(ErrStopped)
	}
}

// SnapshotTaken tells the node that the service has a durable snapshot of its own, so that older log can go.
func (r *Raft) SnapshotTaken(meta SnapshotMeta) {
	r.disk.push(diskJob{compact: &meta})
}

// TransferLeadership asks the leader to hand over to a voter. It returns at once; Standing tells the outcome.
func (r *Raft) TransferLeadership(to NodeID) {
	r.call(func() { r.step(core.Transfer{To: to}) })
}

// Progress is how far a peer's log is known to match. Only a leader has any; sorted by id.
func (r *Raft) Progress() []core.Progress {
	var progress []core.Progress
	r.call(func() { progress = r.core.Progress() })
	return progress
}

// Configuration returns the membership that the node goes by, which may not be committed yet.
func (r *Raft) Configuration() Configuration {
	var configuration Configuration
	r.call(func() { configuration = r.core.Configuration() })
	return configuration
}

// call runs f in the loop and waits for it. After a stop it does nothing.
func (r *Raft) call(f func()) {
	finished := make(chan struct{})
	if !r.inbox.addCall(func() { f(); close(finished) }) {
		return
	}
	select {
	case <-finished:
	case <-r.done:
	}
}

// Stop ends the node: pending proposals are dropped, all goroutines end, the network is closed. The persister
// is the caller's to close.
func (r *Raft) Stop() {
	r.stopOnce.Do(func() { close(r.stopping) })
	<-r.done
}

// Done is closed when the node has stopped, by Stop or by a failure.
func (r *Raft) Done() <-chan struct{} { return r.done }

// Err returns why the node stopped by itself: a failed disk is final. It is nil while the node runs and after Stop.
func (r *Raft) Err() error {
	if err := r.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// fail records the first failure and begins to stop.
func (r *Raft) fail(err error) {
	if r.failure.CompareAndSwap(nil, &err) {
		r.log.Error("raft stops: its storage failed", "error", err)
	}
	r.stopOnce.Do(func() { close(r.stopping) })
}
