package replica

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync/atomic"
	"syscall"

	"redoubt/fsm"
	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/snapshot"
	"redoubt/wal"
)

// storage is a replica's data directory. It implements raft.Persister over the log and the snapshots.
type storage struct {
	lock      io.Closer
	identity  Identity
	log       *wal.Log
	snapshots *snapshot.Store
	// full says that the disk had no room for the next segment of the log. What is left of this one is kept
	// for what is under way, for elections and for expiry.
	full atomic.Bool
	// looking is set while lookForRoom's task is on its way.
	looking atomic.Bool
	// memory makes the memory that the keys of a state machine are in.
	memory func() Memory
	// heavyWork is called before a peer's image is checked, and done after that.
	heavyWork func() (done func())
	// base is the snapshot that the log continues, and remembered the hard state, as of the start.
	base       core.SnapshotMeta
	remembered core.HardState
	batch      wal.Batch
	// header and state are scratch space of Save.
	header [entryHeaderBytes]byte
	state  [stateBytes]byte
}

// openStorage opens a data directory, or makes it, and loads the newest good snapshot into a machine.
func openStorage(o Options) (*storage, *fsm.Machine, error) {
	if err := makeDir(o.FS, o.Dir); err != nil {
		return nil, nil, err
	}
	lock, err := lockDir(o.FS, o.Dir)
	if err != nil {
		return nil, nil, err
	}
	s := &storage{lock: lock, memory: o.newMemory, heavyWork: o.beginHeavyWork}
	machine, err := s.open(o)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, machine, nil
}

// open opens what is in a directory that is locked.
func (s *storage) open(o Options) (machine *fsm.Machine, err error) {
	if s.identity, err = claim(o); err != nil {
		return nil, err
	}
	s.snapshots, err = snapshot.Open(o.FS, path.Join(o.Dir, "snapshot"), snapshot.Options{Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	s.log, err = wal.Open(o.FS, path.Join(o.Dir, "wal"), wal.Options{SegmentBytes: o.SegmentBytes})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path.Join(o.Dir, "wal"), err)
	}
	if s.remembered, err = decodeHardState(s.log.State()); err != nil {
		return nil, err
	}
	if machine, err = s.loadNewest(); err != nil {
		return nil, err
	}
	return machine, s.joinLogAndSnapshot()
}

// lockDir takes a data directory for this process.
func lockDir(fsys vfs.FS, dir string) (io.Closer, error) {
	lock, err := fsys.Lock(path.Join(dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("%s: another process uses this data directory: %w", dir, err)
	}
	return lock, nil
}

// makeDir makes a directory and its parents, durably: until its name is synced in its parent, a power cut loses a new
// directory with all the synced files in it. A directory that is there may have been made by a process that ended before it
// synced the name, so all names are synced until the directory has its meta, which comes after that.
func makeDir(fsys vfs.FS, dir string) error {
	if meta, err := fsys.Open(path.Join(dir, metaName)); err == nil {
		return meta.Close()
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return err
	}
	for d := path.Clean(dir); path.Dir(d) != d; d = path.Dir(d) {
		err := fsys.SyncDir(path.Dir(d))
		if errors.Is(err, fs.ErrPermission) {
			return nil // whoever may not even look into it has not made anything in it
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close gives the directory back.
func (s *storage) Close() error {
	var errs []error
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	if s.snapshots != nil {
		errs = append(errs, s.snapshots.Close())
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// loadNewest loads the newest snapshot that is whole. A damaged one falls back to the one before it.
func (s *storage) loadNewest() (*fsm.Machine, error) {
	var machine *fsm.Machine
	info, _, err := s.snapshots.OpenNewest(func(info snapshot.Info, image io.Reader) (err error) {
		machine, err = s.loadState(image, info.Index)
		return err
	})
	if errors.Is(err, snapshot.ErrNone) {
		return fsm.NewIn(s.memory()), nil
	}
	if err != nil {
		return nil, err
	}
	s.base, err = snapshotMeta(info)
	return machine, err
}

// joinLogAndSnapshot checks that the log continues the snapshot. A log that ends before it, or holds another,
// uncommitted entry there, was left by a crash while a peer's snapshot was installed, between the image and the log's
// reset, and is reset now.
func (s *storage) joinLogAndSnapshot() error {
	first, last := s.log.First(), s.log.Last()
	if s.base.Index > 0 {
		term, held := s.log.Term(s.base.Index)
		differs := held && term != s.base.Term
		if differs && s.remembered.Commit >= s.base.Index {
			return fmt.Errorf("the snapshot at index %d is of term %d, but the log has committed an entry of term %d there",
				s.base.Index, s.base.Term, term)
		}
		if s.base.Index > last.Index || differs {
			return s.log.Reset(s.base.Index, s.base.Term)
		}
	}
	if first > s.base.Index+1 {
		return fmt.Errorf("the log starts at index %d, but the newest whole snapshot ends at %d: entries between are missing",
			first, s.base.Index)
	}
	return nil
}

// loadChunkBytes is how much of the log is read at once at a start.
const loadChunkBytes = 4 << 20

// Load implements raft.Persister.
func (s *storage) Load() (raft.State, error) {
	last := s.log.Last()
	state := raft.State{
		HardState:          s.remembered,
		Snapshot:           s.base,
		FirstIndex:         s.log.First(),
		Last:               core.Position{Index: last.Index, Term: last.Term},
		Configuration:      s.base.Configuration,
		ConfigurationIndex: s.base.Index,
	}
	tailFrom := max(s.remembered.Commit, s.base.Index) + 1
	for index := s.base.Index + 1; index <= last.Index; {
		entries, err := s.read(index, last.Index, loadChunkBytes)
		if err != nil {
			return raft.State{}, err
		}
		for _, e := range entries {
			if e.Index >= tailFrom {
				state.Tail = append(state.Tail, e)
			}
			if e.Kind == core.EntryConfiguration && e.Index < tailFrom {
				if state.Configuration, err = core.DecodeConfiguration(e.Data); err != nil {
					return raft.State{}, fmt.Errorf("log entry %d: %w", e.Index, err)
				}
				state.ConfigurationIndex = e.Index
			}
		}
		index += uint64(len(entries))
	}
	return state, nil
}

// read reads consecutive entries, at least one.
func (s *storage) read(from, to uint64, maxBytes int) ([]core.Entry, error) {
	records, err := s.log.Read(from, to, maxBytes)
	if err != nil {
		return nil, err
	}
	entries := make([]core.Entry, len(records))
	for i, r := range records {
		if entries[i], err = decodeEntry(r.Index, r.Term, r.Payload); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// Save implements raft.Persister.
func (s *storage) Save(hard core.HardState, entries []core.Entry, sync bool) error {
	s.batch.Reset()
	for i := range entries {
		e := &entries[i]
		s.batch.Entry(e.Index, e.Term, appendEntryHeader(s.header[:0], e), e.Data)
	}
	s.batch.State(appendHardState(s.state[:0], hard))
	err := s.log.Append(&s.batch, sync)
	s.batch.Reset()
	if errors.Is(err, wal.ErrFull) {
		return fmt.Errorf("%w: %w", raft.ErrDiskFull, err)
	}
	if err != nil || s.full.Load() {
		return err // whether a full disk has room again is looked at by a clock, not with every write
	}
	return s.prepare()
}

// prepare reserves the log's next segment ahead of need, and notes whether there was room for it.
func (s *storage) prepare() error {
	err := s.log.Prepare()
	s.full.Store(errors.Is(err, wal.ErrFull))
	if s.full.Load() {
		return nil
	}
	return err
}

// lookForRoom prepares again, beside everything else: a disk may be slow to say no.
func (s *storage) lookForRoom(background func(func()), fail func(error)) {
	if !s.looking.CompareAndSwap(false, true) {
		return
	}
	background(func() {
		if err := s.prepare(); err != nil {
			fail(err)
		}
		s.looking.Store(false)
	})
}

// Entries implements raft.Persister.
func (s *storage) Entries(from, to uint64, maxBytes int) (prevTerm uint64, entries []core.Entry, err error) {
	prevTerm, ok := s.log.Term(from - 1)
	if !ok {
		return 0, nil, nil
	}
	entries, err = s.read(from, to, maxBytes)
	if errors.Is(err, wal.ErrCompacted) {
		return 0, nil, nil
	}
	return prevTerm, entries, err
}

// Compact implements raft.Persister. The log is kept from the older of the two snapshots on, so that it
// continues either of them.
func (s *storage) Compact(uint64) (first uint64, err error) {
	var good []uint64
	for _, info := range s.snapshots.List() {
		if info.Damage == nil {
			good = append(good, info.Index)
		}
	}
	if len(good) < 2 {
		return s.log.First(), nil
	}
	first, err = s.log.DropBefore(good[len(good)-2] + 1)
	if errors.Is(err, wal.ErrFull) {
		return s.log.First(), nil // nothing was dropped; the next snapshot tries again
	}
	return first, err
}

// ReadSnapshot implements raft.Persister.
func (s *storage) ReadSnapshot(index uint64, offset int64, maxBytes int) (core.SnapshotMeta, int64, []byte, error) {
	info, data, err := s.snapshots.ReadAt(index, offset, maxBytes)
	if err != nil || info.Index == 0 {
		return core.SnapshotMeta{}, 0, nil, err
	}
	meta, err := snapshotMeta(info)
	return meta, info.Size, data, err
}

// WriteSnapshot implements raft.Persister.
func (s *storage) WriteSnapshot(piece core.WriteSnapshot) error {
	return s.snapshots.Receive(imageMeta(piece.Meta), piece.Offset, piece.Data)
}

// InstallSnapshot implements raft.Persister. The image is durable before the log is reset: a crash between them is
// mended by joinLogAndSnapshot.
func (s *storage) InstallSnapshot(install core.InstallSnapshot) (ok bool, err error) {
	defer s.heavyWork()()
	_, ok, err = s.snapshots.Install(imageMeta(install.Meta), install.Size)
	if errors.Is(err, syscall.ENOSPC) && !errors.Is(err, snapshot.ErrSync) {
		return false, nil // nothing has changed; the leader sends it again
	}
	if err != nil || !ok {
		return ok, err
	}
	return true, s.log.Reset(install.Meta.Index, install.Meta.Term)
}

// loadState reads a state, which must stand at index.
func (s *storage) loadState(image io.Reader, index uint64) (*fsm.Machine, error) {
	machine, err := fsm.LoadIn(s.memory(), image)
	if err == nil && machine.Index() != index {
		return nil, fmt.Errorf("the image is of index %d, the state in it of index %d", index, machine.Index())
	}
	return machine, err
}

// openSnapshot loads the newest image, which must cover the log up to index, and returns what it is.
// (The image at index itself may have given way to later ones.)
func (s *storage) openSnapshot(index uint64) (machine *fsm.Machine, meta core.SnapshotMeta, err error) {
	newest, _ := s.snapshots.Newest()
	if newest.Index < index {
		return nil, meta, fmt.Errorf("no image covers index %d", index)
	}
	if meta, err = snapshotMeta(newest); err != nil {
		return nil, meta, err
	}
	image, err := s.snapshots.OpenImage(newest)
	if err != nil {
		return nil, meta, err
	}
	defer func() { err = errors.Join(err, image.Close()) }()
	machine, err = s.loadState(image, newest.Index)
	return machine, meta, err
}
