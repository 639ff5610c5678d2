package wal

import (
	"encoding/binary"
	"path"
)

// DropBefore removes the segments that hold nothing but entries below index, and returns the first
// index that is still held. The position that the log then starts after is made durable first, so that
// a crash in the middle leaves either the old start or the new one. An index beyond Last+1 counts as
// Last+1. ErrFull (wrapped) leaves the log as it was; any other error is final.
func (l *Log) DropBefore(index uint64) (first uint64, err error) {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.Err(); err != nil {
		return 0, err
	}
	v := &l.view
	first = v.start.Index + 1
	needed := l.active.number
	if index <= v.last.Index {
		at := v.anchorAfter(index) - 1
		if at < 0 {
			return first, nil
		}
		needed = v.anchors[at].segment.number
	}
	if needed <= l.segments[0].number {
		return first, nil
	}
	first = v.firstIn(needed)
	term, ok := v.term(first - 1)
	if !ok {
		panic("BUG: wal: no term before the first entry of a segment")
	}
	var b Batch
	b.add(item{kind: kindStart, index: first - 1, term: term}, binary.LittleEndian.AppendUint64(nil, needed))
	if err := l.append(&b, true, 0); err != nil {
		return v.start.Index + 1, err
	}
	return first, l.dropSegments(needed)
}

// Reset empties the log: it continues after (index, term), where a snapshot was installed. The state
// stays. A crash leaves either the old log or the new, empty one. ErrFull (wrapped) leaves the log
// as it was; any other error is final.
func (l *Log) Reset(index, term uint64) error {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.Err(); err != nil {
		return err
	}
	var b Batch
	b.add(item{kind: kindReset, index: index, term: term}, nil)
	if err := l.append(&b, true, 0); err != nil {
		return err
	}
	return l.dropSegments(l.active.number)
}

// dropSegments removes the segments below number needed, which a durable record says are not needed.
func (l *Log) dropSegments(needed uint64) error {
	drop := 0
	for drop < len(l.segments) && l.segments[drop].number < needed {
		drop++
	}
	if drop == 0 {
		return nil
	}
	dropped := append([]*segment(nil), l.segments[:drop]...)
	l.mu.Lock()
	l.segments = append([]*segment(nil), l.segments[drop:]...)
	l.mu.Unlock()
	for _, s := range dropped {
		s.release()
		if err := l.fs.Remove(path.Join(l.dir, s.name())); err != nil {
			return l.poison(err)
		}
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return l.poison(err)
	}
	return nil
}
