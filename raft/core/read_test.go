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
	if len(sent[HeartbeatRequest](e.Send)) != 2 || len(e.Reads) != 0 {
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
		rounds += len(sent[HeartbeatRequest](e.Send)) / 2
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
