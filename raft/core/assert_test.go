package core

import (
	"math"
	"testing"
)

// A driver that breaks the order is stopped, by a panic that says whose fault it is.
func TestDriverErrorsTripAsserts(t *testing.T) {
	follower := func() *single { return newSingle(t, 3, HardState{Term: 1}, logOf(1)) }
	for name, f := range map[string]func(){
		"persisted before it was handed out": func() { follower().Step(Persisted{Seq: 1}) },
		"persisted twice": func() {
			s := follower()
			s.receive(HeartbeatRequest{Envelope: from(2, 2)})
			s.Step(Persisted{Seq: 1})
			s.Step(Persisted{Seq: 1})
		},
		"applied what was not handed out":      func() { follower().Step(Applied{Index: 1}) },
		"log read that was not asked for":      func() { follower().Step(LogRead{Request: ReadLog{Peer: 2, From: 1}}) },
		"snapshot read that was not asked for": func() { follower().Step(SnapshotRead{Request: ReadSnapshot{Peer: 2}}) },
		"installed what was not asked for":     func() { follower().Step(SnapshotInstalled{Index: 3, OK: true}) },
		"snapshot of what was not applied":     func() { follower().Step(SnapshotTaken{Meta: SnapshotMeta{Position: Position{1, 1}}}) },
		"unknown input":                        func() { follower().Step(nil) },
		"unknown message":                      func() { follower().receive(&HeartbeatRequest{Envelope: from(2, 1)}) },
		"log read that answers something else": func() {
			c, err := New(Config{ID: 1, Configuration: voters(3), HardState: HardState{Term: 1, Commit: 3}, FirstIndex: 1, Last: Position{3, 1}})
			if err != nil {
				t.Fatal(err)
			}
			e := c.Step(Tick{})
			c.Step(LogRead{Request: e.ReadLog[0], Entries: logOf(1, 1, 1)[1:]})
		},
		"log that does not reach back": func() {
			c, err := New(Config{ID: 1, Configuration: voters(3), HardState: HardState{Term: 1, Commit: 3}, FirstIndex: 1, Last: Position{3, 1}})
			if err != nil {
				t.Fatal(err)
			}
			c.Step(LogRead{Request: c.Step(Tick{}).ReadLog[0]})
		},
		"a leader that replaces what is committed": func() {
			s := newSingle(t, 3, HardState{Term: 1, Commit: 1}, logOf(1, 1))
			s.receive(AppendRequest{Envelope: from(2, 2), Entries: []Entry{{Index: 1, Term: 2, Kind: EntryNoop}}})
		},
		"a leader that lacks what is committed": func() {
			s := newSingle(t, 3, HardState{Term: 3, Commit: 2}, logOf(1, 1))
			s.receive(AppendRequest{Envelope: from(2, 3), Prev: Position{2, 2}})
		},
	} {
		t.Run(name, func(t *testing.T) { wantBug(t, f) })
	}
}

// What no correct peer sends is dropped and counted. It never stops a node (P6).
func TestIllegalMessagesAreDropped(t *testing.T) {
	noop := func(index, term uint64) Entry { return Entry{Index: index, Term: term, Kind: EntryNoop} }
	follow := map[string]Message{
		"not for this node":           HeartbeatRequest{Envelope: Envelope{From: 2, To: 3, Term: 1}},
		"from this node":              HeartbeatRequest{Envelope: Envelope{From: 1, To: 1, Term: 1}},
		"from nobody":                 HeartbeatRequest{Envelope: Envelope{To: 1, Term: 1}},
		"a term beyond all elections": HeartbeatRequest{Envelope: from(3, math.MaxUint64)},
		"a second leader":             HeartbeatRequest{Envelope: from(3, 1)},
		"gap":                         AppendRequest{Envelope: from(2, 1), Prev: Position{1, 1}, Entries: []Entry{noop(3, 1)}},
		"falling terms":               AppendRequest{Envelope: from(2, 3), Prev: Position{1, 1}, Entries: []Entry{noop(2, 3), noop(3, 2)}},
		"term of the future":          AppendRequest{Envelope: from(2, 1), Prev: Position{1, 1}, Entries: []Entry{noop(2, 2)}},
		"no term":                     AppendRequest{Envelope: from(2, 1), Entries: []Entry{noop(1, 0)}},
		"falling time":                AppendRequest{Envelope: from(2, 1), Prev: Position{1, 1}, Entries: []Entry{{Index: 2, Term: 1, Kind: EntryNoop, Time: 5}, noop(3, 1)}},
		"unknown kind":                AppendRequest{Envelope: from(2, 1), Prev: Position{1, 1}, Entries: []Entry{{Index: 2, Term: 1, Kind: 99}}},
		"broken configuration":        AppendRequest{Envelope: from(2, 1), Prev: Position{1, 1}, Entries: []Entry{{Index: 2, Term: 1, Kind: EntryConfiguration, Data: []byte{9}}}},
		"position 0 with a term":      AppendRequest{Envelope: from(2, 1), Prev: Position{0, 1}},
		"overflow":                    AppendRequest{Envelope: from(2, 1), Prev: Position{math.MaxUint64, 1}, Entries: []Entry{noop(0, 1)}},
		"commit beyond the log":       HeartbeatRequest{Envelope: from(2, 1), Commit: 99},
		"snapshot of nothing":         SnapshotChunk{Envelope: from(2, 1)},
		"snapshot beyond every log":   SnapshotChunk{Envelope: from(2, 1), Meta: SnapshotMeta{Position: Position{math.MaxUint64, 1}}},
		"snapshot of the future":      SnapshotChunk{Envelope: from(2, 1), Meta: SnapshotMeta{Position: Position{9, 9}}},
		"piece beyond the end":        SnapshotChunk{Envelope: from(2, 1), Meta: SnapshotMeta{Position: Position{9, 1}}, Size: 2, Offset: 1, Data: []byte("ab")},
		"negative offset":             SnapshotChunk{Envelope: from(2, 1), Meta: SnapshotMeta{Position: Position{9, 1}}, Size: 2, Offset: math.MinInt64, Data: []byte("ab")},
		"negative size":               SnapshotChunk{Envelope: from(2, 1), Meta: SnapshotMeta{Position: Position{9, 1}}, Size: math.MinInt64},
		"unsorted snapshot members":   SnapshotChunk{Envelope: from(2, 1), Meta: SnapshotMeta{Position: Position{9, 1}, Configuration: Configuration{Members: []Member{{ID: 2}, {ID: 1}}}}},
	}
	for name, m := range follow {
		s := newSingle(t, 3, HardState{Term: 1}, logOf(1))
		s.receive(HeartbeatRequest{Envelope: from(2, 1)})
		e := s.receive(m)
		if s.Illegal() != 1 || s.LastIndex() != 1 || s.commit != 0 || len(e.WriteSnapshot) != 0 {
			t.Errorf("%s: counted %d, last %d, commit %d", name, s.Illegal(), s.LastIndex(), s.commit)
		}
	}
	for name, m := range map[string]Message{
		"another leader":             AppendRequest{Envelope: from(2, 1)},
		"another leader's heartbeat": HeartbeatRequest{Envelope: from(2, 1)},
		"another leader's snapshot":  SnapshotChunk{Envelope: from(2, 1)},
		"summons to the leader":      TimeoutNow{Envelope: from(2, 1)},
		"match beyond the log":       AppendReply{Envelope: from(2, 1), Match: 99},
		"install beyond the log":     SnapshotReply{Envelope: from(2, 1), Index: 99, Installed: true},
	} {
		s := newSingle(t, 3, HardState{}, nil)
		s.leadCommitted()
		s.receive(m)
		s.wantRole(Leader, 1)
		if s.Illegal() != 1 || s.Progress()[0].Match > s.LastIndex() {
			t.Errorf("%s: counted %d", name, s.Illegal())
		}
	}
	// Odd, but not worth counting: they must only do no harm.
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	for _, m := range []Message{
		AppendReject{Envelope: from(2, 1), Prev: Position{2, 1}, Hint: Position{math.MaxUint64, math.MaxUint64}},
		AppendReject{Envelope: from(2, 1), Prev: Position{math.MaxUint64, 1}},
		SnapshotReply{Envelope: from(2, 1), Next: math.MinInt64},
		AppendReply{Envelope: from(77, 1), Match: 1},
		HeartbeatReply{Envelope: from(77, 1)},
		PreVoteReply{Envelope: from(77, 2), Granted: true},
	} {
		s.receive(m)
	}
	s.wantRole(Leader, 1)
}

// New refuses what does not fit together, and says what.
func TestNewRefuses(t *testing.T) {
	good := Config{ID: 1, Configuration: voters(3), HardState: HardState{Term: 2, Commit: 2}, FirstIndex: 1, Tail: logOf(1, 1, 2), Last: Position{3, 2}}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no id":                     func(c *Config) { c.ID = None },
		"unsorted members":          func(c *Config) { c.Configuration.Members[0].ID = 9 },
		"negative limit":            func(c *Config) { c.MaxAppendBytes = -1 },
		"heartbeats too rare":       func(c *Config) { c.HeartbeatTicks = 10 },
		"commit beyond the log":     func(c *Config) { c.HardState.Commit = 4 },
		"snapshot beyond the log":   func(c *Config) { c.Snapshot.Position = Position{4, 2} },
		"term older than the log":   func(c *Config) { c.HardState.Term = 1 },
		"gap after the snapshot":    func(c *Config) { c.FirstIndex = 2 },
		"gap before the tail":       func(c *Config) { c.HardState.Commit = 1; c.Tail = c.Tail[2:] },
		"no tail":                   func(c *Config) { c.Tail = nil },
		"tail ends elsewhere":       func(c *Config) { c.Last = Position{3, 1} },
		"gap in the tail":           func(c *Config) { c.Tail = append(logOf(1), Entry{Index: 3, Term: 2, Kind: EntryNoop}) },
		"configuration that may go": func(c *Config) { c.ConfigurationIndex = 3 },
	} {
		bad := good
		bad.Configuration = voters(3)
		change(&bad)
		if _, err := New(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
