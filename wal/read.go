package wal

import (
	"fmt"
)

// span is a part of a segment that holds consecutive entries from..to.
type span struct {
	segment  *segment
	offset   int64
	from, to uint64
}

// Read returns the entries from..to, both included. It stops before their payloads exceed maxBytes
// bytes, or earlier at its own convenience, but returns one at least. Every checksum is verified
// again. It may run beside Append and returns the log as it was at the call. Beyond Last there are
// no entries: the suffix may have been replaced since the caller looked. The error is ErrCompacted
// when from lies before First, and a *CorruptError when a record is damaged.
func (l *Log) Read(from, to uint64, maxBytes int) ([]Entry, error) {
	spans, err := l.plan(from, to, int64(maxBytes))
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, s := range spans {
			s.segment.release()
		}
	}()
	var entries []Entry
	left := int64(maxBytes)
	for _, s := range spans {
		more, err := readSpan(s, from, &entries, &left)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	return entries, nil
}

// plan finds where the entries stand, about maxBytes of them, and keeps their segments open.
func (l *Log) plan(from, to uint64, maxBytes int64) ([]span, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	v := &l.view
	switch {
	case l.err != nil:
		return nil, l.err
	case from <= v.start.Index:
		return nil, ErrCompacted
	}
	to = min(to, v.last.Index)
	if from > to {
		return nil, nil
	}
	var spans []span
	at := v.anchorAfter(from) - 1
	for bytes := int64(0); at < len(v.anchors) && v.anchors[at].index <= to && (spans == nil || bytes < maxBytes); {
		a := v.anchors[at]
		s := span{segment: a.segment, offset: a.offset, from: a.index, to: to}
		for at++; at < len(v.anchors) && v.anchors[at].index <= to; at++ {
			next := v.anchors[at]
			enough := next.index > from && next.offset-a.offset >= maxBytes
			if next.jump || next.segment != a.segment || enough {
				s.to = next.index - 1
				break
			}
		}
		// What a span takes on disk is an estimate of its payloads that is never too small, save at the
		// end of a segment, where the next anchor does not tell.
		bytes += anchorSpacing
		if at < len(v.anchors) && v.anchors[at].segment == a.segment {
			bytes += v.anchors[at].offset - a.offset
		}
		a.segment.users.Add(1)
		spans = append(spans, s)
	}
	return spans, nil
}

// readSpan appends the entries of a span from index from on. more is false when no more bytes fit.
func readSpan(s span, from uint64, entries *[]Entry, left *int64) (more bool, err error) {
	sc := &scanner{
		file: s.segment.file, segment: s.segment.number, limit: s.segment.size, offset: s.offset,
		chunk: max(anchorSpacing, min(*left+anchorSpacing, copyChunk/4)),
	}
	for next := s.from; next <= s.to; {
		r, err := sc.next()
		if err != nil {
			return false, damage(s.segment, sc.offset, err)
		}
		if r.kind != kindEntry {
			sc.skip(r)
			continue
		}
		if r.index != next {
			return false, s.segment.corrupt(r.offset, fmt.Sprintf("entry %d where %d was written", r.index, next))
		}
		if next < from {
			sc.skip(r)
			next++
			continue
		}
		if len(*entries) > 0 && r.length > *left {
			return false, nil
		}
		payload, err := sc.payload(r, nil)
		if err != nil {
			return false, damage(s.segment, r.offset, err)
		}
		*entries = append(*entries, Entry{Index: r.index, Term: r.term, Payload: payload})
		*left -= r.length
		next++
	}
	return true, nil
}
