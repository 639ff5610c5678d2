package raft

import (
	"errors"
	"log/slog"
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
	me           NodeID
	persister    Persister
	network      Network
	clock        Clock
	log          *slog.Logger
	limits       Limits
	tickInterval time.Duration
	manual       bool // a Manual's scheduler runs the workers

	bells   [workerKinds]bell
	inbox   inbox
	disk    *diskQueue
	reads   *readQueue
	applies *applyQueue
	sending sync.Mutex   // Network.Send takes one caller at a time
	turning sync.Mutex   // guards loopState
	holds   atomic.Int32 // callers between Hold and Release

	loopState
	gathered    []core.Entry        // scratch space; the disk worker's
	delivery    func(ApplyMsg) bool // the deliverer's; false: the node stops
	undelivered []ApplyMsg          // what the deliverer came for; the deliverer's

	standing     atomic.Pointer[Standing]
	onStanding   func(Standing)
	diskFull     atomic.Bool
	lull         atomic.Bool
	waitingBytes atomic.Int64 // of proposals that are not in the log yet
	waitingReads atomic.Int64

	made  time.Time   // the start of micros
	alarm *time.Timer // rings for the loop when what is held has waited long enough; nil on a manual node

	stopOnce sync.Once
	stopping chan struct{} // closed by Stop or by a failure
	done     chan struct{} // closed when every goroutine has ended
	failure  atomic.Pointer[error]
	workers  sync.WaitGroup
}

// loopState is what the loop alone touches: whoever holds turning.
type loopState struct {
	core     *core.Core
	tickets  ticketQueue
	held     []proposal      // proposals that wait for the disk, for others, or for the end of a transfer
	gatherer gatherer        // whether they wait for others
	notYet   bool            // the core has refused what is held, for reasons that will not last
	nextID   uint64          // of rounds and changes
	rounds   []*readRound    // under way, oldest first
	changes  []pendingChange // under way
	members  []core.Member   // that the network was told
	applied  uint64          // highest index that the core was told is applied
	// persisting and persisted are the last Persist.Seq that went to the disk and that came back.
	persisting, persisted uint64

	spare       letters
	spareRounds []*readRound
	commands    [][]byte // scratch space of propose
}

// Standing is what a node knows of itself and its cluster at one moment.
type Standing struct {
	core.Status
	// CommitIndex and LastIndex are positions in the node's log.
	CommitIndex, LastIndex uint64
}

// Start proposes a command and returns as soon as it is in the log of a node that leads, or is refused: after the sync
// that is under way and, where two or more propose at once, about 2 ms at most (while leadership is handed over or a cluster forms: when
// that has ended). If this node leads, index is where the command will stand if it is ever committed, in term; there is no
// promise that it will be. Otherwise isLeader is false and nothing was done.
func (r *Raft) Start(command []byte) (index uint64, term uint64, isLeader bool) {
	if r.standing.Load().Role != core.Leader {
		return 0, r.standing.Load().Term, false
	}
	r.mayWait("Start")
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

// SnapshotTaken tells the node that the service has a durable snapshot of its own, so that older log can go.
func (r *Raft) SnapshotTaken(meta SnapshotMeta) {
	r.disk.push(diskJob{compact: &meta})
}

// TransferLeadership asks the leader to hand over to a voter. It returns at once; Standing tells the outcome.
func (r *Raft) TransferLeadership(to NodeID) {
	r.inbox.addInput(core.Transfer{To: to})
	r.knock()
}

// Clock returns the clock that the node goes by.
func (r *Raft) Clock() Clock { return r.clock }

// Progress is how far a peer's log is known to match. Only a leader has any; sorted by id.
func (r *Raft) Progress() []core.Progress {
	var progress []core.Progress
	r.look(func() { progress = r.core.Progress() })
	return progress
}

// Configuration returns the membership that the node goes by, which may not be committed yet.
func (r *Raft) Configuration() Configuration {
	var configuration Configuration
	r.look(func() { configuration = r.core.Configuration() })
	return configuration
}

// look runs f, which changes nothing, in the loop and waits for it. After a stop it does nothing.
func (r *Raft) look(f func()) {
	if r.manual {
		f() // the loop does not run now: the caller would have to run it
		return
	}
	finished := make(chan struct{})
	if !r.inbox.addCall(func() { f(); close(finished) }) {
		return
	}
	r.bells[LoopWorker].ring() // not knock: who waits here may have said Hold
	select {
	case <-finished:
	case <-r.done:
	}
}

// mayWait panics on a manual node: whoever calls it would wait for workers that only the caller runs.
func (r *Raft) mayWait(method string) {
	if r.manual {
		panic("BUG: raft: " + method + " waits, which nobody can on a manual node")
	}
}

// Stop ends the node: pending proposals are dropped, all goroutines end, the network is closed. The persister
// is the caller's to close.
func (r *Raft) Stop() {
	r.beginStop()
	if r.manual {
		r.endOnce()
	}
	<-r.done
}

func (r *Raft) beginStop() { r.stopOnce.Do(func() { close(r.stopping) }) }

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
	r.beginStop()
	r.bells[LoopWorker].ring() // a scheduler must come for the end
}
