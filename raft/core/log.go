package core

import (
	"fmt"
	"sort"
)

// entryOverhead is what an entry counts in every byte limit beside its Data: about what it takes in
// memory, so that a flood of empty entries is bounded too.
const entryOverhead = 64

// size is what an entry counts in byte limits.
func (e *Entry) size() int { return len(e.Data) + entryOverhead }

// position returns the entry's place in the log.
func (e *Entry) position() Position { return Position{Index: e.Index, Term: e.Term} }

// sizeOf is what entries count in byte limits.
func sizeOf(entries []Entry) int {
	n := 0
	for i := range entries {
		n += entries[i].size()
	}
	return n
}

// span is a run of entries that a leader vouches for. It is the only way in which entries from
// outside reach the log. Its guarantees, checked by newSpan:
//
//  1. entries are consecutive from prev.Index+1;
//  2. their terms do not decrease, starting from prev.Term, and do not exceed the leader's term;
//  3. their stamps do not decrease;
//  4. every configuration among them decodes.
//
// What it cannot promise is that the log has an entry at prev: see Core.append.
type span struct {
	prev    Position
	entries []Entry
}

// newSpan checks the guarantees of a span that came from a leader of the given term.
func newSpan(term uint64, prev Position, entries []Entry) (span, error) {
	if prev.Index == 0 && prev.Term != 0 {
		return span{}, fmt.Errorf("core: position 0 has term %d", prev.Term)
	}
	if prev.Index > maxIndex {
		return span{}, fmt.Errorf("core: index %d is beyond every log", prev.Index)
	}
	last := prev
	stamp := int64(0)
	for i := range entries {
		e := &entries[i]
		switch {
		case e.Index != last.Index+1:
			return span{}, fmt.Errorf("core: entry %d follows entry %d", e.Index, last.Index)
		case e.Term < last.Term || e.Term == 0:
			return span{}, fmt.Errorf("core: entry %d has term %d after term %d", e.Index, e.Term, last.Term)
		case i > 0 && e.Time < stamp:
			return span{}, fmt.Errorf("core: entry %d has log time %d after %d", e.Index, e.Time, stamp)
		}
		switch e.Kind {
		case EntryNoop, EntryCommand:
		case EntryConfiguration:
			if _, err := DecodeConfiguration(e.Data); err != nil {
				return span{}, fmt.Errorf("entry %d: %w", e.Index, err)
			}
		default:
			return span{}, fmt.Errorf("core: entry %d has unknown kind %d", e.Index, e.Kind)
		}
		last, stamp = e.position(), e.Time
	}
	if last.Term > term {
		return span{}, fmt.Errorf("core: entry %d has term %d, beyond its leader's term %d", last.Index, last.Term, term)
	}
	return span{prev: prev, entries: entries}, nil
}

// within returns the beginning of entries that fits into maxBytes, with at least one if there are any.
func within(entries []Entry, maxBytes int) []Entry {
	n, end := 0, 0
	for end < len(entries) {
		n += entries[end].size()
		if n > maxBytes && end > 0 {
			break
		}
		end++
	}
	return entries[:end:end]
}

// last is the position of the span's end.
func (s span) last() Position {
	if n := len(s.entries); n > 0 {
		return s.entries[n-1].position()
	}
	return s.prev
}

// from returns the part of the span after index, which lies within it.
func (s span) from(index uint64) span {
	n := index - s.prev.Index
	if n == 0 {
		return s
	}
	return span{prev: s.entries[n-1].position(), entries: s.entries[n:]}
}

// raftLog is the end of the log in memory: what may still be replaced, or must still be committed or
// persisted, and before it what a bound allows, for the state machine and for lagging peers. Older
// entries are on disk, and before those, in the snapshot.
//
// Slices of entries are handed out and never written again: an append writes only beyond every
// slice given so far, and a truncation gives up the array.
type raftLog struct {
	// prev is the position just before entries. Its Term is zero when it is not known, which
	// happens only at or below the commit index.
	prev Position
	// prevTime is the log time at prev, or zero.
	prevTime int64
	entries  []Entry
	// bytes is the size of entries.
	bytes int
	// dropped counts the bytes and entries that left from the front and that the array still pins.
	droppedEntries, droppedBytes int
}

// last returns the position of the last entry.
func (l *raftLog) last() Position {
	if n := len(l.entries); n > 0 {
		return l.entries[n-1].position()
	}
	return l.prev
}

// lastTime returns the stamp of the last entry, or zero if it is not known.
func (l *raftLog) lastTime() int64 {
	if n := len(l.entries); n > 0 {
		return l.entries[n-1].Time
	}
	return l.prevTime
}

// term returns the term of the entry at index, if memory tells.
func (l *raftLog) term(index uint64) (uint64, bool) {
	switch {
	case index == 0:
		return 0, true
	case index == l.prev.Index:
		return l.prev.Term, l.prev.Term != 0
	case index > l.prev.Index && index-l.prev.Index <= uint64(len(l.entries)):
		return l.entries[index-l.prev.Index-1].Term, true
	}
	return 0, false
}

// slice returns entries from..to, both included and in memory, stopping after maxBytes but with at
// least one. The slice is shared: see raftLog.
func (l *raftLog) slice(from, to uint64, maxBytes int) []Entry {
	lo, hi := int(from-l.prev.Index-1), int(to-l.prev.Index)
	return within(l.entries[lo:hi], maxBytes)
}

// sliceAll returns all entries from..to, both included and in memory.
func (l *raftLog) sliceAll(from, to uint64) []Entry {
	lo, hi := int(from-l.prev.Index-1), int(to-l.prev.Index)
	return l.entries[lo:hi:hi]
}

// append adds one entry at the end.
func (l *raftLog) append(e Entry) {
	if e.Index != l.last().Index+1 {
		bug("append of entry %d after %d", e.Index, l.last().Index)
	}
	if len(l.entries) == cap(l.entries) {
		// The append moves to a new array: nothing dropped is pinned any more.
		l.droppedEntries, l.droppedBytes = 0, 0
	}
	l.entries = append(l.entries, e)
	l.bytes += e.size()
}

// truncate removes the entries from index on.
func (l *raftLog) truncate(index uint64) {
	n := int(index - l.prev.Index - 1)
	l.bytes -= sizeOf(l.entries[n:])
	// Without spare capacity the next append moves away from slots that were handed out.
	l.entries = l.entries[:n:n]
}

// trim drops entries up to floor from the front while there are more than maxBytes in memory.
func (l *raftLog) trim(floor uint64, maxBytes int) {
	n := 0
	for l.bytes > maxBytes && n < len(l.entries) && l.entries[n].Index <= floor {
		size := l.entries[n].size()
		l.bytes -= size
		l.droppedBytes += size
		n++
	}
	if n == 0 {
		return
	}
	l.prev, l.prevTime = l.entries[n-1].position(), l.entries[n-1].Time
	l.entries = l.entries[n:]
	l.droppedEntries += n
	// The array pins what was dropped until it is given up. Moving when that outweighs what is kept
	// costs a constant per entry.
	if l.droppedEntries > 2*len(l.entries) || l.droppedBytes > max(maxBytes, l.bytes) {
		kept := make([]Entry, len(l.entries), len(l.entries)+len(l.entries)/2+64)
		copy(kept, l.entries)
		l.entries = kept
		l.droppedEntries, l.droppedBytes = 0, 0
	}
}

// reset empties the log, to continue after a snapshot.
func (l *raftLog) reset(meta SnapshotMeta) {
	*l = raftLog{prev: meta.Position, prevTime: meta.Time}
}

// lastAtMost returns the last position in memory at or below hint.Index whose term is at most
// hint.Term. ok is false if there is none: then the answer lies before the memory.
func (l *raftLog) lastAtMost(hint Position) (p Position, ok bool) {
	end := 0
	if hint.Index > l.prev.Index {
		end = int(min(hint.Index-l.prev.Index, uint64(len(l.entries))))
	}
	// Terms do not decrease along the log.
	n := sort.Search(end, func(i int) bool { return l.entries[i].Term > hint.Term })
	if n > 0 {
		return l.entries[n-1].position(), true
	}
	term, known := l.term(l.prev.Index)
	if known && l.prev.Index <= hint.Index && term <= hint.Term {
		return l.prev, true
	}
	return Position{}, false
}
