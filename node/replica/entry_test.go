package replica

import (
	"bytes"
	"testing"

	"redoubt/raft/core"
)

func TestEntryPayloadRoundTrip(t *testing.T) {
	want := core.Entry{Index: 7, Term: 3, Kind: core.EntryCommand, Time: 1_700_000_000_123, Data: []byte("batch")}
	got, err := decodeEntry(7, 3, append(appendEntryHeader(nil, &want), want.Data...))
	if err != nil {
		t.Fatal(err)
	}
	if got.Kind != want.Kind || got.Time != want.Time || !bytes.Equal(got.Data, want.Data) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func TestHardStateRoundTrip(t *testing.T) {
	for _, want := range []core.HardState{{}, {Term: 5, Vote: 2, Commit: 9}} {
		got, err := decodeHardState(appendHardState(nil, want))
		if err != nil || got != want {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

func FuzzDecodeEntry(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendEntryHeader(nil, &core.Entry{Kind: core.EntryNoop, Time: 1}))
	f.Add([]byte{9, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := decodeEntry(1, 1, payload)
		if err == nil && !bytes.Equal(append(appendEntryHeader(nil, &e), e.Data...), payload) {
			t.Fatal("an accepted payload does not encode to itself")
		}
	})
}

func FuzzDecodeHardState(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendHardState(nil, core.HardState{Term: 1, Vote: 1, Commit: 1}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decodeHardState(data)
		if err == nil && len(data) > 0 && !bytes.Equal(appendHardState(nil, s), data) {
			t.Fatal("an accepted state record does not encode to itself")
		}
	})
}
