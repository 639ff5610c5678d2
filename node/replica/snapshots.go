package replica

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"redoubt/fsm"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
	"redoubt/snapshot"
)

// snapshotter decides when a snapshot is taken: when the log has grown enough, or at the next tick after one was asked
// for. It is taken beside the writes, from a copy-on-write view.
type snapshotter struct {
	// Thresholds: whichever is passed first.
	logBytes   int64
	logEntries int64

	// Log applied since the last snapshot. The machine's lock guards them.
	bytes   int64
	entries int64

	// wanted asks for a snapshot. The next tick at which none is running begins it, unless the log calls for one before.
	wanted  atomic.Bool
	running atomic.Bool
	// lastAt is when an image last held all that was applied, in Unix seconds; 0 before the first since the start.
	lastAt atomic.Int64
	lastOK atomic.Bool
	index  atomic.Uint64 // of the newest snapshot
}

func (s *snapshotter) init(o Options, newest uint64) {
	s.logBytes, s.logEntries = o.SnapshotLogBytes, o.SnapshotLogEntries
	s.lastOK.Store(true)
	s.index.Store(newest)
}

// entryOverhead is what an entry costs in the log beside its payload, in bytes, about.
const entryOverhead = 48

func (s *snapshotter) count(payload int) {
	s.bytes += int64(payload) + entryOverhead
	s.entries++
}

// raiseIndex notes a durable snapshot, unless one of a later index is there: an image from the leader may overtake our
// own.
func (s *snapshotter) raiseIndex(index uint64) {
	for old := s.index.Load(); old < index && !s.index.CompareAndSwap(old, index); old = s.index.Load() {
	}
}

func (s *snapshotter) due() bool {
	return s.bytes >= s.logBytes || s.entries >= s.logEntries
}

// busy reports whether a snapshot is running or begins at the next tick. The order matters: a snapshot that begins is
// running before it is no longer wanted.
func (s *snapshotter) busy() bool { return s.wanted.Load() || s.running.Load() }

// BeginSnapshot asks for a snapshot of what is applied by now, to begin at the next tick or before, whatever the size of the
// log. While one is under way it returns resp.ErrSaving; with schedule, it has another follow instead, and started is false.
// However many ask, one follows.
func (r *Replica) BeginSnapshot(schedule bool) (started bool, err error) {
	s := &r.snapshots
	switch {
	case r.Err() != nil:
		return false, errCannotSave("this node has failed")
	case r.Index() == 0:
		return false, errCannotSave("nothing is applied yet")
	case !s.running.Load() && s.wanted.CompareAndSwap(false, true):
		return true, nil
	case !schedule:
		return false, resp.ErrSaving
	}
	s.wanted.Store(true)
	return false, nil
}

// errCannotSave is the reply when no snapshot can begin.
func errCannotSave(reason string) error {
	return resp.ReplyError("ERR Background save cannot start: " + reason)
}

// beginWantedSnapshot begins the snapshot that was asked for, unless one is running. It belongs to Tick.
func (r *Replica) beginWantedSnapshot(node *raft.Raft) {
	s := &r.snapshots
	if !s.wanted.Load() || !s.running.CompareAndSwap(false, true) {
		return
	}
	r.machine.Lock()
	defer r.machine.Unlock()
	if newest, ok := r.storage.snapshots.Newest(); ok && newest.Index == r.machine.Index() {
		s.lastAt.Store(r.clock.Wall() / 1000)
		s.lastOK.Store(true)
		s.wanted.Store(false)
		s.running.Store(false)
		r.log.Info("no snapshot is needed: the newest one has all that is applied", "index", newest.Index)
		return
	}
	r.beginSnapshot(node)
}

// maybeSnapshot begins a snapshot at the entry just applied, if one is due and none is under way. The
// caller holds the state machine's lock.
func (r *Replica) maybeSnapshot() {
	s, node := &r.snapshots, r.raft.Load()
	if s.due() && node != nil && s.running.CompareAndSwap(false, true) {
		r.beginSnapshot(node)
	}
}

// beginSnapshot begins a snapshot of what is applied. The caller has set running and holds the state machine's lock.
func (r *Replica) beginSnapshot(node *raft.Raft) {
	r.snapshots.bytes, r.snapshots.entries = 0, 0
	// Whoever called for it, this snapshot also serves all who have asked so far. Those who ask from here on wait for another.
	r.snapshots.wanted.Store(false)
	meta := core.SnapshotMeta{
		Position:      core.Position{Index: r.machine.Index(), Term: r.machine.term},
		Configuration: *r.configuration.Load(),
		Time:          r.machine.LogTime(),
	}
	view := r.machine.View()
	r.options.Background(func() { r.takeSnapshot(node, meta, view) })
}

// takeSnapshot writes a view out and lets the log go that it replaces. A failed sync is final; a full
// disk only means that the log goes on growing until the next try.
func (r *Replica) takeSnapshot(node *raft.Raft, meta core.SnapshotMeta, view *fsm.View) {
	started := r.clock.Mono()
	info, err := r.writeSnapshot(node, meta, view)
	r.machine.Lock()
	view.Release()
	r.machine.Unlock()
	defer r.snapshots.running.Store(false) // last: who sees it end looks for the outcome
	r.snapshots.lastOK.Store(err == nil)
	switch {
	case errors.Is(err, raft.ErrStopped):
	case errors.Is(err, snapshot.ErrSync):
		r.fail(err)
	case err != nil:
		r.log.Error("snapshot failed", "index", meta.Index, "error", err)
	default:
		r.snapshots.lastAt.Store(r.clock.Wall() / 1000)
		r.snapshots.raiseIndex(meta.Index)
		r.log.Info("snapshot taken", "index", meta.Index, "bytes", info.Size, "raw_bytes", info.RawSize,
			"duration", time.Duration(r.clock.Mono()-started)*time.Millisecond)
		node.SnapshotTaken(meta)
	}
}

func (r *Replica) writeSnapshot(node *raft.Raft, meta core.SnapshotMeta, view *fsm.View) (snapshot.Info, error) {
	w, err := r.storage.snapshots.Create(imageMeta(meta))
	if err != nil {
		return snapshot.Info{}, err
	}
	if _, err := view.WriteTo(paced{untilStop{w, node.Done()}, r}); err != nil {
		return snapshot.Info{}, errors.Join(err, w.Abort())
	}
	return w.Commit()
}

// untilStop passes writes on until the node has stopped: a large state must not hold up the end of the process.
type untilStop struct {
	io.Writer
	stopped <-chan struct{}
}

func (w untilStop) Write(p []byte) (int, error) {
	select {
	case <-w.stopped:
		return 0, raft.ErrStopped
	default:
		return w.Writer.Write(p)
	}
}

// loadSnapshot replaces the state with an image that is already durable and verified. One that covers no more than the
// state does is passed over: the replica booted from it, or loaded a later one in its place.
func (r *Replica) loadSnapshot(meta core.SnapshotMeta) error {
	if meta.Index <= r.machine.Index() {
		return nil
	}
	defer r.options.beginHeavyWork()()
	loaded, meta, err := r.storage.openSnapshot(meta.Index)
	if err != nil {
		return fmt.Errorf("load snapshot: %w", err)
	}
	r.machine.Lock() // a tick that begins a snapshot sees all of it or nothing
	r.machine.Machine, r.machine.term = loaded, meta.Term
	r.configuration.Store(&meta.Configuration)
	r.snapshots.bytes, r.snapshots.entries = 0, 0
	r.machine.Unlock()
	r.snapshots.raiseIndex(meta.Index)
	r.gate.advance(meta.Index)
	r.log.Info("snapshot loaded", "index", meta.Index)
	return nil
}

// paced passes writes on and lets clients come first, unless so much was applied since the snapshot began that the next one
// is due: the log grows until this one is done.
type paced struct {
	io.Writer
	replica *Replica
}

func (w paced) Write(p []byte) (int, error) {
	if pace := w.replica.options.Pace; pace != nil && !w.replica.snapshotIsDue() {
		pace(len(p))
	}
	return w.Writer.Write(p)
}

// snapshotIsDue tells whether the log has grown by as much as calls for a snapshot.
func (r *Replica) snapshotIsDue() bool {
	r.machine.RLock()
	defer r.machine.RUnlock()
	return r.snapshots.due()
}
