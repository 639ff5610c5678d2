package core

import (
	"bytes"
	"fmt"
	"testing"
)

// Raft §5.3: "The leader appends the command to its log as a new entry, then issues AppendEntries
// RPCs in parallel to each of the other servers." Thesis §10.2.1: it may send before its own write.
func TestLeaderSendsBeforeItsOwnDisk(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	e := s.Step(Propose{Mono: 2000, Commands: [][]byte{[]byte("a"), []byte("b")}})
	if *e.Proposed != (Proposed{First: Position{2, 1}}) {
		t.Fatalf("proposed %+v", *e.Proposed)
	}
	requests := sent[AppendRequest](e.Send)
	if len(requests) != 2 || len(requests[0].Entries) != 2 || requests[0].Prev != (Position{1, 1}) || requests[0].Commit != 1 {
		t.Fatalf("sent %+v, want both entries to both peers at once", e.Send)
	}
	if e.Persist == nil || len(e.Persist.Entries) != 2 || !e.Persist.Sync {
		t.Fatalf("persist %+v, want both entries with a sync", e.Persist)
	}
}

// Raft §5.3: "A log entry is committed once the leader that created the entry has replicated it on a
// majority of the servers." The leader is one of them only once its own disk has the entry.
func TestLeaderCountsItselfAfterItsOwnDisk(t *testing.T) {
	s := newSingle(t, 5, HardState{}, nil)
	s.leadCommitted()
	s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	s.receive(AppendReply{Envelope: from(2, 1), Match: 2})
	s.receive(AppendReply{Envelope: from(3, 1), Match: 2})
	if s.commit != 1 {
		t.Fatal("committed with two of five disks and its own write under way")
	}
	e := s.flush()
	if s.commit != 2 || len(e.Apply) != 1 {
		t.Fatalf("commit %d, apply %+v with three of five disks", s.commit, e.Apply)
	}

	// Others may commit what the leader's own disk does not have yet. It is not applied here before.
	s.Step(Propose{Commands: [][]byte{[]byte("b")}})
	for id := NodeID(2); id <= 4; id++ {
		e = s.receive(AppendReply{Envelope: from(id, 1), Match: 3})
	}
	if s.commit != 3 || len(e.Apply) != 0 {
		t.Fatalf("commit %d, apply %+v; want 3 and nothing applied before the own disk has it", s.commit, e.Apply)
	}
	if e = s.flush(); len(e.Apply) != 1 {
		t.Fatal("not applied once the own disk has it")
	}
}

// Raft figure 8: an entry of an older term on a majority is not committed by counting; it is by an
// entry of the current term that follows it.
func TestFigure8OldTermsAreNotCommittedByCounting(t *testing.T) {
	s := newSingle(t, 5, HardState{Term: 3}, logOf(1, 2))
	s.lead() // term 4, its first entry is 3/4
	s.flush()
	s.receive(AppendReply{Envelope: from(2, 4), Match: 2})
	s.receive(AppendReply{Envelope: from(3, 4), Match: 2})
	s.receive(AppendReply{Envelope: from(4, 4), Match: 2})
	s.receive(AppendReply{Envelope: from(5, 4), Match: 2})
	if s.commit != 0 {
		t.Fatalf("commit %d: an entry of term 2 was committed by counting in term 4", s.commit)
	}
	s.receive(AppendReply{Envelope: from(2, 4), Match: 3})
	s.receive(AppendReply{Envelope: from(3, 4), Match: 3})
	if s.commit != 3 {
		t.Fatalf("commit %d, want 3 with an entry of the current term on a majority", s.commit)
	}
}

// Raft figure 2, AppendEntries: "Reply false if log doesn't contain an entry at prevLogIndex whose
// term matches prevLogTerm." The hint skips whole terms.
func TestFollowerRejectsWhatDoesNotMatch(t *testing.T) {
	log := []uint64{1, 1, 2, 2, 2}
	for _, test := range []struct{ prev, hint Position }{
		{Position{9, 5}, Position{5, 2}},
		{Position{6, 2}, Position{5, 2}},
		{Position{5, 4}, Position{5, 2}},
		{Position{5, 1}, Position{2, 1}},
		{Position{3, 1}, Position{2, 1}},
	} {
		s := newSingle(t, 3, HardState{Term: 6}, logOf(log...))
		e := s.receive(AppendRequest{Envelope: from(2, 6), Prev: test.prev})
		rejects := sent[AppendReject](e.Send)
		if len(rejects) != 1 || rejects[0].Prev != test.prev || rejects[0].Hint != test.hint {
			t.Errorf("prev %s: answered %+v, want a rejection with hint %s", test.prev.text(), e.Send, test.hint.text())
		}
		if s.LastIndex() != 5 {
			t.Errorf("prev %s: a rejected request changed the log", test.prev.text())
		}
	}
}

// Raft §5.3: "If an existing entry conflicts with a new one (same index but different terms), delete
// the existing entry and all that follow it." And only then: a late request must not remove what a
// newer one brought (SCENARIO 18).
func TestOnlyARealConflictTruncates(t *testing.T) {
	entry := func(index, term uint64) Entry {
		return Entry{Index: index, Term: term, Kind: EntryCommand, Time: 100}
	}
	for _, test := range []struct {
		name    string
		prev    Position
		entries []Entry
		last    Position
		match   uint64
		persist int
	}{
		{"all known", Position{1, 1}, []Entry{entry(2, 1), entry(3, 2)}, Position{4, 2}, 3, 0},
		{"empty", Position{2, 1}, nil, Position{4, 2}, 2, 0},
		{"conflict", Position{2, 1}, []Entry{entry(3, 3)}, Position{3, 3}, 3, 1},
		{"conflict behind what is known", Position{2, 1}, []Entry{entry(3, 2), entry(4, 3), entry(5, 3)}, Position{5, 3}, 5, 2},
		{"more", Position{3, 2}, []Entry{entry(4, 2), entry(5, 3)}, Position{5, 3}, 5, 1},
		{"from the beginning", Position{}, []Entry{entry(1, 3)}, Position{1, 3}, 1, 1},
	} {
		s := newSingle(t, 3, HardState{Term: 3}, logOf(1, 1, 2, 2))
		e := s.receive(AppendRequest{Envelope: from(2, 3), Prev: test.prev, Entries: test.entries})
		if s.log.last() != test.last {
			t.Errorf("%s: log ends at %s, want %s", test.name, s.log.last().text(), test.last.text())
		}
		written := 0
		if e.Persist != nil {
			written = len(e.Persist.Entries)
		}
		if written != test.persist {
			t.Errorf("%s: %d entries are written, want %d", test.name, written, test.persist)
		}
		replies := append(sent[AppendReply](e.Send), sent[AppendReply](then(e))...)
		if len(replies) != 1 || replies[0].Match != test.match {
			t.Errorf("%s: replies %+v, want match %d", test.name, replies, test.match)
		}
		if test.persist > 0 && len(sent[AppendReply](e.Send)) != 0 {
			t.Errorf("%s: the reply leaves before the disk has what it attests", test.name)
		}
	}
}

// Raft figure 2: "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last
// new entry)": what follows the last new entry may differ from the leader's log.
func TestFollowerCommitsOnlyWhatTheRequestCovers(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 3}, logOf(1, 1, 2, 2))
	e := s.receive(AppendRequest{Envelope: from(2, 3), Prev: Position{2, 1}, Commit: 4})
	if s.commit != 2 || len(e.Apply) != 2 {
		t.Fatalf("commit %d, applied %d entries; want 2: the rest may be replaced", s.commit, len(e.Apply))
	}
	e = s.receive(HeartbeatRequest{Envelope: from(2, 3), Commit: 1})
	if s.commit != 2 || len(e.Apply) != 0 {
		t.Fatalf("commit %d: it went back", s.commit)
	}
}

// Raft figure 7: whatever the followers' logs are, the leader brings them to its own, in at most one
// rejection per term.
func TestFigure7EveryLogBecomesTheLeaders(t *testing.T) {
	leaderLog := []uint64{1, 1, 1, 4, 4, 5, 5, 6, 6, 6}
	for name, follower := range map[string][]uint64{
		"a": {1, 1, 1, 4, 4, 5, 5, 6, 6},
		"b": {1, 1, 1, 4},
		"c": {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6},
		"d": {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7},
		"e": {1, 1, 1, 4, 4, 4, 4},
		"f": {1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3},
		"g": {},
		"h": {2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3},
	} {
		c := newCluster(t, calmSeed, 3, 0, Config{ElectionTicks: 10, MaxInflightMessages: 256})
		for i, terms := range [][]uint64{leaderLog, follower, leaderLog} {
			n := c.nodes[i]
			n.log = logOf(terms...)
			n.hard.Term = 7
			c.start(n)
		}
		rejections := 0
		c.settle(60, func() bool {
			for _, m := range c.network {
				if _, ok := m.(AppendReject); ok {
					rejections++
				}
			}
			l := c.leader()
			return l != nil && l.id != 2 && l.core.commit == l.core.LastIndex() && c.nodes[1].core.commit == l.core.commit
		})
		l := c.leader()
		if l == nil {
			t.Fatalf("%s: no leader", name)
		}
		if !bytes.Equal(fmt.Append(nil, c.nodes[1].log), fmt.Append(nil, l.log)) {
			t.Errorf("%s: the follower's log did not become the leader's:\n%v\n%v", name, c.nodes[1].log, l.log)
		}
		if rejections > 4 {
			t.Errorf("%s: %d rejections, want whole terms skipped", name, rejections)
		}
	}
}

// SCENARIO 20: a long divergence costs a few rejections, on whichever side the many terms are.
func TestLongDivergenceIsSkippedByTerms(t *testing.T) {
	many := func(prefix int, terms ...uint64) []uint64 {
		log := make([]uint64, 0, 2000)
		for range prefix {
			log = append(log, 1)
		}
		for _, term := range terms {
			for range 300 {
				log = append(log, term)
			}
		}
		return log
	}
	c := newCluster(t, calmSeed, 2, 0, Config{ElectionTicks: 10, MaxInflightMessages: 256})
	for i, terms := range [][]uint64{many(10, 2, 5, 8), many(10, 3, 4, 6, 7)} {
		c.nodes[i].log = logOf(terms...)
		c.nodes[i].hard.Term = 9
		c.start(c.nodes[i])
	}
	c.settle(60, func() bool { return len(c.committed) > 900 })
	rejections := 0
	for _, l := range c.trace {
		if len(l.args) == 3 {
			if r, ok := l.args[2].(Receive); ok {
				if _, ok := r.Message.(AppendReject); ok {
					rejections++
				}
			}
		}
	}
	if len(c.committed) < 900 || rejections > 8 {
		t.Fatalf("%d entries committed after %d rejections, want all within 8", len(c.committed), rejections)
	}
}

// SCENARIO 17: duplicate, reordered and stale answers do no harm.
func TestStaleAnswersDoNotMoveNextBack(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.Step(Propose{Commands: [][]byte{[]byte("a"), []byte("b"), []byte("c")}})
	s.flush()
	s.receive(AppendReply{Envelope: from(2, 1), Match: 4})
	before := s.Progress()[0]
	for _, m := range []Message{
		AppendReply{Envelope: from(2, 1), Match: 2},
		AppendReply{Envelope: from(2, 1), Match: 4},
		AppendReject{Envelope: from(2, 1), Prev: Position{3, 1}, Hint: Position{1, 1}},
		AppendReject{Envelope: from(2, 1), Prev: Position{4, 1}, Hint: Position{}},
		AppendReject{Envelope: from(2, 1), Prev: Position{9, 1}, Hint: Position{}},
		SnapshotReply{Envelope: from(2, 1), Index: 1, Installed: true},
		SnapshotReply{Envelope: from(2, 1), Index: 1, Next: 5},
	} {
		if e := s.receive(m); len(e.Send) != 0 {
			t.Errorf("%T: sends %+v", m, e.Send)
		}
		if p := s.Progress()[0]; p != before {
			t.Errorf("%T %+v: progress went from %+v to %+v", m, m, before, p)
		}
	}
}

// SCENARIO 5 and 17: what was acknowledged to an older leadership counts for nothing, whether it is remembered or arrives
// late. The entries may have been replaced since.
func TestAcknowledgementOfAnOlderLeadershipCountsForNothing(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.Step(Propose{Commands: [][]byte{[]byte("a"), []byte("b")}})
	s.flush()
	s.peer(2).match = 3 // acknowledged in term 1, just as the leadership ended
	s.receive(AppendRequest{Envelope: from(3, 2), Prev: Position{1, 1}, Entries: []Entry{{Index: 2, Term: 2, Kind: EntryNoop, Time: 1e6}}})
	s.flush()
	s.lead() // term 3, whose first entry is 3/3
	s.flush()
	s.receive(AppendReply{Envelope: from(2, 1), Match: 3})
	s.receive(AppendReply{Envelope: from(2, 2), Match: 3})
	if s.commit != 1 || s.Progress()[0].Match != 0 {
		t.Fatalf("commit %d, match %d by acknowledgements of older terms", s.commit, s.Progress()[0].Match)
	}
	if s.receive(AppendReply{Envelope: from(2, 3), Match: 3}); s.commit != 3 {
		t.Fatalf("commit %d after the acknowledgement in the leader's own term", s.commit)
	}
}

// SCENARIO 21: what is under way to a peer is bounded in messages and bytes.
func TestWindowIsBounded(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), MaxInflightMessages: 4, MaxInflightBytes: 1 << 20, MaxAppendBytes: 2000})
	s.leadCommitted()
	sends := 0
	for range 20 {
		e := s.Step(Propose{Commands: [][]byte{[]byte("x")}})
		sends += len(sent[AppendRequest](e.Send))
	}
	if sends != 8 {
		t.Fatalf("%d messages to two peers, want 4 each", sends)
	}
	// An answer makes room, and what has gathered goes as one batch.
	e := s.receive(AppendReply{Envelope: from(2, 1), Match: 2})
	requests := sent[AppendRequest](e.Send)
	if len(requests) != 1 || len(requests[0].Entries) != 16 {
		t.Fatalf("sent %+v, want one batch of the 16 entries that wait", requests)
	}

	s = newSingleFrom(t, Config{ID: 1, Configuration: voters(3), MaxInflightBytes: 1000, MaxAppendBytes: 400, MaxEntryBytes: 10000})
	s.leadCommitted()
	e = s.Step(Propose{Commands: [][]byte{make([]byte, 5000), make([]byte, 100), make([]byte, 100), make([]byte, 100)}})
	if requests = sent[AppendRequest](e.Send); len(requests) != 2 || len(requests[0].Entries) != 1 {
		t.Fatalf("sent %d messages, want one with the large entry alone to each peer", len(requests))
	}
	e = s.receive(AppendReply{Envelope: from(2, 1), Match: 2})
	if requests = sent[AppendRequest](e.Send); len(requests) != 2 || len(requests[0].Entries) != 2 {
		t.Fatalf("sent %d messages of %d entries, want the rest in batches of at most 400 bytes", len(requests), len(requests[0].Entries))
	}
}

// SCENARIO 21 and 22: proposals are bounded, and refused whole before they enter the log.
func TestProposalsAreRefusedWhole(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), MaxEntryBytes: 100, MaxUncommittedBytes: 1000})
	refusal := func(commands ...[]byte) Refusal {
		before := s.LastIndex()
		e := s.Step(Propose{Commands: commands})
		if e.Proposed.Refusal != Accepted && s.LastIndex() != before {
			t.Fatalf("a refused proposal entered the log")
		}
		return e.Proposed.Refusal
	}
	if got := refusal([]byte("x")); got != NotLeader {
		t.Fatalf("follower: %s, want not leader", got.text())
	}
	s.leadCommitted()
	if got := refusal([]byte("x"), make([]byte, 101)); got != TooLarge {
		t.Fatalf("101 bytes: %s, want too large", got.text())
	}
	for range 6 {
		if got := refusal(make([]byte, 100)); got != Accepted {
			t.Fatalf("within the limit: %s", got.text())
		}
	}
	if got := refusal(make([]byte, 100)); got != Overloaded {
		t.Fatalf("beyond the limit: %s, want overloaded", got.text())
	}
	s.flush()
	s.receive(AppendReply{Envelope: from(2, 1), Match: s.LastIndex()})
	if s.Core.lead.uncommitted != 0 {
		t.Fatalf("%d bytes count as uncommitted although everything is committed", s.Core.lead.uncommitted)
	}
	if got := refusal(make([]byte, 100)); got != Accepted {
		t.Fatalf("after the commit: %s", got.text())
	}
	s.Step(Transfer{To: 2})
	if got := refusal([]byte("x")); got != Transferring {
		t.Fatalf("during a transfer: %s, want transferring", got.text())
	}
}

// A peer that lags behind the memory is fed from disk, one read at a time.
func TestLaggingPeerIsFedFromDisk(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), MaxTailBytes: 1, MaxAppendBytes: 300})
	s.leadCommitted()
	for range 10 {
		s.Step(Propose{Commands: [][]byte{make([]byte, 50)}})
	}
	s.flush()
	s.receive(AppendReply{Envelope: from(2, 1), Match: s.LastIndex()})
	s.Step(Applied{Index: s.LastIndex()})
	if len(s.log.entries) != 0 {
		t.Fatalf("%d applied entries stay in memory, the limit is one byte", len(s.log.entries))
	}
	e := s.receive(AppendReject{Envelope: from(3, 1), Prev: Position{6, 1}, Hint: Position{1, 1}})
	if len(e.ReadLog) != 1 {
		t.Fatalf("read log %+v, want one request", e.ReadLog)
	}
	r := e.ReadLog[0]
	if r != (ReadLog{Peer: 3, Term: 1, From: 2, To: 11, MaxBytes: 300}) {
		t.Fatalf("read log %+v", r)
	}
	if e = s.tick(); len(e.ReadLog) != 0 {
		t.Fatal("a second read for the same peer")
	}
	// The disk counts the few bytes of these, memory 64 for each.
	var entries []Entry
	for index := uint64(2); index <= 11; index++ {
		entries = append(entries, Entry{Index: index, Term: 1, Kind: EntryCommand})
	}
	e = s.Step(LogRead{Request: r, PrevTerm: 1, Entries: entries})
	if m := sent[AppendRequest](e.Send); len(m) != 1 || m[0].Prev != (Position{1, 1}) || len(m[0].Entries) != 4 {
		t.Fatalf("sent %+v, want of what was read as much as one request may hold", e.Send)
	}
	e = s.receive(AppendReply{Envelope: from(3, 1), Match: 5})
	if len(e.ReadLog) != 1 || e.ReadLog[0].From != 6 {
		t.Fatalf("read log %+v, want the next", e.ReadLog)
	}
	// The log was compacted meanwhile: only a snapshot helps.
	e = s.Step(LogRead{Request: e.ReadLog[0]})
	if len(e.ReadSnapshot) != 1 || e.ReadSnapshot[0].Peer != 3 {
		t.Fatalf("read snapshot %+v, want one for the peer that the log no longer reaches", e.ReadSnapshot)
	}
}

// After a restart everything known to be committed is applied, from disk where memory has it not.
func TestRestartAppliesWhatIsCommitted(t *testing.T) {
	log := logOf(1, 1, 1, 1, 1)
	s, err := New(Config{ID: 1, Configuration: voters(3), HardState: HardState{Term: 1, Commit: 4}, FirstIndex: 1, Tail: log[3:], Last: Position{5, 1}})
	if err != nil {
		t.Fatal(err)
	}
	e := s.Step(Tick{})
	if len(e.Apply) != 0 || len(e.ReadLog) != 1 || e.ReadLog[0].From != 1 || e.ReadLog[0].To != 4 {
		t.Fatalf("apply %+v, read log %+v; want 1..4 read from disk", e.Apply, e.ReadLog)
	}
	e = s.Step(LogRead{Request: e.ReadLog[0], Entries: log[:2]})
	if len(e.Apply) != 2 || len(e.ReadLog) != 1 || e.ReadLog[0].From != 3 {
		t.Fatalf("apply %+v, read log %+v; want 1..2 applied and the rest read", e.Apply, e.ReadLog)
	}
	e = s.Step(LogRead{Request: e.ReadLog[0], PrevTerm: 1, Entries: log[2:4]})
	if len(e.Apply) != 2 || len(e.ReadLog) != 0 {
		t.Fatalf("apply %+v, read log %+v; want 3..4 applied", e.Apply, e.ReadLog)
	}
}

// A configuration takes effect when it enters the log, and is rolled back with it (Raft §6).
func TestConfigurationFollowsTheLog(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, logOf(1))
	entry := func(index, term uint64, n int) Entry {
		return Entry{Index: index, Term: term, Kind: EntryConfiguration, Data: AppendConfiguration(nil, voters(n))}
	}
	s.receive(AppendRequest{Envelope: from(2, 2), Prev: Position{1, 1}, Entries: []Entry{entry(2, 2, 4), entry(3, 2, 5)}, Commit: 1})
	if n := len(s.Configuration().Members); n != 5 || s.ConfigurationIndex() != 3 || len(s.peers) != 5 {
		t.Fatalf("%d members from %d, want 5 from 3", n, s.ConfigurationIndex())
	}
	s.receive(AppendRequest{Envelope: from(3, 3), Prev: Position{2, 2}, Entries: []Entry{{Index: 3, Term: 3, Kind: EntryNoop}}, Commit: 2})
	if n := len(s.Configuration().Members); n != 4 || s.ConfigurationIndex() != 2 {
		t.Fatalf("%d members from %d after the truncation, want 4 from 2", n, s.ConfigurationIndex())
	}
	if len(s.memberships) != 1 {
		t.Fatalf("%d configurations are kept, want only the committed one", len(s.memberships))
	}
}

// A state machine that does not keep up costs bounded memory: it gets a window at a time, the log
// before it stays on disk, and a leader takes on no more.
func TestSlowStateMachineIsBounded(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(1), MaxTailBytes: 1000, MaxUnappliedBytes: 1000})
	s.leadCommitted()
	handed, refused := 0, false
	for range 100 {
		e := s.Step(Propose{Commands: [][]byte{make([]byte, 100)}})
		refused = refused || e.Proposed.Refusal == Overloaded
		handed += sizeOf(s.flush().Apply)
	}
	if !refused || handed > 1000+164 || s.log.bytes > 1000+164 {
		t.Fatalf("refused %t, %d bytes handed out, %d in memory; the limits are 1000 each", refused, handed, s.log.bytes)
	}
	for s.apply.applied < s.commit {
		e := s.Step(Applied{Index: s.apply.delivered})
		for _, r := range e.ReadLog {
			t.Fatalf("read log %+v: these entries are in memory", r)
		}
	}
	if e := s.Step(Propose{Commands: [][]byte{[]byte("a")}}); e.Proposed.Refusal != Accepted {
		t.Fatalf("%s although everything is applied", e.Proposed.Refusal.text())
	}

	// A follower goes on storing, and reads from disk what it could not hand out in time.
	f := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), HardState: HardState{Term: 1}, MaxTailBytes: 1000, MaxUnappliedBytes: 1000})
	for i := range uint64(100) {
		prev := Position{Index: i, Term: min(i, 1)}
		f.receive(AppendRequest{Envelope: from(2, 1), Prev: prev, Commit: i + 1, Entries: []Entry{{Index: i + 1, Term: 1, Kind: EntryCommand, Data: make([]byte, 100)}}})
		f.flush()
	}
	if f.commit != 100 || f.log.bytes > 1000 {
		t.Fatalf("commit %d, %d bytes in memory", f.commit, f.log.bytes)
	}
	e := f.Step(Applied{Index: f.apply.delivered})
	if len(e.ReadLog) != 1 || e.ReadLog[0].Peer != None || e.ReadLog[0].From != f.apply.delivered+1 {
		t.Fatalf("read log %+v, want what comes after %d", e.ReadLog, f.apply.delivered)
	}
}

// After a restart the term at the commit index may not be known in memory. It matches any leader's
// log, and as a leader the node reads it from disk.
func TestUnknownTermAtTheCommitIndex(t *testing.T) {
	start := func() *single {
		return newSingleFrom(t, Config{
			ID: 1, Configuration: voters(3), HardState: HardState{Term: 4, Commit: 2}, FirstIndex: 1,
			Tail: []Entry{{Index: 3, Term: 3, Kind: EntryNoop}}, Last: Position{3, 3},
		})
	}
	s := start()
	e := s.receive(AppendRequest{Envelope: from(2, 4), Prev: Position{3, 2}})
	if m := sent[AppendReject](e.Send); len(m) != 1 || m[0].Hint != (Position{2, 2}) {
		t.Fatalf("answered %+v, want a rejection with hint 2/2", e.Send)
	}
	s.receive(AppendRequest{Envelope: from(2, 4), Prev: Position{2, 2}, Entries: []Entry{{Index: 3, Term: 4, Kind: EntryNoop}}})
	if s.log.last() != (Position{3, 4}) {
		t.Fatalf("last %s, want the leader's entry after the commit index", s.log.last().text())
	}

	s = start()
	s.lead()
	s.flush()
	e = s.receive(AppendReject{Envelope: from(2, 5), Prev: Position{3, 3}, Hint: Position{2, 2}})
	if len(e.ReadLog) != 1 || e.ReadLog[0].From != 3 || e.ReadLog[0].To != 3 {
		t.Fatalf("read log %+v, want entry 3 for the term before it", e.ReadLog)
	}
	e = s.Step(LogRead{Request: e.ReadLog[0], PrevTerm: 2, Entries: []Entry{{Index: 3, Term: 3, Kind: EntryNoop}}})
	if m := sent[AppendRequest](e.Send); len(m) != 1 || m[0].Prev != (Position{2, 2}) {
		t.Fatalf("sent %+v, want a probe at 2/2", e.Send)
	}
}

// A divergence that lies before the memory is found by doubling steps, not entry by entry.
func TestDivergenceBeforeTheMemory(t *testing.T) {
	s := newSingleFrom(t, Config{
		ID: 1, Configuration: voters(3), HardState: HardState{Term: 9, Commit: 1000}, FirstIndex: 1,
		Tail: []Entry{{Index: 1000, Term: 9, Kind: EntryNoop}}, Last: Position{1000, 9},
	})
	for s.apply.delivered < 1000 { // what is committed is read to be applied first
		r := s.askedLog[0]
		var entries []Entry
		for i := r.From; i <= r.To; i++ {
			entries = append(entries, Entry{Index: i, Term: min(i, 9), Kind: EntryNoop})
		}
		s.Step(LogRead{Request: r, PrevTerm: min(r.From-1, 9), Entries: entries})
	}
	s.lead()
	s.flush()
	// The follower has 1200 entries of term 8, and the leader entries of term 9 almost all the way down.
	e := s.receive(AppendReject{Envelope: from(2, 10), Prev: Position{1000, 9}, Hint: Position{1000, 8}})
	probes := 0
	for range 100 {
		if len(e.ReadLog) == 0 {
			break
		}
		probes++
		r := e.ReadLog[0]
		if r.From <= 9 {
			break
		}
		prev := Position{r.From - 1, min(r.From-1, 9)}
		s.Step(LogRead{Request: r, PrevTerm: prev.Term, Entries: []Entry{{Index: r.From, Term: min(r.From, 9), Kind: EntryNoop}}})
		e = s.receive(AppendReject{Envelope: from(2, 10), Prev: prev, Hint: Position{prev.Index, 8}})
	}
	if probes == 0 || probes > 12 {
		t.Fatalf("%d probes to find the divergence, want about the logarithm of its length", probes)
	}
}
