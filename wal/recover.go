package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"sort"

	"redoubt/internal/vfs"
)

// recovery is what is found in a log's directory. Finding it changes nothing.
type recovery struct {
	view     view
	segments []*segment
	// leftovers are names to remove: the spare, and segments from before a gap.
	leftovers []string
	// proven is the offset in the last segment below which everything is known to have been synced,
	// end where its records end, and dirty where the bytes that are not zero end: end..dirty is a torn tail.
	proven, end, dirty int64
	// records counts the records of all segments.
	records int
}

// recoverDir reads and checks a whole log. The last segment is opened for writing if writable is set.
func recoverDir(fs vfs.FS, dir string, writable bool) (*recovery, error) {
	files, leftovers, err := listSegments(fs, dir)
	if err != nil {
		return nil, err
	}
	r := &recovery{leftovers: leftovers, view: view{needed: 1}}
	// A crash in the middle of DropBefore can leave any of the dropped segments. The ones that are
	// still needed are in an unbroken run up to the newest.
	run := max(0, len(files)-1)
	for run > 0 && files[run-1].number+1 == files[run].number {
		run--
	}
	for _, f := range files[:run] {
		r.leftovers = append(r.leftovers, segmentName(f.number, f.first))
	}
	for i, f := range files[run:] {
		if err := r.open(fs, dir, f, writable && run+i == len(files)-1); err != nil {
			r.close()
			return nil, err
		}
	}
	if err := r.scan(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *recovery) close() {
	for _, s := range r.segments {
		s.release()
	}
	r.segments = nil
}

// listSegments returns the headers that the names of the segment files tell, in order, and the name
// of the spare if it is there. Files of other names are left alone.
func listSegments(fs vfs.FS, dir string) (files []segmentHeader, leftovers []string, err error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("wal: %w", err)
	}
	for _, name := range names {
		if name == spareName {
			leftovers = append(leftovers, name)
		}
		if number, first, ok := parseSegmentName(name); ok {
			files = append(files, segmentHeader{number: number, first: first})
		}
	}
	sort.Slice(files, func(i, j int) bool { return files[i].number < files[j].number })
	for i := 1; i < len(files); i++ {
		if files[i].number == files[i-1].number {
			return nil, nil, &CorruptError{Segment: files[i].number, Reason: "two files of this number"}
		}
	}
	return files, leftovers, nil
}

// open opens a segment file and checks its header and length.
func (r *recovery) open(fs vfs.FS, dir string, f segmentHeader, writable bool) error {
	open := fs.Open
	if writable {
		open = fs.OpenWrite
	}
	file, err := open(path.Join(dir, f.name()))
	if err != nil {
		return fmt.Errorf("wal: %w", err)
	}
	s := newSegment(f, file)
	r.segments = append(r.segments, s)
	size, err := file.Size()
	if err != nil {
		return fmt.Errorf("wal: %w", err)
	}
	if size < segmentHeaderSize {
		return s.corrupt(0, fmt.Sprintf("the file is cut short: %d bytes", size))
	}
	var b [segmentHeaderSize]byte
	if _, err := file.ReadAt(b[:], 0); err != nil {
		return fmt.Errorf("wal: %w", err)
	}
	if s.segmentHeader, err = decodeSegmentHeader(f.number, f.first, &b); err != nil {
		return err
	}
	// The length was durable before the file had its name: no crash makes it shorter.
	if size < s.size {
		return s.corrupt(size, fmt.Sprintf("the file is cut short: %d of %d bytes", size, s.size))
	}
	return nil
}

// scan reads the records of all segments in order.
func (r *recovery) scan() error {
	if len(r.segments) == 0 {
		return nil
	}
	oldest := r.segments[0]
	r.view.last = oldest.previous
	for i, s := range r.segments {
		if s.previous != r.view.last || i > 0 && s.previousEnd != r.end {
			return s.corrupt(0, "the header does not continue the segment before")
		}
		end := int64(-1)
		if i+1 < len(r.segments) {
			end = r.segments[i+1].previousEnd
		}
		if err := r.scanSegment(s, end); err != nil {
			return err
		}
	}
	if r.view.needed < oldest.number {
		return &CorruptError{Segment: oldest.number - 1, Reason: "the file is missing"}
	}
	if first := r.view.start.Index + 1; first <= r.view.last.Index &&
		(len(r.view.anchors) == 0 || r.view.anchors[0].index > first) {
		return oldest.corrupt(segmentHeaderSize, fmt.Sprintf("entry %d, the first of the log, is missing", first))
	}
	return nil
}

// scanSegment reads the records of one segment up to end, or to where they end if it is -1.
func (r *recovery) scanSegment(s *segment, end int64) error {
	sc := &scanner{file: s.file, segment: s.number, limit: s.size, offset: segmentHeaderSize, chunk: copyChunk}
	r.end, r.proven = segmentHeaderSize, max(s.synced, segmentHeaderSize)
	var batch []staged
	var buf []byte
	for sc.offset != end {
		rec, err := sc.next()
		if err == nil {
			buf, err = sc.payload(rec, buf)
		}
		if err != nil {
			if end < 0 {
				return r.tail(s, sc, err)
			}
			return damage(s, sc.offset, err)
		}
		r.records++
		r.proven = max(r.proven, rec.synced)
		st := staged{record: rec}
		if rec.kind != kindEntry {
			st.payload = append([]byte(nil), buf...)
		}
		if batch = append(batch, st); !rec.last {
			continue
		}
		for i := range batch {
			if reason := r.apply(s, &batch[i]); reason != "" {
				return s.corrupt(batch[i].offset, reason)
			}
		}
		batch, r.end = batch[:0], sc.offset
	}
	if r.end != end {
		return s.corrupt(r.end, "a batch without its end")
	}
	return nil
}

// staged is a record of a batch whose end has not been read yet.
type staged struct {
	record
	payload []byte
}

// apply takes a record in. It returns what is wrong with it, or "".
func (r *recovery) apply(s *segment, st *staged) (reason string) {
	v := &r.view
	position := Position{st.index, st.term}
	switch st.kind {
	case kindEntry:
		if !v.accepts(st.index) {
			return fmt.Sprintf("entry %d in a log of %d to %d", st.index, v.start.Index+1, v.last.Index)
		}
		v.entry(s, st.offset, st.index, st.term)
	case kindState:
		v.state = st.payload
	case kindStart:
		if len(st.payload) != 8 || st.index > v.last.Index || st.index < v.start.Index {
			return fmt.Sprintf("a start after %d in a log of %d to %d", st.index, v.start.Index+1, v.last.Index)
		}
		needed := binary.LittleEndian.Uint64(st.payload)
		if needed > s.number || needed < v.needed {
			return fmt.Sprintf("a start in segment %06d", needed)
		}
		v.startAfter(position, needed)
	case kindReset:
		v.reset(position, s.number)
	default:
		return fmt.Sprintf("unknown record kind %d", st.kind)
	}
	return ""
}

// damage turns what a scanner met where there must be a record into an error with its place.
func damage(s *segment, offset int64, err error) error {
	for _, known := range []error{errNothing, errTorn, errChecksum, errShort} {
		if errors.Is(err, known) {
			return s.corrupt(offset, known.Error())
		}
	}
	return err
}

// tail judges the end of the last segment, where the scanner met no whole record for the given reason.
//
// A crash can leave any subset of the sectors of writes that were not synced. So the last batches
// may be there in part, with valid records after the hole; that is a torn tail. It was never acknowledged and
// is cut, whole batches at a time. But the same bytes can also be durable data that was damaged
// later, which must never be dropped in silence. Two facts tell them apart:
//
//  1. Each record says below which offset everything was synced when it was written. A hole below
//     any such offset is damage, however it looks. (A later segment proves the same of a whole one.)
//  2. A crash leaves sectors out; it does not change bits in those it wrote. A sector that was left
//     out reads as zeros, its tag byte 0xA5 included. A record that has all its tags, and yet a wrong
//     checksum, is damage.
//
// What remains is a whole sector at the very end of the log that turned to zeros, with every record
// header that came after a sync of it: no reader of these bytes can tell that from a crash before
// the sync. Any flipped bit is told from it.
//
// The rule trusts that a sector of 512 bytes is written whole, or at worst torn front to back. A
// disk that does neither makes Open refuse a torn tail; it does not make it drop data.
func (r *recovery) tail(s *segment, sc *scanner, why error) error {
	bad := sc.offset
	if !errors.Is(why, errNothing) && !errors.Is(why, errTorn) {
		return damage(s, bad, why)
	}
	var err error
	if r.dirty, err = lastNonZero(sc, r.end); err != nil {
		return err
	}
	claim, err := laterClaim(sc, bad, r.dirty)
	if err != nil {
		return err
	}
	if claim = max(claim, r.proven); claim > r.end {
		return s.corrupt(bad, fmt.Sprintf("%v, where everything up to offset %d was synced", why, claim))
	}
	r.proven = claim
	return nil
}

// lastNonZero returns the offset just past the last byte that is not zero, or from.
func lastNonZero(sc *scanner, from int64) (int64, error) {
	dirty := from
	for at := from; at < sc.limit; {
		to := min(at+copyChunk, sc.limit)
		b, err := sc.bytes(at, to)
		if err != nil {
			return 0, err
		}
		if !allZero(b) {
			for i := len(b) - 1; i >= 0; i-- {
				if b[i] != 0 {
					dirty = at + int64(i) + 1
					break
				}
			}
		}
		at = to
	}
	return dirty, nil
}

// laterClaim looks at every offset from..to for a record header that is valid there, and returns
// the highest offset that one of them says was synced.
func laterClaim(sc *scanner, from, to int64) (int64, error) {
	const reach = recordHeaderSize + 1 // A header crosses one sector tag at most.
	claim := int64(0)
	for at := from; at < to && at+reach <= sc.limit; at++ {
		if at%sectorSize == sectorData {
			continue
		}
		raw, err := sc.bytes(at, at+reach)
		if err != nil {
			return 0, err
		}
		// The header's own tag is its last byte: look there first, it is quick.
		if raw[recordHeaderSize-1] != tag && raw[recordHeaderSize] != tag {
			continue
		}
		var b [recordHeaderSize]byte
		if unpack(b[:], raw, at) != nil {
			continue
		}
		if h, err := decodeHeader(sc.segment, at, &b); err == nil {
			claim = max(claim, h.synced)
		}
	}
	return claim, nil
}

// repair writes what a crash left undone in the last segment. The caller syncs it afterwards.
//
// Records that no later record proves synced are written again, though their bytes are as they
// should be: if a sync failed in an earlier run, the page cache may hold them as clean pages that never
// reached the disk, and only writing them makes the next sync cover them.
func (r *recovery) repair() error {
	s := r.segments[len(r.segments)-1]
	buf := make([]byte, min(copyChunk, max(r.end-r.proven, r.dirty-r.end)))
	for at := r.proven; at < r.end; {
		b := buf[:min(int64(len(buf)), r.end-at)]
		if _, err := s.file.ReadAt(b, at); err != nil {
			return fmt.Errorf("wal: segment %06d offset %d: %w", s.number, at, err)
		}
		if _, err := s.file.WriteAt(b, at); err != nil {
			return fmt.Errorf("wal: segment %06d offset %d: %w", s.number, at, err)
		}
		at += int64(len(b))
	}
	clear(buf)
	for at := r.end; at < r.dirty; {
		b := buf[:min(int64(len(buf)), r.dirty-at)]
		if _, err := s.file.WriteAt(b, at); err != nil {
			return fmt.Errorf("wal: segment %06d offset %d: %w", s.number, at, err)
		}
		at += int64(len(b))
	}
	return nil
}
