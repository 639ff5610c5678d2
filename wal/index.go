package wal

import (
	"slices"
	"sort"
)

// anchorSpacing is how many bytes of a segment one anchor stands for. The index takes about 32 bytes
// for each 4 KiB of log, under 1 % of its size on disk.
const anchorSpacing = 4 << 10

// anchor is the place of one entry. The entries after it, up to the next anchor, follow in the same
// segment in the order of their indexes; records of other kinds may stand between them.
type anchor struct {
	index   uint64
	segment *segment
	offset  int64
	// jump is set when the records before this place are not those of the entries before it,
	// because entries were replaced in between: reading on from the anchor before would meet the replaced ones.
	jump bool
}

// termRun says that the entries from first on have this term, up to the next run.
type termRun struct {
	first, term uint64
}

// view is what the log holds, as its records tell in their order. Open builds it from disk, and
// Append keeps it up with the same method.
type view struct {
	// start is the position after which the log starts, last that of its last entry.
	start, last Position
	// state is the newest state, nil if there is none.
	state []byte
	// needed is the number of the first segment that is needed.
	needed uint64
	// anchors and terms are sorted by index.
	anchors []anchor
	terms   []termRun
}

// accepts reports whether an entry with this index can follow.
func (v *view) accepts(index uint64) bool {
	return index > v.start.Index && index <= v.last.Index+1
}

// entry takes in an entry that stands at offset of segment s.
func (v *view) entry(s *segment, offset int64, index, term uint64) {
	jump := index <= v.last.Index
	if jump {
		v.truncate(index)
	}
	n := len(v.anchors)
	if n == 0 || jump || v.anchors[n-1].segment != s || offset-v.anchors[n-1].offset >= anchorSpacing {
		v.anchors = append(v.anchors, anchor{index, s, offset, jump})
	}
	if n := len(v.terms); n == 0 || v.terms[n-1].term != term {
		v.terms = append(v.terms, termRun{index, term})
	}
	v.last = Position{index, term}
}

// truncate forgets the entries from index on.
func (v *view) truncate(index uint64) {
	v.anchors = v.anchors[:v.anchorAfter(index-1)]
	n := sort.Search(len(v.terms), func(i int) bool { return v.terms[i].first >= index })
	v.terms = v.terms[:n]
}

// startAfter forgets the entries up to p, which is in the log.
func (v *view) startAfter(p Position, needed uint64) {
	v.start, v.needed = p, needed
	if p.Index >= v.last.Index {
		v.anchors, v.terms = nil, nil
		return
	}
	// The tails are copied so that the dropped part and its segments are freed.
	v.anchors = slices.Clone(v.anchors[max(0, v.anchorAfter(p.Index+1)-1):])
	v.terms = slices.Clone(v.terms[max(0, v.runAfter(p.Index+1)-1):])
}

// reset forgets every entry.
func (v *view) reset(p Position, needed uint64) {
	v.start, v.last, v.needed = p, p, needed
	v.anchors, v.terms = nil, nil
}

// anchorAfter returns the place of the first anchor beyond index.
func (v *view) anchorAfter(index uint64) int {
	return sort.Search(len(v.anchors), func(i int) bool { return v.anchors[i].index > index })
}

func (v *view) runAfter(index uint64) int {
	return sort.Search(len(v.terms), func(i int) bool { return v.terms[i].first > index })
}

// term returns the term of the entry at index; ok is false outside of start..last.
func (v *view) term(index uint64) (term uint64, ok bool) {
	switch {
	case index == v.start.Index:
		return v.start.Term, true
	case index < v.start.Index || index > v.last.Index:
		return 0, false
	}
	return v.terms[v.runAfter(index)-1].term, true
}

// firstIn returns the index of the first entry that stands in segment number or a later one.
func (v *view) firstIn(number uint64) uint64 {
	n := sort.Search(len(v.anchors), func(i int) bool { return v.anchors[i].segment.number >= number })
	if n == len(v.anchors) {
		return v.last.Index + 1
	}
	return v.anchors[n].index
}
