package wire

import (
	"encoding/binary"
	"fmt"

	"redoubt/raft/core"
)

// The kind bytes. They are on the wire: never renumbered, never reused.
const (
	kindPreVoteRequest   = 1
	kindPreVoteReply     = 2
	kindVoteRequest      = 3
	kindVoteReply        = 4
	kindAppendRequest    = 5
	kindAppendReply      = 6
	kindAppendReject     = 7
	kindHeartbeatRequest = 8
	kindHeartbeatReply   = 9
	kindSnapshotChunk    = 10
	kindSnapshotReply    = 11
	kindTimeoutNow       = 12
	kindReadRequest      = 13
	kindReadReply        = 14
)

// Upper bounds for SizeBound, in bytes. The fixed part of the largest message, the snapshot chunk,
// is a kind, seven uvarints, three i64 and a u32.
const (
	maxFixed      = HeaderBytes + 1 + 8*binary.MaxVarintLen64 + 4*8
	maxEntryFixed = 1 + 2*binary.MaxVarintLen64 + 8
	// maxMemberFixed and maxConfigurationFixed leave core.AppendConfiguration room to change; a test
	// holds them against it.
	maxMemberFixed        = 32
	maxConfigurationFixed = 32
)

// SizeBound returns a number of bytes that m's frame does not exceed, header included. It is exact
// to some tens of bytes a message and an entry, and costs no encoding: queues are bounded with it.
func SizeBound(m core.Message) int {
	size := maxFixed
	switch m := m.(type) {
	case core.AppendRequest:
		for i := range m.Entries {
			size += maxEntryFixed + len(m.Entries[i].Data)
		}
	case core.SnapshotChunk:
		size += len(m.Data) + maxConfigurationFixed
		for i := range m.Meta.Configuration.Members {
			size += maxMemberFixed + len(m.Meta.Configuration.Members[i].Address)
		}
	}
	return size
}

// AppendFrame appends m as a whole frame, header and body, to dst. It allocates nothing but room in dst.
func AppendFrame(dst []byte, m core.Message) []byte {
	start := len(dst)
	dst = BeginFrame(dst)
	dst = AppendMessage(dst, m)
	EndFrame(dst, start)
	return dst
}

// AppendMessage appends m as a frame's body to dst. It allocates nothing but room in dst. The
// messages are the structs of package core, not pointers to them; it panics on any other type, and
// on entries that do not continue their Prev.
func AppendMessage(dst []byte, m core.Message) []byte {
	switch m := m.(type) {
	case core.PreVoteRequest:
		dst = appendHead(dst, kindPreVoteRequest, m.Envelope)
		return appendPosition(dst, m.Last)
	case core.PreVoteReply:
		dst = appendHead(dst, kindPreVoteReply, m.Envelope)
		dst = appendBool(dst, m.Granted)
		return binary.AppendUvarint(dst, m.Current)
	case core.VoteRequest:
		dst = appendHead(dst, kindVoteRequest, m.Envelope)
		dst = appendPosition(dst, m.Last)
		return appendBool(dst, m.Transfer)
	case core.VoteReply:
		dst = appendHead(dst, kindVoteReply, m.Envelope)
		dst = appendBool(dst, m.Granted)
		return appendInt64(dst, m.Wall)
	case core.AppendRequest:
		return appendAppendRequest(dst, &m)
	case core.AppendReply:
		dst = appendHead(dst, kindAppendReply, m.Envelope)
		dst = binary.AppendUvarint(dst, m.Match)
		return binary.AppendUvarint(dst, m.Round)
	case core.AppendReject:
		dst = appendHead(dst, kindAppendReject, m.Envelope)
		dst = appendPosition(dst, m.Prev)
		dst = appendPosition(dst, m.Hint)
		return binary.AppendUvarint(dst, m.Round)
	case core.HeartbeatRequest:
		dst = appendHead(dst, kindHeartbeatRequest, m.Envelope)
		dst = binary.AppendUvarint(dst, m.Commit)
		return binary.AppendUvarint(dst, m.Round)
	case core.HeartbeatReply:
		dst = appendHead(dst, kindHeartbeatReply, m.Envelope)
		return binary.AppendUvarint(dst, m.Round)
	case core.SnapshotChunk:
		return appendSnapshotChunk(dst, &m)
	case core.SnapshotReply:
		dst = appendHead(dst, kindSnapshotReply, m.Envelope)
		dst = binary.AppendUvarint(dst, m.Index)
		dst = appendInt64(dst, m.Next)
		dst = appendBool(dst, m.Installed)
		return binary.AppendUvarint(dst, m.Round)
	case core.TimeoutNow:
		return appendHead(dst, kindTimeoutNow, m.Envelope)
	case core.ReadRequest:
		dst = appendHead(dst, kindReadRequest, m.Envelope)
		return binary.LittleEndian.AppendUint64(dst, m.ID)
	case core.ReadReply:
		dst = appendHead(dst, kindReadReply, m.Envelope)
		dst = binary.LittleEndian.AppendUint64(dst, m.ID)
		dst = binary.AppendUvarint(dst, m.Index)
		return appendBool(dst, m.Refused)
	default:
		panic(fmt.Sprintf("BUG: wire: no encoding for a message of type %T", m))
	}
}

func appendAppendRequest(dst []byte, m *core.AppendRequest) []byte {
	dst = appendHead(dst, kindAppendRequest, m.Envelope)
	dst = appendPosition(dst, m.Prev)
	dst = binary.AppendUvarint(dst, m.Commit)
	dst = binary.AppendUvarint(dst, m.Round)
	dst = binary.AppendUvarint(dst, uint64(len(m.Entries)))
	for i := range m.Entries {
		entry := &m.Entries[i]
		if want := m.Prev.Index + 1 + uint64(i); entry.Index != want {
			panic(fmt.Sprintf("BUG: wire: an append request after index %d whose entry %d has index %d, not %d", m.Prev.Index, i, entry.Index, want))
		}
		dst = append(dst, byte(entry.Kind))
		dst = binary.AppendUvarint(dst, entry.Term)
		dst = appendInt64(dst, entry.Time)
		dst = appendBytes(dst, entry.Data)
	}
	return dst
}

func appendSnapshotChunk(dst []byte, m *core.SnapshotChunk) []byte {
	dst = appendHead(dst, kindSnapshotChunk, m.Envelope)
	dst = appendPosition(dst, m.Meta.Position)
	dst = appendInt64(dst, m.Meta.Time)
	dst = appendInt64(dst, m.Size)
	dst = appendInt64(dst, m.Offset)
	dst = binary.LittleEndian.AppendUint32(dst, m.Checksum)
	dst = binary.AppendUvarint(dst, m.Round)
	dst = appendBytes(dst, m.Data)
	return core.AppendConfiguration(dst, m.Meta.Configuration)
}

func appendHead(dst []byte, kind byte, e core.Envelope) []byte {
	dst = append(dst, kind)
	dst = binary.AppendUvarint(dst, uint64(e.From))
	dst = binary.AppendUvarint(dst, uint64(e.To))
	return binary.AppendUvarint(dst, e.Term)
}

func appendPosition(dst []byte, p core.Position) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, p.Index), p.Term)
}

func appendInt64(dst []byte, v int64) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(v))
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendBytes(dst, data []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(data))), data...)
}
