package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"redoubt/raft/core"
)

// ErrMalformed: a body is not the encoding of any message. DecodeMessage wraps it with context.
var ErrMalformed = errors.New("malformed message")

// minEntryBytes is the length of the shortest encoded entry: kind, term, time and data length. It
// bounds the memory that a count can claim to about five times the bytes that came with it.
const minEntryBytes = 1 + 1 + 8 + 1

// DecodeMessage decodes a frame's body. It is strict: lengths and counts must fit into what is left
// of body, nothing may follow the last field, and only what AppendMessage writes is accepted. The
// error wraps ErrMalformed and names the message kind and the field.
//
// The Data of entries and of a snapshot chunk alias body: the message owns body's memory from then
// on if Retains says so. No memory is aliased by messages of the other kinds.
func DecodeMessage(body []byte) (core.Message, error) {
	if len(body) == 0 {
		return nil, fmt.Errorf("wire: an empty body: %w", ErrMalformed)
	}
	d := decoder{rest: body[1:]}
	m := d.message(body[0])
	if d.err == nil && len(d.rest) > 0 {
		d.fail("%d bytes after the last field", len(d.rest))
	}
	if d.err != nil {
		return nil, fmt.Errorf("wire: message kind %d: %w: %w", body[0], ErrMalformed, d.err)
	}
	return m, nil
}

// Retains says whether m, a message from DecodeMessage, aliases the body that it was decoded from.
func Retains(m core.Message) bool {
	switch m := m.(type) {
	case core.AppendRequest:
		return len(m.Entries) > 0
	case core.SnapshotChunk:
		return len(m.Data) > 0
	}
	return false
}

// decoder takes fields off the front of rest. After the first failure every field reads as zero.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) message(kind byte) core.Message {
	e := core.Envelope{
		From: core.NodeID(d.uvarint("from")),
		To:   core.NodeID(d.uvarint("to")),
		Term: d.uvarint("term"),
	}
	switch kind {
	case kindPreVoteRequest:
		return core.PreVoteRequest{Envelope: e, Last: d.position("last")}
	case kindPreVoteReply:
		return core.PreVoteReply{Envelope: e, Granted: d.bool("granted"), Current: d.uvarint("current")}
	case kindVoteRequest:
		return core.VoteRequest{Envelope: e, Last: d.position("last"), Transfer: d.bool("transfer")}
	case kindVoteReply:
		return core.VoteReply{Envelope: e, Granted: d.bool("granted"), Wall: d.int64("wall")}
	case kindAppendRequest:
		return d.appendRequest(e)
	case kindAppendReply:
		return core.AppendReply{Envelope: e, Match: d.uvarint("match"), Round: d.uvarint("round")}
	case kindAppendReject:
		return core.AppendReject{Envelope: e, Prev: d.position("prev"), Hint: d.position("hint"), Round: d.uvarint("round")}
	case kindHeartbeatRequest:
		return core.HeartbeatRequest{Envelope: e, Commit: d.uvarint("commit"), Round: d.uvarint("round")}
	case kindHeartbeatReply:
		return core.HeartbeatReply{Envelope: e, Round: d.uvarint("round")}
	case kindSnapshotChunk:
		return d.snapshotChunk(e)
	case kindSnapshotReply:
		return core.SnapshotReply{
			Envelope: e, Index: d.uvarint("index"), Next: d.length("next"),
			Installed: d.bool("installed"), Round: d.uvarint("round"),
		}
	case kindTimeoutNow:
		return core.TimeoutNow{Envelope: e}
	case kindReadRequest:
		return core.ReadRequest{Envelope: e, ID: d.uint64("id")}
	case kindReadReply:
		return core.ReadReply{Envelope: e, ID: d.uint64("id"), Index: d.uvarint("index"), Refused: d.bool("refused")}
	default:
		d.fail("unknown kind")
		return nil
	}
}

func (d *decoder) appendRequest(e core.Envelope) core.Message {
	m := core.AppendRequest{
		Envelope: e, Prev: d.position("prev"), Commit: d.uvarint("commit"), Round: d.uvarint("round"),
	}
	count := d.uvarint("count")
	if count == 0 || d.err != nil {
		return m
	}
	if count > uint64(len(d.rest)/minEntryBytes) {
		d.fail("%d entries in %d bytes", count, len(d.rest))
		return m
	}
	if m.Prev.Index > math.MaxUint64-count {
		d.fail("%d entries after index %d", count, m.Prev.Index)
		return m
	}
	m.Entries = make([]core.Entry, count)
	for i := range m.Entries {
		m.Entries[i] = core.Entry{
			Index: m.Prev.Index + 1 + uint64(i),
			Kind:  d.entryKind(),
			Term:  d.uvarint("entry term"),
			Time:  d.int64("entry time"),
			Data:  d.bytes("entry data"),
		}
		if d.err != nil {
			d.err = fmt.Errorf("entry %d of %d: %w", i, count, d.err)
			return m
		}
	}
	return m
}

func (d *decoder) snapshotChunk(e core.Envelope) core.Message {
	m := core.SnapshotChunk{
		Envelope: e, Meta: core.SnapshotMeta{Position: d.position("meta"), Time: d.int64("meta time")},
		Size: d.length("size"), Offset: d.length("offset"),
		Checksum: d.uint32("checksum"), Round: d.uvarint("round"), Data: d.bytes("data"),
	}
	if d.err != nil {
		return m
	}
	// Checked here, at the gate, so that no sum of the two can overflow further in.
	if m.Offset > m.Size || int64(len(m.Data)) > m.Size-m.Offset {
		d.fail("%d bytes at offset %d of an image of %d bytes", len(m.Data), m.Offset, m.Size)
		return m
	}
	configuration, err := core.DecodeConfiguration(d.rest)
	if err != nil {
		d.err = err
		return m
	}
	if canonical := core.AppendConfiguration(nil, configuration); !bytes.Equal(canonical, d.rest) {
		d.fail("the configuration is of version %d; peers write version %d", d.rest[0], canonical[0])
		return m
	}
	m.Meta.Configuration = configuration
	d.rest = nil
	return m
}

// fail records the first failure.
func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
	d.rest = nil
}

func (d *decoder) uvarint(field string) uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.rest)
	// A last group of zero is a longer form of the same number.
	if n <= 0 || n > 1 && d.rest[n-1] == 0 {
		d.fail("%s: no shortest uvarint in %d bytes", field, len(d.rest))
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// take returns the next n bytes, or nil after a failure.
func (d *decoder) take(field string, n int) []byte {
	if d.err == nil && n > len(d.rest) {
		d.fail("%s: %d bytes, %d left", field, n, len(d.rest))
	}
	if d.err != nil {
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

// bytes returns a length-prefixed field, nil if it is empty. It aliases the body, with no spare
// capacity, so that an append to it cannot reach the field behind.
func (d *decoder) bytes(field string) []byte {
	n := d.uvarint(field)
	if n == 0 {
		return nil
	}
	if n > uint64(len(d.rest)) {
		d.fail("%s: %d bytes, %d left", field, n, len(d.rest))
		return nil
	}
	return d.take(field, int(n))
}

func (d *decoder) uint64(field string) uint64 {
	if b := d.take(field, 8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) int64(field string) int64 { return int64(d.uint64(field)) }

// length is an int64 that cannot be negative: a length or an offset.
func (d *decoder) length(field string) int64 {
	v := d.int64(field)
	if v < 0 {
		d.fail("%s: %d is negative", field, v)
		return 0
	}
	return v
}

func (d *decoder) uint32(field string) uint32 {
	if b := d.take(field, 4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) byte(field string) byte {
	if b := d.take(field, 1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) bool(field string) bool {
	b := d.byte(field)
	if b > 1 {
		d.fail("%s: %d is no bool", field, b)
	}
	return b == 1
}

func (d *decoder) entryKind() core.EntryKind {
	kind := core.EntryKind(d.byte("entry kind"))
	switch kind {
	case core.EntryNoop, core.EntryCommand, core.EntryConfiguration:
	default:
		d.fail("entry kind %d", kind)
	}
	return kind
}

func (d *decoder) position(field string) core.Position {
	return core.Position{Index: d.uvarint(field), Term: d.uvarint(field)}
}
