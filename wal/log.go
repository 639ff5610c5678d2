package wal

import (
	"errors"
	"fmt"
	"path"
	"sync"
	"sync/atomic"

	"redoubt/internal/vfs"
)

// Limits and defaults.
const (
	// DefaultSegmentBytes is the usual length of a segment.
	DefaultSegmentBytes = 64 << 20
	// MinSegmentBytes is the least length of a segment.
	MinSegmentBytes = 4 << 10
	// MaxSegmentBytes is the greatest length that can be set. A batch that is larger still gets a
	// segment of its own size.
	MaxSegmentBytes = 1 << 30
	// DefaultMaxRecordBytes bounds the payload of one record.
	DefaultMaxRecordBytes = 1 << 30
	// MaxStateBytes bounds the owner's state.
	MaxStateBytes = 4 << 10

	// keptBuffer is how much of the write buffer is kept between batches, leastBuffer where it begins.
	keptBuffer  = 4 << 20
	leastBuffer = 4 << 10
	// markerRoom is kept free at the end of each segment, so that DropBefore and Reset can write
	// their few bytes, and so free space, on a full disk too.
	markerRoom = 1 << 10
	// copyChunk is how much is read or written at once where a whole segment is gone through.
	copyChunk = 1 << 20
)

// Position is a place in the log: an index and the term of the entry there.
type Position struct {
	Index, Term uint64
}

// Entry is an entry that was read. The payload belongs to the caller.
type Entry struct {
	Index, Term uint64
	Payload     []byte
}

// Options are the settings of a log. Zero values mean the defaults.
type Options struct {
	// SegmentBytes is the length of a segment, MinSegmentBytes to MaxSegmentBytes.
	SegmentBytes int64
	// MaxRecordBytes bounds the payload of one record.
	MaxRecordBytes int64
}

func (o Options) withDefaults() (Options, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	if o.MaxRecordBytes == 0 {
		o.MaxRecordBytes = DefaultMaxRecordBytes
	}
	if o.SegmentBytes < MinSegmentBytes || o.SegmentBytes > MaxSegmentBytes {
		return o, fmt.Errorf("wal: segment size %d, allowed are %d to %d bytes", o.SegmentBytes, MinSegmentBytes, MaxSegmentBytes)
	}
	if o.MaxRecordBytes < 1 || o.MaxRecordBytes > DefaultMaxRecordBytes {
		return o, fmt.Errorf("wal: record size %d, allowed are 1 to %d bytes", o.MaxRecordBytes, DefaultMaxRecordBytes)
	}
	return o, nil
}

// Log is an open log.
type Log struct {
	fs   vfs.FS
	dir  string
	opts Options

	// write serialises everything that changes the disk, and guards the fields up to mu.
	write sync.Mutex
	// active is the segment that is written to; written is where its next record goes, and durable
	// is the offset below which it is synced.
	active           *segment
	written, durable int64
	// room is the end of the space in active that is known to be reserved, and zeroed the end of that whose blocks
	// have been written.
	room, zeroed int64
	// spare is the preallocated next segment, nil if there is none, and spareBytes its length.
	spare      vfs.File
	spareBytes atomic.Int64
	// buf is the write buffer that is kept between batches.
	buf     []byte
	encoder encoder
	// offsets are the places of the records of the batch that is being written.
	offsets []int64

	// mu guards the fields below. It is never held during I/O. They change only under write as well.
	mu       sync.RWMutex
	view     view
	segments []*segment
	err      error
	counters counters
}

// counters count since Open.
type counters struct {
	batches, syncs uint64
	bytes          int64
}

// Stats are a log's figures.
type Stats struct {
	// First and Last are the indexes of the first and last entry; First is Last+1 in an empty log.
	First, Last uint64
	// Segments counts segment files; SegmentBytes is the usual length of one.
	Segments     int
	SegmentBytes int64
	// DiskBytes is the space that the segments take, the one preallocated ahead included.
	DiskBytes int64
	// Batches, Bytes and Syncs count what was written since Open, in bytes of batches.
	Batches, Syncs uint64
	Bytes          int64
}

// Open opens the log in dir, which it makes if need be. It finishes what a crash left unfinished:
// a torn tail is cut, segments that are no longer needed are removed, and what has been read is
// made durable before it is shown. Damage is a *CorruptError, and then nothing has changed on disk.
func Open(fs vfs.FS, dir string, opts Options) (*Log, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := fs.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("wal: %w", err)
	}
	if err := fs.SyncDir(path.Dir(dir)); err != nil {
		return nil, fmt.Errorf("wal: %w", err)
	}
	found, err := recoverDir(fs, dir, true)
	if err != nil {
		return nil, err
	}
	l := &Log{fs: fs, dir: dir, opts: opts, view: found.view, segments: found.segments}
	if err := l.settle(found); err != nil {
		l.closeFiles()
		return nil, err
	}
	return l, nil
}

// settle brings disk and memory in line after recovery. See Open.
func (l *Log) settle(found *recovery) error {
	if len(l.segments) == 0 {
		// A spare that is left over is made anew here and renamed.
		return l.install(segmentHeader{number: 1, first: 1}, l.opts.SegmentBytes, &encoder{segment: 1}, &Batch{})
	}
	l.active = l.segments[len(l.segments)-1]
	l.written, l.durable, l.zeroed, l.room = found.end, found.end, found.end, l.active.size
	if err := found.repair(); err != nil {
		return err
	}
	// The reservation is lost when the directory was copied. A full disk then means that the next
	// batch needs a new segment, and is refused.
	if err := l.active.file.Preallocate(l.active.size); isFull(err) {
		l.room = l.written
	} else if err != nil {
		return fmt.Errorf("wal: %w", err)
	}
	if err := l.active.file.Sync(); err != nil {
		return fmt.Errorf("wal: %w", err)
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return fmt.Errorf("wal: %w", err)
	}
	// Only now: what says that they are not needed is durable.
	for _, name := range found.leftovers {
		if err := l.fs.Remove(path.Join(l.dir, name)); err != nil {
			return fmt.Errorf("wal: %w", err)
		}
	}
	return l.dropSegments(l.view.needed)
}

// First returns the index of the first entry, or the one that it would have in an empty log.
func (l *Log) First() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.view.start.Index + 1
}

// Last returns the position of the last entry; in an empty log, the position that it starts after.
func (l *Log) Last() Position {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.view.last
}

// Term returns the term of the entry at index, from First-1 to Last; ok is false for any other.
func (l *Log) Term(index uint64) (term uint64, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.view.term(index)
}

// State returns a copy of the newest state, nil if none was ever written.
func (l *Log) State() []byte {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return append([]byte(nil), l.view.state...)
}

// Err returns the error that poisoned the log, or nil.
func (l *Log) Err() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.err
}

// Stats returns the log's figures.
func (l *Log) Stats() Stats {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s := Stats{
		First: l.view.start.Index + 1, Last: l.view.last.Index,
		Segments: len(l.segments), SegmentBytes: l.opts.SegmentBytes, DiskBytes: l.spareBytes.Load(),
		Batches: l.counters.batches, Syncs: l.counters.syncs, Bytes: l.counters.bytes,
	}
	for _, segment := range l.segments {
		s.DiskBytes += segment.size
	}
	return s
}

// Close syncs what is not yet durable and closes the files. Reads under way finish.
func (l *Log) Close() error {
	l.write.Lock()
	defer l.write.Unlock()
	err := l.Err()
	if errors.Is(err, ErrClosed) {
		return ErrClosed
	}
	if err == nil {
		err = l.sync()
	}
	l.mu.Lock()
	l.err = ErrClosed
	l.mu.Unlock()
	l.closeFiles()
	return err
}

func (l *Log) closeFiles() {
	l.mu.Lock()
	segments := l.segments
	l.segments = nil
	l.mu.Unlock()
	for _, s := range segments {
		s.release()
	}
	if l.spare != nil {
		l.spare.Close()
		l.spare = nil
	}
}

// poison makes an error final. P7: after a failed write or sync nobody knows what the disk holds.
func (l *Log) poison(err error) error {
	err = fmt.Errorf("wal: the log stops after a failed disk operation: %w", err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	return l.err
}
