package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"sync/atomic"

	"redoubt/internal/vfs"
)

// A segment file is preallocated to its full size, zero where nothing was written, and begins with a header:
//
//	 0         8        12      16        24      32      40           48          56         60    64
//	+---------+--------+-------+---------+-------+-------+------------+-----------+----------+-----+
//	|RDBT-WAL |version |synced |segment  |size   |first  |previous    |previous   |previous  |CRC  |
//	|         |        |       |number   |       |index  |index       |term       |end       |32C  |
//	+---------+--------+-------+---------+-------+-------+------------+-----------+----------+-----+
//
//	synced          every byte below this offset was durable before the file got its name
//	size            length of the file in bytes
//	first index     index of the first entry written to it; also in the file's name
//	previous index, term  position of the log's last entry before this segment
//	previous end    where the records of the segment before end; 0 in segment 1
//	CRC32C          over bytes 0 to 59
//
// Records follow from offset 64. A segment gets its name only when its header and first batch are
// durable (see roll), so a header is never half written: a bad one is damage.
const (
	segmentHeaderSize = 64
	segmentMagic      = "RDBT-WAL"
	formatVersion     = 1

	segmentSuffix = ".wal"
	// spareName is the segment being made: preallocated ahead, renamed when it takes over.
	spareName = "next.tmp"

	// maxSegmentBytes keeps offsets within 32 bits.
	maxSegmentBytes = 1<<32 - 1<<20
)

// segmentHeader is what a segment says of itself.
type segmentHeader struct {
	number   uint64
	synced   int64
	size     int64
	first    uint64
	previous Position
	// previousEnd is where the records of the segment before end.
	previousEnd int64
}

func (h *segmentHeader) name() string { return segmentName(h.number, h.first) }

func segmentName(number, first uint64) string {
	return fmt.Sprintf("%06d-%020d%s", number, first, segmentSuffix)
}

// parseSegmentName returns number and first index; ok is false for any other file.
func parseSegmentName(name string) (number, first uint64, ok bool) {
	base, found := strings.CutSuffix(name, segmentSuffix)
	left, right, dash := strings.Cut(base, "-")
	if !found || !dash {
		return 0, 0, false
	}
	number, err := strconv.ParseUint(left, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	first, err = strconv.ParseUint(right, 10, 64)
	if err != nil || number == 0 || segmentName(number, first) != name {
		return 0, 0, false
	}
	return number, first, true
}

func (h *segmentHeader) encode(b []byte) {
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(h.synced))
	binary.LittleEndian.PutUint64(b[16:], h.number)
	binary.LittleEndian.PutUint64(b[24:], uint64(h.size))
	binary.LittleEndian.PutUint64(b[32:], h.first)
	binary.LittleEndian.PutUint64(b[40:], h.previous.Index)
	binary.LittleEndian.PutUint64(b[48:], h.previous.Term)
	binary.LittleEndian.PutUint32(b[56:], uint32(h.previousEnd))
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
}

// decodeSegmentHeader checks and decodes the header of the segment that the file name says.
func decodeSegmentHeader(number, first uint64, b *[segmentHeaderSize]byte) (segmentHeader, error) {
	fail := func(reason string) (segmentHeader, error) {
		return segmentHeader{}, &CorruptError{Segment: number, Offset: 0, Reason: reason}
	}
	if string(b[:8]) != segmentMagic {
		return fail("not a segment of this log: bad magic")
	}
	if binary.LittleEndian.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli) {
		return fail("checksum mismatch in the header")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatVersion {
		return fail(fmt.Sprintf("format version %d, this program reads %d", v, formatVersion))
	}
	h := segmentHeader{
		number:      binary.LittleEndian.Uint64(b[16:]),
		synced:      int64(binary.LittleEndian.Uint32(b[12:])),
		size:        int64(binary.LittleEndian.Uint64(b[24:])),
		first:       binary.LittleEndian.Uint64(b[32:]),
		previous:    Position{binary.LittleEndian.Uint64(b[40:]), binary.LittleEndian.Uint64(b[48:])},
		previousEnd: int64(binary.LittleEndian.Uint32(b[56:])),
	}
	switch {
	case h.number != number || h.first != first:
		return fail(fmt.Sprintf("the file's name does not match its header (segment %06d, first index %d)", h.number, h.first))
	case h.size < segmentHeaderSize || h.size > maxSegmentBytes || h.synced > h.size:
		return fail("impossible size in the header")
	}
	return h, nil
}

// segment is an open segment file.
type segment struct {
	segmentHeader
	file vfs.File
	// users counts the log itself and the reads under way; the last one closes the file.
	users atomic.Int32
}

func newSegment(h segmentHeader, file vfs.File) *segment {
	s := &segment{segmentHeader: h, file: file}
	s.users.Store(1)
	return s
}

// release gives up one use. The error of closing a file that was only read matters to nobody.
func (s *segment) release() {
	if s.users.Add(-1) == 0 {
		s.file.Close()
	}
}

func (s *segment) corrupt(offset int64, reason string) error {
	return &CorruptError{Segment: s.number, Offset: offset, Reason: reason}
}
