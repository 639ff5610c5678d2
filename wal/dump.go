package wal

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"redoubt/internal/vfs"
)

// Report is what Verify found.
type Report struct {
	// Segments and Records count all that is there, dead entries included.
	Segments, Records int
	// Start is the position that the log starts after, Last that of its last entry.
	Start, Last Position
	// FirstSegment and LastSegment are the numbers of the segment files.
	FirstSegment, LastSegment uint64
	// Bytes is the length of the segment files.
	Bytes int64
	// TornBytes is the length of a torn tail, which the next Open cuts; 0 if the log ends cleanly.
	TornBytes int64
	// Leftovers are files that the next Open removes.
	Leftovers []string
}

// Verify checks a whole log without changing anything. A log in use may seem to have a torn tail.
// Damage is a *CorruptError.
func Verify(fs vfs.FS, dir string) (Report, error) {
	found, err := recoverDir(fs, dir, false)
	if err != nil {
		return Report{}, err
	}
	defer found.close()
	r := Report{
		Segments: len(found.segments), Records: found.records,
		Start: found.view.start, Last: found.view.last, Leftovers: found.leftovers,
		TornBytes: max(0, found.dirty-found.end),
	}
	for i, s := range found.segments {
		if i == 0 {
			r.FirstSegment = s.number
		}
		r.LastSegment = s.number
		r.Bytes += s.size
	}
	return r, nil
}

// Dump prints each record of a log on one line: segment, offset, kind, index, term, bytes of payload,
// and what decode makes of it, which may be nil. It goes on past damage in the next segment,
// having printed what was wrong, and returns the first such error.
func Dump(fs vfs.FS, dir string, w io.Writer, decode func(payload []byte) string) error {
	files, _, err := listSegments(fs, dir)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	var first error
	for _, f := range files {
		r := &recovery{}
		err := r.open(fs, dir, f, false)
		if err == nil {
			err = dumpSegment(r.segments[0], out, decode)
		}
		r.close()
		if err == nil {
			continue
		}
		if first == nil {
			first = err
		}
		fmt.Fprintf(out, "%v\n", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("wal: %w", err)
	}
	return first
}

func dumpSegment(s *segment, out *bufio.Writer, decode func(payload []byte) string) error {
	fmt.Fprintf(out, "segment %06d size %d first %d previous %d/%d\n",
		s.number, s.size, s.first, s.previous.Index, s.previous.Term)
	sc := &scanner{file: s.file, segment: s.number, limit: s.size, offset: segmentHeaderSize, chunk: copyChunk}
	for {
		r, err := sc.next()
		var payload []byte
		if err == nil {
			payload, err = sc.payload(r, nil)
		}
		if errors.Is(err, errNothing) {
			return nil
		}
		if err != nil {
			return damage(s, sc.offset, err)
		}
		text := ""
		switch {
		case r.kind == kindEntry && decode != nil:
			text = " " + decode(payload)
		case r.kind != kindEntry:
			text = fmt.Sprintf(" %x", payload)
		}
		fmt.Fprintf(out, "%06d %9d %s index %d term %d bytes %d%s\n",
			s.number, r.offset, r.kind, r.index, r.term, r.length, text)
	}
}
