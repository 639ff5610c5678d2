// Package wire is the codec of what nodes of one cluster say to each other: frames, and the
// messages of redoubt/raft/core inside them. It is pure: bytes in, values out, and back.
//
// # Frame
//
// All fixed-width integers are little-endian.
//
//	offset  size  field
//	0       4     length of the body in bytes
//	4       4     CRC32C (Castagnoli) of the length field followed by the body
//	8       n     body
//
// The checksum covers the length, so that a damaged length that still fits is noticed too. A frame
// with an empty body is a keepalive and carries no message.
//
// # Body
//
//	uvarint  base-128, least significant group first, at most 10 bytes, in its shortest form
//	i64      8 bytes, two's complement
//	u64      8 bytes
//	u32      4 bytes
//	bool     1 byte, 0 or 1
//	position uvarint index, uvarint term
//
// Every body begins with the kind (1 byte) and the envelope (uvarint from, uvarint to, uvarint term).
// Then, by kind:
//
//	 1 PreVoteRequest    position last
//	 2 PreVoteReply      bool granted, uvarint current
//	 3 VoteRequest       position last, bool transfer
//	 4 VoteReply         bool granted, i64 wall
//	 5 AppendRequest     position prev, uvarint commit, uvarint round, uvarint count, count × entry
//	 6 AppendReply       uvarint match, uvarint round
//	 7 AppendReject      position prev, position hint, uvarint round
//	 8 HeartbeatRequest  uvarint commit, uvarint round
//	 9 HeartbeatReply    uvarint round
//	10 SnapshotChunk     position and i64 time of the meta, i64 size, i64 offset, u32 checksum,
//	                     uvarint round, uvarint data length, data, configuration (the rest of the
//	                     body, as core.AppendConfiguration writes it)
//	11 SnapshotReply     uvarint index, i64 next, bool installed, uvarint round
//	12 TimeoutNow        nothing
//	13 ReadRequest       u64 id
//	14 ReadReply         u64 id, uvarint index, bool refused
//
//	entry    1 byte kind, uvarint term, i64 time, uvarint data length, data
//
// An entry's index is not sent: it is prev.index + 1 + its place in the list, so that a request with
// a gap cannot be written down. Every message has exactly one encoding, and a body must end where
// its last field ends.
package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// HeaderBytes is the length of a frame's header.
const HeaderBytes = 8

// readStep is how much ReadFrame allocates on the word of a length field alone: enough for an append
// or a snapshot chunk of the usual 1 MiB in one piece. A longer body is given room only as its bytes arrive.
const readStep = 1<<20 + 64<<10

// The ways in which a frame can be bad. ReadFrame wraps them with context.
var (
	// ErrChecksum: the frame's bytes changed on the way.
	ErrChecksum = errors.New("frame checksum mismatch")
	// ErrTooLarge: the frame's length exceeds the reader's limit.
	ErrTooLarge = errors.New("frame too large")
	// ErrTruncated: the stream ended inside a frame.
	ErrTruncated = errors.New("frame truncated")
)

// castagnoli is never written after initialization.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// BeginFrame appends room for a frame's header to dst. The caller appends the body and then calls
// EndFrame with the length that dst had before.
func BeginFrame(dst []byte) []byte {
	return append(dst, make([]byte, HeaderBytes)...)
}

// EndFrame fills in the header of the frame that begins at b[start:] and ends with b.
func EndFrame(b []byte, start int) {
	body := b[start+HeaderBytes:]
	if uint64(len(body)) > math.MaxUint32 {
		panic(fmt.Sprintf("BUG: wire: a frame body of %d bytes", len(body)))
	}
	header := b[start : start+HeaderBytes]
	binary.LittleEndian.PutUint32(header, uint32(len(body)))
	binary.LittleEndian.PutUint32(header[4:], checksum(header[:4], body))
}

// AppendKeepalive appends a frame with an empty body.
func AppendKeepalive(dst []byte) []byte {
	start := len(dst)
	dst = BeginFrame(dst)
	EndFrame(dst, start)
	return dst
}

// ReadFrame reads one frame from r and returns its body, an empty one for a keepalive. It reads into
// buf[:cap(buf)] if that is large enough, or into new memory; the body is valid until the caller uses
// that memory again.
//
// max is the limit for the body in bytes: a longer frame is refused before anything is allocated for
// it. A body within the limit is allocated in steps as it arrives, so that a sender pays in bytes
// sent for the memory it takes.
//
// The error is io.EOF when the stream ends between frames; it wraps ErrTruncated when it ends inside
// one, ErrTooLarge, ErrChecksum, or the reader's own error. After any error the stream is useless.
func ReadFrame(r *bufio.Reader, buf []byte, max int) (body []byte, err error) {
	header, err := r.Peek(HeaderBytes)
	if err != nil {
		if len(header) == 0 {
			if err == io.EOF {
				return nil, io.EOF
			}
			return nil, fmt.Errorf("wire: reading a frame: %w", err)
		}
		return nil, readError(err, "header", len(header), HeaderBytes)
	}
	length := binary.LittleEndian.Uint32(header)
	if int64(length) > int64(max) {
		return nil, fmt.Errorf("wire: a frame body of %d bytes, limit %d: %w", length, max, ErrTooLarge)
	}
	want := binary.LittleEndian.Uint32(header[4:])
	sum := crc32.Checksum(header[:4], castagnoli)
	// The header lies in r's buffer and is gone after this.
	if _, err := r.Discard(HeaderBytes); err != nil {
		return nil, fmt.Errorf("wire: reading a frame: %w", err)
	}
	body, err = readBody(r, buf, int(length))
	if err != nil {
		return nil, err
	}
	if got := crc32.Update(sum, castagnoli, body); got != want {
		return nil, fmt.Errorf("wire: a frame body of %d bytes: CRC32C %08x, header says %08x: %w", length, got, want, ErrChecksum)
	}
	return body, nil
}

// readBody reads n bytes, into buf's memory if it is large enough.
func readBody(r io.Reader, buf []byte, n int) ([]byte, error) {
	if cap(buf) < min(n, readStep) {
		buf = make([]byte, min(n, readStep))
	}
	body := buf[:min(n, cap(buf))]
	for done := 0; ; {
		read, err := io.ReadFull(r, body[done:])
		done += read
		if err != nil {
			return nil, readError(err, "body", done, n)
		}
		if done == n {
			return body, nil
		}
		grown := make([]byte, min(n, 2*len(body)))
		copy(grown, body)
		body = grown
	}
}

// readError says how far reading a part of a frame came. An end of the stream becomes ErrTruncated.
func readError(err error, part string, got, want int) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = ErrTruncated
	}
	return fmt.Errorf("wire: %d of %d bytes of a frame's %s: %w", got, want, part, err)
}

// checksum is the CRC32C of the length field and the body.
func checksum(length, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, body)
}
