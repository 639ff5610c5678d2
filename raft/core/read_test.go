package core

import (
	"slices"
	"testing"
)

// Thesis §6.4, step 1: "If the leader has not yet marked an entry from its current term committed, it
// waits until it has done so."
func TestReadWaitsForTheFirstCommit(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, logOf(1, 1))
	s.lead()
	e := s.Step(Read{ID: 7})
	s.receive(HeartbeatReply{Envelope: from(2, 2), Round: s.round})
	if len(e.Reads) != 0 || len(e.Send) != 0 {
		t.Fatalf("reads %+v, send %+v before the leader knows what is committed", e.Reads, e.Send)
	}
	s.flush()
	e = s.receive(AppendReply{Envelope: from(2, 2), Match: 3})
	if len(sent[HeartbeatRequest](e.Send)) != 1 || len(e.Reads) != 0 {
		t.Fatalf("send %+v, reads %+v; want a round to begin", e.Send, e.Reads)
	}
	e = s.receive(HeartbeatReply{Envelope: from(2, 2), Round: s.round})
	if !slices.Equal(e.Reads, []ReadResult{{ID: 7, Index: 3}}) {
		t.Fatalf("reads %+v, want 7 at index 3", e.Reads)
	}
}

// Thesis §6.4, step 3: the leader must know that nobody led after the reads came in. An answer to a
// request that was sent before them proves nothing.
func TestReadNeedsAnAnswerToALaterRequest(t *testing.T) {
	s := newSingle(t, 5, HardState{}, nil)
	s.leadCommitted()
	s.Step(Read{ID: 1})
	old := s.round
	s.receive(HeartbeatReply{Envelope: from(2, 1), Round: old})
	s.receive(HeartbeatReply{Envelope: from(3, 1), Round: old}) // confirms read 1
	s.Step(Read{ID: 2})
	for _, m := range []Message{
		HeartbeatReply{Envelope: from(4, 1), Round: old},
		HeartbeatReply{Envelope: from(5, 1), Round: old},
		HeartbeatReply{Envelope: from(2, 1), Round: s.round},
		HeartbeatReply{Envelope: from(2, 1), Round: s.round},
		AppendReply{Envelope: from(3, 1), Match: 1, Round: old},
	} {
		if e := s.receive(m); len(e.Reads) != 0 {
			t.Fatalf("%+v confirms a read that came in later", m)
		}
	}
	if e := s.receive(AppendReply{Envelope: from(3, 1), Match: 1, Round: s.round}); len(e.Reads) != 1 {
		t.Fatal("an answer to an append that left after the read does not confirm it")
	}
}

// A round that no peer was asked in cannot be confirmed by claiming it.
func TestReadRoundIsNotTakenFromTheFuture(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.receive(HeartbeatReply{Envelope: from(2, 1), Round: 1 << 60})
	if e := s.Step(Read{ID: 1}); len(e.Reads) != 0 {
		t.Fatal("a read was confirmed by an answer that came before it")
	}
}

// Reads that come during a round share the next one, and each is answered once.
func TestReadsShareRounds(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	rounds := 0
	var answered []uint64
	note := func(e Effects) {
		rounds += len(sent[HeartbeatRequest](e.Send))
		for _, r := range e.Reads {
			answered = append(answered, r.ID)
		}
	}
	for id := range uint64(100) {
		note(s.Step(Read{ID: id}))
	}
	for range 3 {
		note(s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round}))
	}
	if rounds != 2 {
		t.Errorf("%d rounds for a hundred reads, want 2: the first read's and one for the rest", rounds)
	}
	if len(answered) != 100 || !slices.IsSorted(answered) {
		t.Errorf("answered %v, want each once in order", answered)
	}
}

// A single voter answers at once, a follower refuses at once, and the number that waits is bounded.
func TestReadAtTheEdges(t *testing.T) {
	s := newSingle(t, 1, HardState{}, nil)
	if e := s.Step(Read{ID: 1}); !slices.Equal(e.Reads, []ReadResult{{ID: 1, Refusal: NotLeader}}) {
		t.Fatalf("follower: %+v", e.Reads)
	}
	s.leadCommitted()
	if e := s.Step(Read{ID: 2}); !slices.Equal(e.Reads, []ReadResult{{ID: 2, Index: 1}}) {
		t.Fatalf("single voter: %+v", e.Reads)
	}
	s = newSingleFrom(t, Config{ID: 1, Configuration: voters(3), MaxWaitingReads: 3})
	s.leadCommitted()
	for id := range uint64(3) {
		s.Step(Read{ID: id})
	}
	if e := s.Step(Read{ID: 3}); !slices.Equal(e.Reads, []ReadResult{{ID: 3, Refusal: Overloaded}}) {
		t.Fatalf("beyond the limit: %+v", e.Reads)
	}
	e := s.receive(HeartbeatRequest{Envelope: from(2, 9)})
	if len(e.Reads) != 3 {
		t.Fatalf("%d reads are refused when leadership ends, want all 3", len(e.Reads))
	}
	for _, r := range e.Reads {
		if r.Refusal != NotLeader {
			t.Fatalf("%+v, want refused", r)
		}
	}
}

// A learner's answer confirms nothing.
func TestLearnersDoNotConfirmReads(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: Configuration{Members: []Member{{ID: 1, Voter: true}, {ID: 2, Voter: true}, {ID: 3}}}})
	s.leadCommitted()
	s.Step(Read{ID: 1})
	if e := s.receive(HeartbeatReply{Envelope: from(3, 1), Round: s.round}); len(e.Reads) != 0 {
		t.Fatal("confirmed by a learner")
	}
	if e := s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round}); len(e.Reads) != 1 {
		t.Fatal("not confirmed by the other voter")
	}
}

// A round asks no more members than it needs, those first that answered last; whom it asked in vain stands back as soon as
// another has answered.
func TestReadRoundAsksWhoAnswers(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(5), HeartbeatTicks: 10, ElectionTicks: 50})
	s.leadCommitted()
	asked := func(e Effects) (peers []NodeID) {
		for _, m := range sent[HeartbeatRequest](e.Send) {
			peers = append(peers, m.To)
		}
		return peers
	}
	first := asked(s.Step(Read{ID: 1}))
	if len(first) != 2 {
		t.Fatalf("asked %v, want two of four: they and the leader are a majority", first)
	}
	if e := s.Step(Tick{}); len(asked(e)) != 0 {
		t.Fatalf("asked %v again at once", asked(e))
	}
	if again := asked(s.Step(Tick{})); len(again) != 4 {
		t.Fatalf("asked %v when two ticks had passed without an answer, want everybody", again)
	}
	s.receive(HeartbeatReply{Envelope: from(4, 1), Round: s.round})
	if e := s.receive(HeartbeatReply{Envelope: from(5, 1), Round: s.round}); len(e.Reads) != 1 {
		t.Fatalf("reads %+v; want the read confirmed", e.Reads)
	}
	if next := asked(s.Step(Read{ID: 2})); !slices.Equal(next, []NodeID{4, 5}) {
		t.Fatalf("asked %v, want those that answered", next)
	}
}

// Heartbeats go on to those whom the rounds pass over: they would stand for election otherwise.
func TestReadRoundsLeaveNobodyWithoutHeartbeats(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), HeartbeatTicks: 5, ElectionTicks: 50})
	s.leadCommitted()
	heartbeats := 0
	for id := range uint64(4 * uint64(s.config.HeartbeatTicks)) {
		e := s.Step(Read{ID: id})
		e.Send = append(e.Send, s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round}).Send...)
		e.Send = append(e.Send, s.Step(Tick{}).Send...)
		for _, m := range sent[HeartbeatRequest](e.Send) {
			if m.To == 3 {
				heartbeats++
			}
		}
	}
	if heartbeats < 4 {
		t.Fatalf("%d heartbeats in four intervals to the follower that no round asked", heartbeats)
	}
}

// A member that asks for a round is asked in it, whoever else is: so it learns what is committed before it hears its read index,
// and need not wait for a heartbeat to serve its reads. A learner too.
func TestWhoWaitsForARoundIsToldWhatIsCommitted(t *testing.T) {
	for _, asker := range []NodeID{3, 4} {
		configuration := voters(3)
		configuration.Members = append(configuration.Members, Member{ID: 4, Address: "d"})
		s := newSingleFrom(t, Config{ID: 1, Configuration: configuration, HeartbeatTicks: 10, ElectionTicks: 50})
		s.leadCommitted()
		s.receive(AppendReply{Envelope: from(asker, 1), Match: 1})
		s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round}) // 2 is the first choice otherwise
		e := s.receive(ReadRequest{Envelope: from(asker, 1), ID: 9})
		told := false
		for _, m := range sent[HeartbeatRequest](e.Send) {
			told = told || m.To == asker && m.Commit == 1
		}
		if !told {
			t.Fatalf("sent %+v; want node %d told that 1 is committed", e.Send, asker)
		}
	}
}

// A leader whose members have answered no round yet asks one that it has heard, not one that may be dead.
func TestFirstRoundAsksWhoWasHeard(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), HeartbeatTicks: 10, ElectionTicks: 50})
	s.lead()
	s.flush()
	s.Step(Tick{})
	s.receive(AppendReply{Envelope: from(3, s.term), Match: s.log.last().Index})
	e := s.Step(Read{ID: 1})
	if asked := sent[HeartbeatRequest](e.Send); len(asked) != 1 || asked[0].To != 3 {
		t.Fatalf("asked %+v, want node 3 alone, the one that was heard", asked)
	}
}
