package wal

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"path"
)

// Append writes a batch with one write and, if sync is set, makes it and everything before it
// durable with one sync. Without sync the batch may be lost in a crash until a later sync; it is
// visible to Read at once. An empty batch with sync is only a sync.
//
// ErrFull and ErrTooLarge (wrapped) leave the log as it was. Any other error is final: every later
// call returns it. Indexes out of order are the caller's bug and panic.
func (l *Log) Append(b *Batch, sync bool) error {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.Err(); err != nil {
		return err
	}
	if err := l.check(b); err != nil {
		return err
	}
	return l.append(b, sync, markerRoom)
}

// Sync makes durable what was appended without sync.
func (l *Log) Sync() error {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.Err(); err != nil {
		return err
	}
	return l.sync()
}

// Prepare preallocates the next segment if that has not been done, so that the Append that needs it
// does not wait for it. The owner calls it when it is idle. ErrFull (wrapped) does no harm.
func (l *Log) Prepare() error {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.Err(); err != nil {
		return err
	}
	return l.prepare(l.opts.SegmentBytes)
}

// check looks at a batch before anything is written.
func (l *Log) check(b *Batch) error {
	last := l.view.last.Index
	for i := range b.items {
		it := &b.items[i]
		length := int64(it.headTo-it.headFrom) + int64(len(it.body))
		switch it.kind {
		case kindEntry:
			if it.index <= l.view.start.Index || it.index > last+1 {
				panic(fmt.Sprintf("BUG: wal: entry %d appended to a log of %d to %d", it.index, l.view.start.Index+1, last))
			}
			last = it.index
			if length > l.opts.MaxRecordBytes {
				return fmt.Errorf("wal: entry %d of %d bytes: %w (%d)", it.index, length, ErrTooLarge, l.opts.MaxRecordBytes)
			}
		case kindState:
			if length > MaxStateBytes {
				return fmt.Errorf("wal: state of %d bytes: %w (%d)", length, ErrTooLarge, MaxStateBytes)
			}
		}
	}
	if end := b.end(segmentHeaderSize) + 2*MaxStateBytes + 2*markerRoom; end > maxSegmentBytes {
		return fmt.Errorf("wal: batch of %d bytes: %w (%d)", end, ErrTooLarge, int64(maxSegmentBytes))
	}
	return nil
}

// append writes a checked batch, leaving reserve bytes at the end of the segment.
func (l *Log) append(b *Batch, sync bool, reserve int64) error {
	if len(b.items) == 0 {
		if sync {
			return l.sync()
		}
		return nil
	}
	end := b.end(l.written)
	if end > l.room-reserve {
		return l.roll(b)
	}
	e := &l.encoder
	e.segment, e.base, e.buf = l.active.number, l.written, l.buffer(end-l.written)
	l.encode(e, b, l.durable)
	written := len(e.buf)
	_, err := l.active.file.WriteAt(e.buf, l.written)
	e.buf = nil // A buffer too large to keep is let go of.
	if err != nil {
		return l.poison(err)
	}
	l.written = end
	if err := l.zeroAhead(written); err != nil {
		return l.poison(err)
	}
	if sync {
		if err := l.sync(); err != nil {
			return err
		}
	}
	l.publish(b, l.active, written)
	return nil
}

// buffer returns an empty write buffer for n bytes: the kept one, unless it is too small.
func (l *Log) buffer(n int64) []byte {
	if int64(cap(l.buf)) >= n {
		return l.buf[:0]
	}
	if n > keptBuffer {
		return make([]byte, 0, n)
	}
	// Powers of two, so that batches that grow slowly do not each get a new one.
	l.buf = make([]byte, 0, max(leastBuffer, 1<<bits.Len64(uint64(n-1))))
	return l.buf
}

// encode lays out the batch and notes where its records stand.
func (l *Log) encode(e *encoder, b *Batch, synced int64) {
	l.offsets = l.offsets[:0]
	for i := range b.items {
		it := &b.items[i]
		l.offsets = append(l.offsets, e.offset())
		e.record(it.kind, it.index, it.term, b.head(it), it.body, synced, i == len(b.items)-1)
	}
}

const (
	// zeroedAhead is how much of a segment is written with zeros at once.
	zeroedAhead = 256 << 10
	// largeBatch is a batch beside which the recording of its blocks is not worth writing twice as much. Smaller ones are quick
	// writes (vfs.quickWrite) where zeros were written. See docs/decisions/0019.
	largeBatch = 128 << 10
)

// zeroAhead has the blocks that follow what is written written as well, every now and then. A file system must record, in its
// journal, that a block which was only reserved has been written; a sync that need not wait for that is a third faster and
// costs the device less, as long as batches are small.
func (l *Log) zeroAhead(batch int) error {
	if l.written <= l.zeroed || batch >= largeBatch {
		return nil
	}
	to := min(l.written+zeroedAhead, l.room)
	if err := l.active.file.Zero(l.written, to); err != nil && !isFull(err) {
		return err
	}
	l.zeroed = to // and if there is no room for it, not tried again at once
	return nil
}

// publish shows a written batch to readers.
func (l *Log) publish(b *Batch, s *segment, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range b.items {
		it := &b.items[i]
		switch it.kind {
		case kindEntry:
			l.view.entry(s, l.offsets[i], it.index, it.term)
		case kindState:
			l.view.state = append(l.view.state[:0], b.head(it)...)
		case kindStart:
			l.view.startAfter(Position{it.index, it.term}, binary.LittleEndian.Uint64(b.head(it)))
		case kindReset:
			l.view.reset(Position{it.index, it.term}, s.number)
		}
	}
	l.counters.batches++
	l.counters.bytes += int64(bytes)
}

// sync makes the active segment durable.
func (l *Log) sync() error {
	if l.durable == l.written {
		return nil
	}
	if err := l.active.file.Sync(); err != nil {
		return l.poison(err)
	}
	l.durable = l.written
	l.mu.Lock()
	l.counters.syncs++
	l.mu.Unlock()
	return nil
}

// roll writes a batch as the first of a new segment. The order makes it atomic:
//
//  1. The old segment is synced, so that the new one's header may say where it ends.
//  2. The spare file is preallocated, if Prepare has not done so.
//  3. Header, state and batch are written into it, and it is synced, still under the spare's name.
//  4. It is renamed, and the directory is synced.
//
// A crash before 4 leaves a spare that the next Open removes; after it the whole batch is durable.
// A disk found full in 2 or 3 has changed nothing of the log.
func (l *Log) roll(b *Batch) error {
	if err := l.sync(); err != nil {
		return err
	}
	first := l.view.last.Index + 1
	repeatState := l.view.state != nil
	for i := len(b.items) - 1; i >= 0; i-- {
		switch b.items[i].kind {
		case kindEntry:
			first = b.items[i].index
		case kindState:
			repeatState = false
		case kindReset:
			first = b.items[i].index + 1
		}
	}
	h := segmentHeader{
		number: l.active.number + 1, first: first,
		previous: l.view.last, previousEnd: l.written,
	}
	// The state goes ahead as a batch of its own, so that dropping older segments never loses it.
	begin := int64(segmentHeaderSize)
	if repeatState {
		begin = advance(begin, recordOverhead+int64(len(l.view.state)))
	}
	need := b.end(begin)
	e := &encoder{segment: h.number, buf: l.buffer(need)}
	e.buf = e.buf[:segmentHeaderSize]
	if repeatState {
		e.record(kindState, 0, 0, nil, l.view.state, 0, true)
	}
	size := max(l.opts.SegmentBytes, (need+2*markerRoom-1)/markerRoom*markerRoom)
	return l.install(h, size, e, b)
}

// install makes the encoded beginning of a segment, followed by the batch, the active segment.
func (l *Log) install(h segmentHeader, size int64, e *encoder, b *Batch) error {
	if err := l.prepare(size); err != nil {
		return err
	}
	if len(e.buf) == 0 {
		e.buf = l.buffer(segmentHeaderSize)[:segmentHeaderSize]
	}
	l.encode(e, b, 0)
	h.size, h.synced = l.spareBytes.Load(), int64(len(e.buf))
	h.encode(e.buf[:segmentHeaderSize])
	if _, err := l.spare.WriteAt(e.buf, 0); err != nil {
		if isFull(err) {
			l.discardSpare()
			return fmt.Errorf("wal: %w: %w", ErrFull, err)
		}
		return l.poison(err)
	}
	if err := l.spare.Sync(); err != nil {
		return l.poison(err)
	}
	if err := l.fs.Rename(path.Join(l.dir, spareName), path.Join(l.dir, h.name())); err != nil {
		return l.poison(err)
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return l.poison(err)
	}
	s := newSegment(h, l.spare)
	l.spare = nil
	l.spareBytes.Store(0)
	l.active, l.written, l.durable, l.room, l.zeroed = s, h.synced, h.synced, h.size, h.synced
	l.mu.Lock()
	l.segments = append(l.segments, s)
	l.counters.syncs++
	l.mu.Unlock()
	l.publish(b, s, len(e.buf))
	return nil
}

// prepare makes a spare of at least size bytes.
func (l *Log) prepare(size int64) error {
	if l.spare != nil && l.spareBytes.Load() >= size {
		return nil
	}
	l.discardSpare()
	name := path.Join(l.dir, spareName)
	f, err := l.fs.Create(name)
	if err == nil {
		if err = f.Preallocate(size); err == nil {
			err = f.Sync() // Now, so that the sync of the roll has less to do.
		}
		l.spare = f
		l.spareBytes.Store(size)
	}
	switch {
	case err == nil:
		return nil
	case isFull(err):
		l.discardSpare()
		return fmt.Errorf("wal: %w: %w", ErrFull, err)
	}
	return l.poison(err)
}

// discardSpare gives the spare's space back. If its name cannot be removed now, Open does it.
func (l *Log) discardSpare() {
	if l.spare == nil {
		return
	}
	l.spare.Close()
	l.spare = nil
	l.spareBytes.Store(0)
	_ = l.fs.Remove(path.Join(l.dir, spareName))
}
