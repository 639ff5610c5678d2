package core

import "testing"

// SCENARIO 5, ABA: an acknowledgement names only a sequence number. A write that was replaced since
// attests nothing beyond what both have in common.
func TestAcknowledgementOfAReplacedWriteCountsForNothing(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, logOf(1))
	old := s.receive(AppendRequest{Envelope: from(2, 2), Prev: Position{1, 1}, Entries: []Entry{
		{Index: 2, Term: 2, Kind: EntryNoop}, {Index: 3, Term: 2, Kind: EntryCommand}, {Index: 4, Term: 2, Kind: EntryCommand},
	}})
	replaced := s.receive(AppendRequest{Envelope: from(3, 3), Prev: Position{2, 2}, Entries: []Entry{
		{Index: 3, Term: 3, Kind: EntryNoop}, {Index: 4, Term: 3, Kind: EntryCommand},
	}, Commit: 4})
	e := s.Step(Persisted{Seq: old.Persist.Seq})
	if s.Durable() != 2 {
		t.Fatalf("durable %d after the write of term 2, want 2: entries 3 and 4 are others now", s.Durable())
	}
	if len(e.Apply) != 1 || e.Apply[0].Index != 2 {
		t.Fatalf("apply %+v, want entry 2 alone: 3 and 4 are committed, but not durable here", e.Apply)
	}
	e = s.Step(Persisted{Seq: replaced.Persist.Seq})
	if s.Durable() != 4 || len(e.Apply) != 2 {
		t.Fatalf("durable %d, %d applied after the write of term 3", s.Durable(), len(e.Apply))
	}
}

// The same for a leader that lost its term and won another: only what its newest log has counts.
func TestOwnAcknowledgementFromAnOlderLeadershipDoesNotCommit(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.lead() // 1/1 is being written
	first := s.disk.seq
	s.receive(AppendRequest{Envelope: from(2, 2), Entries: []Entry{{Index: 1, Term: 2, Kind: EntryNoop}}})
	s.Step(Persisted{Seq: first})
	if s.Durable() != 0 {
		t.Fatalf("durable %d, want 0: the disk has 1/1, the log 1/2", s.Durable())
	}
}

// SCENARIO 1: a reply that attests entries which are still being written waits with an empty Persist.
func TestRepeatedRequestWaitsForTheWriteUnderWay(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, nil)
	m := AppendRequest{Envelope: from(2, 1), Entries: []Entry{{Index: 1, Term: 1, Kind: EntryNoop}}}
	s.receive(m)
	e := s.receive(m)
	if len(e.Send) != 0 || len(sent[AppendReply](then(e))) != 1 || e.Persist.Sync || len(e.Persist.Entries) != 0 {
		t.Fatalf("send %+v, persist %+v; want the reply to wait with an empty persist", e.Send, e.Persist)
	}
	s.flush()
	e = s.receive(m)
	if len(e.Send) != 1 || e.Persist != nil {
		t.Fatalf("send %+v, persist %+v; want the reply at once, everything is durable", e.Send, e.Persist)
	}
}

// SCENARIO 2 and 3: a candidate's vote for itself counts once it is durable.
func TestOwnVoteCountsAfterTheDisk(t *testing.T) {
	s := newSingle(t, 5, HardState{}, nil)
	s.stand()
	s.receive(VoteReply{Envelope: from(2, 1), Granted: true})
	s.receive(VoteReply{Envelope: from(3, 1), Granted: true})
	s.wantRole(Candidate, 1)
	s.flush()
	s.wantRole(Leader, 1)
}

// An acknowledgement of an earlier write does not make the vote durable.
func TestEarlierWriteDoesNotCountTheOwnVote(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, nil)
	e := s.receive(AppendRequest{Envelope: from(2, 1), Entries: []Entry{{Index: 1, Term: 1, Kind: EntryNoop}}})
	s.stand()
	s.receive(VoteReply{Envelope: from(2, 2)})
	s.Step(Persisted{Seq: e.Persist.Seq})
	if s.self().granted {
		t.Fatal("the vote counts before it is durable")
	}
	s.flush()
	if !s.self().granted {
		t.Fatal("the vote does not count although it is durable")
	}
}

// A newer term that was only heard of must be durable before anything is said in it.
func TestNothingIsSaidInATermThatIsNotDurable(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, logOf(1))
	for _, m := range []Message{
		HeartbeatRequest{Envelope: from(2, 5)},
		AppendRequest{Envelope: from(2, 5), Prev: Position{9, 4}},
		AppendRequest{Envelope: from(2, 5), Prev: Position{1, 1}},
		SnapshotChunk{Envelope: from(2, 5), Meta: SnapshotMeta{Position: Position{9, 4}}, Size: 4, Data: []byte("ab"), Checksum: Checksum([]byte("ab"))},
		VoteRequest{Envelope: from(3, 4)},
	} {
		if e := s.receive(m); len(e.Send) != 0 || len(then(e)) != 1 {
			t.Errorf("%T: send %+v, then %+v; want one answer that waits for the term", m, e.Send, then(e))
		}
	}
	s.flush()
	if e := s.receive(HeartbeatRequest{Envelope: from(2, 5)}); len(e.Send) != 1 {
		t.Errorf("the term is durable: send %+v", e.Send)
	}
}

// SCENARIO 3: a vote in a term that is durable already owes a sync of its own.
func TestVoteInAKnownTermIsSyncedBeforeTheReply(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, logOf(1))
	s.receive(VoteRequest{Envelope: from(3, 2)}) // refused, but the term is news
	s.flush()
	if s.term != 2 || s.vote != None {
		t.Fatalf("term %d, vote %d", s.term, s.vote)
	}
	e := s.receive(VoteRequest{Envelope: from(2, 2), Last: Position{1, 1}})
	if len(e.Send) != 0 || e.Persist == nil || !e.Persist.Sync || e.Persist.HardState.Vote != 2 {
		t.Fatalf("send %+v, persist %+v; want the vote written and synced first", e.Send, e.Persist)
	}
	if replies := sent[VoteReply](then(e)); len(replies) != 1 || !replies[0].Granted {
		t.Fatalf("then %+v, want the vote", then(e))
	}
}

// SCENARIO 4: a moved commit index alone owes no sync, and reaches the disk all the same.
func TestCommitAloneOwesNoSync(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, logOf(1))
	s.receive(HeartbeatRequest{Envelope: from(2, 1), Commit: 1})
	written := false
	for range 2 * s.config.ElectionTicks {
		s.receive(HeartbeatRequest{Envelope: from(2, 1)})
		if p := s.tick().Persist; p != nil {
			if p.Sync || p.HardState.Commit != 1 {
				t.Fatalf("persist %+v, want the commit index without a sync", p)
			}
			written = true
		}
	}
	if !written {
		t.Fatal("the commit index never reaches the disk of an idle node")
	}
}

// Seq has no gaps, and every Persist carries the whole hard state.
func TestPersistsAreNumberedWithoutGaps(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	var seqs []uint64
	note := func(e Effects) {
		if e.Persist != nil {
			seqs = append(seqs, e.Persist.Seq)
			if e.Persist.HardState.Term != s.term {
				t.Fatalf("persist %+v lacks the term", e.Persist)
			}
		}
	}
	note(s.stand())
	note(s.receive(AppendRequest{Envelope: from(2, 1), Entries: []Entry{{Index: 1, Term: 1, Kind: EntryNoop}}}))
	note(s.receive(VoteRequest{Envelope: from(3, 2), Last: Position{9, 1}, Transfer: true}))
	for i, seq := range seqs {
		if seq != uint64(i+1) {
			t.Fatalf("sequence numbers %v, want no gaps from 1", seqs)
		}
	}
	if len(seqs) != 3 {
		t.Fatalf("%d persists, want 3", len(seqs))
	}
}

// Log time: anchored to the lower median of the voters' clocks and to the last stamp, then driven by
// the leader's monotonic clock alone.
func TestLogTimeIsAnchoredToTheMedian(t *testing.T) {
	for _, test := range []struct {
		name  string
		walls []int64 // own, then of node 2, 3...
		log   []Entry
		want  int64
	}{
		{"one clock jumped ahead", []int64{5000, 9e15, 5100}, nil, 5100},
		{"one clock fell back", []int64{5000, 1, 5100}, nil, 5000},
		{"even count: the lower median", []int64{5000, 9e15}, nil, 5000},
		{"the log is ahead of all clocks", []int64{5000, 5100, 5200}, []Entry{{Index: 1, Term: 1, Kind: EntryNoop, Time: 7000}}, 7000},
		{"a voter that has not been told the time", []int64{5000, 0}, nil, 5000},
	} {
		n := 2*len(test.walls) - 1
		s := newSingle(t, n, HardState{}, test.log)
		s.stand()
		s.Step(Tick{Mono: 2000, Wall: test.walls[0]})
		s.flush()
		var e Effects
		for i, wall := range test.walls[1:] {
			e = s.receive(VoteReply{Envelope: from(NodeID(i+2), s.term), Granted: true, Wall: wall})
		}
		if n == 1 {
			continue
		}
		s.wantRole(Leader, s.term)
		if e.Status == nil || e.Status.ClockOffset != test.want-2000 {
			t.Errorf("%s: status %+v, want clock offset %d", test.name, e.Status, test.want-2000)
			continue
		}
		if got := e.Persist.Entries[0].Time; got != test.want {
			t.Errorf("%s: first stamp %d, want %d", test.name, got, test.want)
		}
		// A wall clock that jumps moves nothing; the monotonic one that stands still neither.
		s.Step(Tick{Mono: 2010, Wall: 1})
		e = s.Step(Propose{Mono: 2025, Commands: [][]byte{[]byte("a")}})
		if got := e.Persist.Entries[0].Time; got != test.want+25 {
			t.Errorf("%s: stamp %d after 25 ms, want %d", test.name, got, test.want+25)
		}
		e = s.Step(Propose{Mono: 2003, Commands: [][]byte{[]byte("b")}})
		if got := e.Persist.Entries[0].Time; got != test.want+25 {
			t.Errorf("%s: stamp %d, want no step back from %d", test.name, got, test.want+25)
		}
	}
}

// P4: a restarted node whose log is all committed does not stand for election before it has read the
// last stamp, whatever its clock says.
func TestNoCampaignBeforeTheLastStampIsKnown(t *testing.T) {
	log := []Entry{{Index: 1, Term: 1, Kind: EntryNoop, Time: 8000}, {Index: 2, Term: 1, Kind: EntryNoop, Time: 9000}}
	c, err := New(Config{ID: 1, Configuration: voters(1), HardState: HardState{Term: 1, Commit: 2}, FirstIndex: 1, Last: Position{2, 1}})
	if err != nil {
		t.Fatal(err)
	}
	s := &single{t: t, Core: c}
	e := s.Step(Tick{Mono: 1, Wall: 1})
	request := e.ReadLog[0]
	for range 50 {
		s.Step(Tick{Mono: 1, Wall: 1})
	}
	s.wantRole(Follower, 1)
	s.Step(LogRead{Request: request, Entries: log})
	for s.role != Candidate {
		s.Step(Tick{Mono: 1, Wall: 1})
	}
	e = s.flush()
	s.wantRole(Leader, 2)
	if got := e.Persist.Entries[0].Time; got != 9000 {
		t.Fatalf("first stamp %d, want 9000: the last in the log", got)
	}
}
