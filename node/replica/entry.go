package replica

import (
	"encoding/binary"
	"errors"
	"fmt"

	"redoubt/raft"
	"redoubt/raft/core"
)

// The log holds opaque payloads; this is what is in them. An entry's payload is
//
//	kind 1 byte | log time 8 bytes, milliseconds, little endian | the command batch, or other data
//
// and the state record is
//
//	version 1 byte | term 8 | vote 8 | commit 8, little endian
const (
	entryHeaderBytes = 9
	stateVersion     = 1
	stateBytes       = 25
)

// appendEntryHeader appends what precedes an entry's data in its payload.
func appendEntryHeader(dst []byte, e *core.Entry) []byte {
	dst = append(dst, byte(e.Kind))
	return binary.LittleEndian.AppendUint64(dst, uint64(e.Time))
}

// decodeEntry reads a payload. The entry's Data aliases it.
func decodeEntry(index, term uint64, payload []byte) (core.Entry, error) {
	if len(payload) < entryHeaderBytes {
		return core.Entry{}, fmt.Errorf("log entry %d: payload of %d bytes is too short", index, len(payload))
	}
	kind := core.EntryKind(payload[0])
	if kind < core.EntryNoop || kind > core.EntryConfiguration {
		return core.Entry{}, fmt.Errorf("log entry %d: unknown kind %d", index, kind)
	}
	return core.Entry{
		Index: index,
		Term:  term,
		Kind:  kind,
		Time:  int64(binary.LittleEndian.Uint64(payload[1:])),
		Data:  payload[entryHeaderBytes:],
	}, nil
}

func appendHardState(dst []byte, s core.HardState) []byte {
	dst = append(dst, stateVersion)
	dst = binary.LittleEndian.AppendUint64(dst, s.Term)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.Vote))
	return binary.LittleEndian.AppendUint64(dst, s.Commit)
}

// decodeHardState reads a state record; an empty one is a new node's.
func decodeHardState(data []byte) (core.HardState, error) {
	if len(data) == 0 {
		return core.HardState{}, nil
	}
	if len(data) != stateBytes || data[0] != stateVersion {
		return core.HardState{}, errors.New("log: the state record has an unknown form")
	}
	return core.HardState{
		Term:   binary.LittleEndian.Uint64(data[1:]),
		Vote:   raft.NodeID(binary.LittleEndian.Uint64(data[9:])),
		Commit: binary.LittleEndian.Uint64(data[17:]),
	}, nil
}
