package wal

import (
	"fmt"
	"hash/crc32"
	"io"
)

// scanner reads the records of one segment one after another.
type scanner struct {
	file    io.ReaderAt
	segment uint64
	// limit is the length of the segment.
	limit int64
	// offset is where the next record begins.
	offset int64
	// window holds the file's bytes from windowOffset on; at least chunk bytes are read at a time.
	window       []byte
	windowOffset int64
	chunk        int64
}

// record is a record that a scanner found.
type record struct {
	header
	// offset and end are the record's place in the file.
	offset, end int64
}

// bytes returns the file's bytes from..to; they are valid until the next call. The caller keeps to
// below the limit.
func (s *scanner) bytes(from, to int64) ([]byte, error) {
	if from < s.windowOffset || to > s.windowOffset+int64(len(s.window)) {
		n := min(max(to-from, s.chunk), s.limit-from)
		if int64(cap(s.window)) < n {
			s.window = make([]byte, n)
		}
		s.window, s.windowOffset = s.window[:n], from
		if _, err := s.file.ReadAt(s.window, from); err != nil && err != io.EOF {
			s.window = s.window[:0]
			return nil, fmt.Errorf("wal: segment %06d offset %d: %w", s.segment, from, err)
		} else if err == io.EOF {
			// Whole segments are checked for their length before; what is missing now was cut since.
			s.window = s.window[:0]
			return nil, errShort
		}
	}
	return s.window[from-s.windowOffset : to-s.windowOffset], nil
}

// next reads the header of the record at the scanner's offset. It does not move on: see payload and skip.
// The error is one of errNothing, errTorn, errChecksum and errShort, or one of reading.
func (s *scanner) next() (record, error) {
	end := advance(s.offset, recordHeaderSize)
	if end > s.limit {
		rest, err := s.bytes(s.offset, s.limit)
		if err == nil {
			err = errShort
			if allZero(rest) {
				err = errNothing
			}
		}
		return record{}, err
	}
	raw, err := s.bytes(s.offset, end)
	if err != nil {
		return record{}, err
	}
	if allZero(raw) {
		return record{}, errNothing
	}
	var b [recordHeaderSize]byte
	if err := unpack(b[:], raw, s.offset); err != nil {
		return record{}, err
	}
	h, err := decodeHeader(s.segment, s.offset, &b)
	if err != nil {
		return record{}, err
	}
	r := record{header: h, offset: s.offset, end: advance(s.offset, recordOverhead+h.length)}
	if r.end > s.limit {
		return record{}, errShort
	}
	return r, nil
}

// skip moves on past a record without reading its payload.
func (s *scanner) skip(r record) { s.offset = r.end }

// payload reads and checks the record's payload into buf, which it grows if need be, and moves on.
func (s *scanner) payload(r record, buf []byte) ([]byte, error) {
	from := advance(r.offset, recordHeaderSize)
	raw, err := s.bytes(from, r.end)
	if err != nil {
		return buf, err
	}
	n := r.length + 1
	if int64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if err := unpack(buf, raw, from); err != nil {
		return buf, err
	}
	buf, end := buf[:r.length], buf[r.length]
	switch {
	case end == 0:
		return buf, errTorn
	case end != tag || crc32.Update(r.headerSum, castagnoli, buf) != r.sum:
		return buf, errChecksum
	}
	s.offset = r.end
	return buf, nil
}

func allZero(b []byte) bool {
	for len(b) >= 8 {
		if b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7] != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
