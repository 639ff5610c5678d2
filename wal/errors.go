package wal

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrFull is returned (wrapped) when the disk has no room for another segment. Nothing has
	// changed: the log stays usable, and the same call succeeds once there is room.
	ErrFull = errors.New("no space for another segment")
	// ErrCompacted is returned by Read for an index below First.
	ErrCompacted = errors.New("wal: the entry lies before the start of the log")
	// ErrTooLarge is returned (wrapped) by Append for a record or batch above the limits. Nothing has changed.
	ErrTooLarge = errors.New("larger than the log takes")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("wal: closed")
)

// CorruptError is damage that no crash can explain, or that hides data which was durable.
type CorruptError struct {
	// Segment is the number in the segment's file name.
	Segment uint64
	// Offset is where in the file the damaged record, or the header (0), begins, in bytes.
	Offset int64
	// Reason is what is wrong there.
	Reason string
}

// Error names segment and offset.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("wal: segment %06d offset %d: %s", e.Segment, e.Offset, e.Reason)
}

// What is found where a record should begin. They are different on purpose: the first two can be
// what a crash leaves of a write, the last two cannot.
var (
	// errNothing: every byte of a record header is zero, as in space that was never written.
	errNothing = errors.New("no record")
	// errTorn: a sector of the record was never written: its tag reads zero.
	errTorn = errors.New("record with missing sectors")
	// errChecksum: all sectors of the record are there, and its bytes are wrong.
	errChecksum = errors.New("checksum mismatch")
	// errShort: the segment ends before the record does.
	errShort = errors.New("unexpected end of segment")
)

// isFull reports whether the error means that the disk, or the owner's share of it, is full.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
