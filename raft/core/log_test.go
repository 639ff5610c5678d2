package core

import (
	"reflect"
	"slices"
	"testing"
)

// Entries in effects are shared, and never written again: not by what replaces them, not by what
// follows them, and not by a caller that appends to its slice.
func TestHandedOutEntriesAreNeverWritten(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, logOf(1))
	e := s.receive(AppendRequest{Envelope: from(2, 2), Prev: Position{1, 1}, Entries: []Entry{
		{Index: 2, Term: 2, Kind: EntryCommand, Data: []byte("a")}, {Index: 3, Term: 2, Kind: EntryCommand, Data: []byte("b")},
	}})
	handed := e.Persist.Entries
	before := slices.Clone(handed)
	s.receive(AppendRequest{Envelope: from(3, 3), Prev: Position{1, 1}, Entries: []Entry{
		{Index: 2, Term: 3, Kind: EntryCommand, Data: []byte("x")}, {Index: 3, Term: 3, Kind: EntryCommand, Data: []byte("y")}, {Index: 4, Term: 3, Kind: EntryCommand},
	}})
	if !reflect.DeepEqual(handed, before) {
		t.Fatalf("entries that were handed out became %+v, they were %+v", handed, before)
	}
	_ = append(handed[:1], Entry{Index: 99})
	if term, _ := s.log.term(3); term != 3 {
		t.Fatal("a caller's append reached the log")
	}
}

// What is not committed, or not durable here, stays in memory whatever its bound.
func TestTailKeepsWhatIsNotDurable(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), HardState: HardState{Term: 1}, MaxTailBytes: 1})
	entries := logOf(1, 1, 1)
	e := s.receive(AppendRequest{Envelope: from(2, 1), Entries: entries, Commit: 3})
	if len(e.Persist.Entries) != 3 || len(s.log.entries) != 3 {
		t.Fatalf("%d entries to persist, %d in memory; want 3 and 3: committed, but not durable here", len(e.Persist.Entries), len(s.log.entries))
	}
	e = s.flush()
	if len(e.Apply) != 3 || len(s.log.entries) != 0 || s.log.last() != (Position{3, 1}) {
		t.Fatalf("%d applied, %d in memory, last %s; want 3, none and 3/1", len(e.Apply), len(s.log.entries), s.log.last().text())
	}
}

// An array that mostly holds dropped entries is given up: it would pin their data.
func TestTrimmedLogDoesNotPinWhatItDropped(t *testing.T) {
	var l raftLog
	for i := range uint64(10000) {
		l.append(Entry{Index: i + 1, Term: 1, Data: make([]byte, 36)})
		l.trim(i+1, 1000)
		if l.bytes > 1000 || l.bytes != sizeOf(l.entries) {
			t.Fatalf("%d bytes in memory, %d counted, the limit is 1000", sizeOf(l.entries), l.bytes)
		}
		if l.droppedEntries > 2*len(l.entries)+1 {
			t.Fatalf("%d dropped entries are pinned by %d", l.droppedEntries, len(l.entries))
		}
	}
	if l.last() != (Position{10000, 1}) || len(l.entries) != 10 {
		t.Fatalf("last %s, %d entries", l.last().text(), len(l.entries))
	}
}

// A configuration that was not committed before a restart is rolled back to the one before it: another one of
// the tail, the one of the snapshot, or the one with which the cluster began.
func TestConfigurationRollsBackAcrossARestart(t *testing.T) {
	configuration := func(index uint64, n int) Entry {
		return Entry{Index: index, Term: 2, Kind: EntryConfiguration, Data: AppendConfiguration(nil, voters(n))}
	}
	noop := func(index uint64) Entry { return Entry{Index: index, Term: 2, Kind: EntryNoop} }
	snapshot := SnapshotMeta{Position: Position{9, 2}, Configuration: voters(3)}
	for name, test := range map[string]struct {
		config Config
		want   int
	}{
		"snapshot": {Config{Snapshot: snapshot, ConfigurationIndex: 9, HardState: HardState{Commit: 9}, Tail: []Entry{noop(10), configuration(11, 4)}}, 3},
		"tail":     {Config{Snapshot: snapshot, ConfigurationIndex: 9, HardState: HardState{Commit: 9}, Tail: []Entry{configuration(10, 5), configuration(11, 4)}}, 5},
		"log":      {Config{FirstIndex: 1, ConfigurationIndex: 2, HardState: HardState{Commit: 10}, Tail: []Entry{configuration(11, 4)}}, 3},
		"begin":    {Config{HardState: HardState{Commit: 10}, FirstIndex: 1, Tail: []Entry{configuration(11, 4)}}, 3},
	} {
		config := test.config
		config.ID, config.Configuration, config.HardState.Term, config.Last = 1, voters(3), 2, Position{11, 2}
		s := newSingleFrom(t, config)
		if n := len(s.Configuration().Members); n != 4 || s.ConfigurationIndex() != 11 {
			t.Fatalf("%s: %d members, want 4: the newest in the log is in force", name, n)
		}
		s.receive(AppendRequest{Envelope: from(2, 3), Prev: Position{10, 2}, Entries: []Entry{{Index: 11, Term: 3, Kind: EntryNoop}}})
		if n := len(s.Configuration().Members); n != test.want {
			t.Errorf("%s: %d members after the roll back, want %d", name, n, test.want)
		}
	}
}
