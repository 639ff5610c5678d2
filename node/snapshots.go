package node

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"redoubt/fsm"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/snapshot"
)

// snapshotter decides when the log has grown enough for a snapshot, and takes it beside the writes:
// the applier only makes a copy-on-write view.
type snapshotter struct {
	// Thresholds: whichever is passed first.
	logBytes   int64
	logEntries int64

	// Log applied since the last snapshot; they belong to the applier.
	bytes   int64
	entries int64

	running atomic.Bool
	lastAt  atomic.Int64 // Unix seconds of the last good snapshot, 0 for none
	lastOK  atomic.Bool
	index   atomic.Uint64 // of the newest snapshot
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

// maybeSnapshot begins a snapshot at the entry just applied, if one is due and none is under way. The
// caller holds the state machine's lock.
func (n *Node) maybeSnapshot(last core.Entry) {
	s := &n.snapshots
	if !s.due() || !s.running.CompareAndSwap(false, true) {
		return
	}
	s.bytes, s.entries = 0, 0
	meta := core.SnapshotMeta{
		Position:      core.Position{Index: last.Index, Term: last.Term},
		Configuration: n.configuration,
		Time:          n.machine.LogTime(),
	}
	view := n.machine.View()
	n.workers.Go(func() { n.takeSnapshot(meta, view) })
}

// takeSnapshot writes a view out and lets the log go that it replaces. A failed sync is final; a full
// disk only means that the log goes on growing until the next try.
func (n *Node) takeSnapshot(meta core.SnapshotMeta, view *fsm.View) {
	started := time.Now()
	info, err := n.writeSnapshot(meta, view)
	n.machine.Lock()
	view.Release()
	n.machine.Unlock()
	n.snapshots.running.Store(false)
	n.snapshots.lastOK.Store(err == nil)
	switch {
	case errors.Is(err, raft.ErrStopped):
	case errors.Is(err, snapshot.ErrSync):
		n.fail(err)
	case err != nil:
		n.log.Error("snapshot failed", "index", meta.Index, "error", err)
	default:
		n.snapshots.lastAt.Store(time.Now().Unix())
		n.snapshots.raiseIndex(meta.Index)
		n.log.Info("snapshot taken", "index", meta.Index, "bytes", info.Size, "raw_bytes", info.RawSize,
			"duration", time.Since(started).Round(time.Millisecond))
		n.raft.SnapshotTaken(meta)
	}
}

func (n *Node) writeSnapshot(meta core.SnapshotMeta, view *fsm.View) (snapshot.Info, error) {
	w, err := n.storage.snapshots.Create(imageMeta(meta))
	if err != nil {
		return snapshot.Info{}, err
	}
	if _, err := view.WriteTo(untilStop{w, n.raft.Done()}); err != nil {
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

// loadSnapshot replaces the state with an image that is already durable and verified. The image that
// the node booted from is in place already.
func (n *Node) loadSnapshot(meta core.SnapshotMeta) error {
	if n.machine.Index() == meta.Index {
		return nil
	}
	var loaded *fsm.Machine
	err := n.storage.openSnapshot(meta.Index, func(r io.Reader) (err error) {
		loaded, err = fsm.Load(r)
		return err
	})
	if err != nil {
		return fmt.Errorf("load snapshot at index %d: %w", meta.Index, err)
	}
	n.machine.Lock()
	n.machine.Machine = loaded
	n.configuration = meta.Configuration
	n.machine.Unlock()
	n.snapshots.bytes, n.snapshots.entries = 0, 0
	n.snapshots.raiseIndex(meta.Index)
	n.gate.advance(meta.Index)
	n.log.Info("snapshot loaded", "index", meta.Index)
	return nil
}
