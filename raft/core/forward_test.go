package core

import (
	"slices"
	"testing"
)

// follower returns node 1 of three voters, that follows node 2 in term 1.
func follower(t *testing.T, config Config) *single {
	t.Helper()
	config.ID, config.Configuration = 1, voters(3)
	config.HardState, config.Tail, config.Last = HardState{Term: 1}, logOf(1), Position{1, 1}
	s := newSingleFrom(t, config)
	s.receive(HeartbeatRequest{Envelope: from(2, 1)})
	return s
}

// request returns the one ReadRequest among the messages.
func request(t *testing.T, messages []Message) ReadRequest {
	t.Helper()
	requests := sent[ReadRequest](messages)
	if len(requests) != 1 {
		t.Fatalf("sent %+v, want one request for a read index", messages)
	}
	return requests[0]
}

// Thesis §6.4: "a follower could ask the leader for a current read index; the leader would execute steps 1-3".
// One request stands for all reads that wait, and one is out at a time.
func TestFollowerAsksTheLeader(t *testing.T) {
	s := follower(t, Config{})
	if e := s.Step(Read{ID: 1}); !slices.Equal(e.Reads, []ReadResult{{ID: 1, Refusal: NotLeader}}) {
		t.Fatalf("not to be forwarded: %+v", e.Reads)
	}
	e := s.Step(Read{ID: 2, Forward: true})
	first := request(t, e.Send)
	if first.To != 2 || first.Term != 1 || len(e.Reads) != 0 {
		t.Fatalf("asks %+v, reads %+v", first, e.Reads)
	}
	for id := uint64(3); id < 10; id++ {
		if e := s.Step(Read{ID: id, Forward: true}); len(e.Send) != 0 {
			t.Fatalf("read %d sends %+v while a request is out", id, e.Send)
		}
	}
	e = s.receive(ReadReply{Envelope: from(2, 1), ID: first.ID, Index: 7})
	if !slices.Equal(e.Reads, []ReadResult{{ID: 2, Index: 7}}) {
		t.Fatalf("reads %+v, want 2 alone at 7: the others came after the request", e.Reads)
	}
	second := request(t, e.Send)
	if second.ID == first.ID {
		t.Fatal("the second request has the id of the first")
	}
	if e := s.receive(ReadReply{Envelope: from(2, 1), ID: first.ID, Index: 7}); len(e.Reads) != 0 {
		t.Fatalf("a repeated answer confirms %+v", e.Reads)
	}
	if e := s.receive(ReadReply{Envelope: from(2, 1), ID: second.ID, Index: 9}); len(e.Reads) != 7 || e.Reads[0] != (ReadResult{ID: 3, Index: 9}) {
		t.Fatalf("reads %+v, want 3 to 9 at 9", e.Reads)
	}
}

// SCENARIO 36: a retried request never reuses its id (etcd#20418). The retry takes along what came meanwhile, and
// the answer to the lost request was confirmed before that.
func TestRetriedReadRequestHasAnotherID(t *testing.T) {
	s := follower(t, Config{})
	first := request(t, s.Step(Read{ID: 1, Forward: true}).Send)
	s.Step(Read{ID: 2, Forward: true})
	var again ReadRequest
	for range s.config.ElectionTicks / 2 {
		s.receive(HeartbeatRequest{Envelope: from(2, 1)})
		if e := s.tick(); len(e.Send) != 0 {
			again = request(t, e.Send)
		}
	}
	if again.ID == 0 || again.ID == first.ID {
		t.Fatalf("asks again with id %d after %d, want a new one within half an election timeout", again.ID, first.ID)
	}
	if e := s.receive(ReadReply{Envelope: from(2, 1), ID: first.ID, Index: 5}); len(e.Reads) != 0 {
		t.Fatalf("the answer to the lost request confirms %+v", e.Reads)
	}
	if e := s.receive(ReadReply{Envelope: from(2, 1), ID: again.ID, Index: 6}); len(e.Reads) != 2 {
		t.Fatalf("reads %+v, want both", e.Reads)
	}
}

// SCENARIO 36, across a restart: an answer to an earlier life finds no request of its id.
func TestReadRequestsOfTwoLivesDiffer(t *testing.T) {
	seen := map[uint64]uint64{}
	for life := range uint64(1000) {
		s := follower(t, Config{Incarnation: life})
		for range 10 {
			r := request(t, s.Step(Read{ID: 1, Forward: true}).Send)
			if before, ok := seen[r.ID]; ok {
				t.Fatalf("request %d of life %d has the id of one of life %d", r.ID, life, before)
			}
			seen[r.ID] = life
			s.receive(ReadReply{Envelope: from(2, 1), ID: r.ID, Index: 1})
		}
	}
}

// A read does not outlive the leader that was asked, nor its term, nor an election timeout without an answer.
func TestForwardedReadsAreRefusedWithTheirLeader(t *testing.T) {
	for name, test := range map[string]func(s *single, id uint64) Effects{
		"a newer leader": func(s *single, _ uint64) Effects {
			return s.receive(HeartbeatRequest{Envelope: from(3, 2)})
		},
		"the same leader in a newer term": func(s *single, _ uint64) Effects {
			return s.receive(HeartbeatRequest{Envelope: from(2, 2)})
		},
		"a newer term without a leader": func(s *single, _ uint64) Effects {
			return s.receive(VoteRequest{Envelope: from(3, 2), Last: Position{9, 1}, Transfer: true})
		},
		"its own candidacy": func(s *single, _ uint64) Effects {
			return s.receive(TimeoutNow{Envelope: from(2, 1)})
		},
		"a refusal": func(s *single, id uint64) Effects {
			return s.receive(ReadReply{Envelope: from(2, 1), ID: id, Refused: true})
		},
		"silence": func(s *single, _ uint64) (e Effects) {
			for range s.config.ElectionTicks {
				s.receive(HeartbeatRequest{Envelope: from(2, 1)}) // it is heard all the time
				if e = s.tick(); len(e.Reads) > 0 {
					break
				}
			}
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := follower(t, Config{})
			asked := request(t, s.Step(Read{ID: 1, Forward: true}).Send)
			s.Step(Read{ID: 2, Forward: true})
			e := test(s, asked.ID)
			if !slices.Equal(e.Reads, []ReadResult{{ID: 1, Refusal: NotLeader}, {ID: 2, Refusal: NotLeader}}) {
				t.Fatalf("reads %+v, want both refused", e.Reads)
			}
			if e := s.receive(ReadReply{Envelope: from(2, 1), ID: asked.ID, Index: 4}); len(e.Reads) != 0 {
				t.Fatalf("the late answer confirms %+v", e.Reads)
			}
		})
	}
}

// An answer from an older term does not count for a read of a newer one.
func TestReadReplyOfAnOlderTermDoesNotCount(t *testing.T) {
	s := follower(t, Config{})
	s.Step(Read{ID: 1, Forward: true})
	s.receive(HeartbeatRequest{Envelope: from(2, 2)})
	s.flush()
	asked := request(t, s.Step(Read{ID: 2, Forward: true}).Send)
	for _, m := range []ReadReply{
		{Envelope: from(2, 1), ID: asked.ID, Index: 4},
		{Envelope: from(2, 2), ID: asked.ID - 1, Index: 4},
		{Envelope: from(3, 2), ID: asked.ID, Index: 4},
		{Envelope: from(2, 2), ID: asked.ID, Index: maxIndex + 1},
	} {
		if e := s.receive(m); len(e.Reads) != 0 {
			t.Errorf("%+v confirms %+v", m, e.Reads)
		}
	}
	if e := s.receive(ReadReply{Envelope: from(2, 2), ID: asked.ID, Index: 4}); len(e.Reads) != 1 {
		t.Fatal("the right answer confirms nothing")
	}
}

// Reads that wait for a leader's word are bounded, and need a leader to ask.
func TestForwardedReadsAreBounded(t *testing.T) {
	s := follower(t, Config{MaxWaitingReads: 3})
	for id := range uint64(3) {
		s.Step(Read{ID: id, Forward: true})
	}
	if e := s.Step(Read{ID: 3, Forward: true}); !slices.Equal(e.Reads, []ReadResult{{ID: 3, Refusal: Overloaded}}) {
		t.Fatalf("beyond the limit: %+v", e.Reads)
	}
	s = newSingle(t, 3, HardState{}, nil)
	if e := s.Step(Read{ID: 1, Forward: true}); !slices.Equal(e.Reads, []ReadResult{{ID: 1, Refusal: NotLeader}}) {
		t.Fatalf("no leader is known: %+v", e.Reads)
	}
	s.leadCommitted()
	s.Step(Read{ID: 2, Forward: true})
	if e := s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round}); !slices.Equal(e.Reads, []ReadResult{{ID: 2, Index: 1}}) {
		t.Fatalf("on the leader: %+v, want it confirmed like any other", e.Reads)
	}
}

// Nothing is asked in a term that is not durable.
func TestReadRequestWaitsForItsTerm(t *testing.T) {
	s := follower(t, Config{})
	s.receive(HeartbeatRequest{Envelope: from(2, 5)})
	e := s.Step(Read{ID: 1, Forward: true})
	if len(e.Send) != 0 {
		t.Fatalf("sends %+v", e.Send)
	}
	request(t, then(e))
}

// Thesis §6.4, steps 1 to 3 for a follower: the leader waits for its first commit, then confirms by a round that begins
// after the request came in.
func TestLeaderConfirmsForFollowers(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, logOf(1, 1))
	s.lead()
	if e := s.receive(ReadRequest{Envelope: from(2, 2), ID: 50}); len(e.Send) != 0 {
		t.Fatalf("send %+v before the leader knows what is committed", e.Send)
	}
	s.flush()
	e := s.receive(AppendReply{Envelope: from(3, 2), Match: 3})
	if len(sent[HeartbeatRequest](e.Send)) != 1 || len(sent[ReadReply](e.Send)) != 0 {
		t.Fatalf("send %+v, want a round and no answer yet", e.Send)
	}
	e = s.receive(HeartbeatReply{Envelope: from(3, 2), Round: s.round})
	want := ReadReply{Envelope: Envelope{From: 1, To: 2, Term: 2}, ID: 50, Index: 3}
	if replies := sent[ReadReply](e.Send); len(replies) != 1 || replies[0] != want {
		t.Fatalf("answers %+v, want %+v", replies, want)
	}
}

// The leader keeps one request a peer: a newer one replaces the older, and does not join the older one's round.
func TestNewerReadRequestReplacesTheOlder(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.receive(ReadRequest{Envelope: from(2, 1), ID: 50})
	old := s.round
	s.receive(ReadRequest{Envelope: from(2, 1), ID: 51})
	for id := range uint64(1000) {
		s.receive(ReadRequest{Envelope: from(3, 1), ID: 60 + id})
	}
	if n := len(s.reads.current) + len(s.reads.waiting); n != 2 {
		t.Fatalf("%d requests of two peers wait, want one each", n)
	}
	var answered []uint64
	for round := old; round <= s.round; round++ {
		for _, r := range sent[ReadReply](s.receive(HeartbeatReply{Envelope: from(2, 1), Round: round}).Send) {
			if answered = append(answered, r.ID); round == old {
				t.Fatalf("answers %+v by the round of a request that was replaced", r)
			}
		}
	}
	if !slices.Equal(answered, []uint64{51, 1059}) {
		t.Fatalf("answers %v, want 51 and 1059", answered)
	}
}

// A learner is answered; a node that is no member, or no longer one, is not.
func TestOnlyMembersAreAnswered(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: Configuration{Members: []Member{{ID: 1, Voter: true}, {ID: 2, Voter: true}, {ID: 3}}}})
	s.leadCommitted()
	s.receive(ReadRequest{Envelope: from(9, 1), ID: 70})
	s.receive(ReadRequest{Envelope: from(3, 1), ID: 71})
	e := s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round})
	if replies := sent[ReadReply](e.Send); len(replies) != 1 || replies[0].To != 3 || replies[0].ID != 71 {
		t.Fatalf("answers %+v, want the learner's alone", replies)
	}
	s.receive(ReadRequest{Envelope: from(3, 1), ID: 72})
	s.memberships = memberships{{configuration: voters(2)}}
	s.rebuildPeers()
	if e := s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round}); len(e.Send) != 0 {
		t.Fatalf("sends %+v, want nothing to a node that was removed", e.Send)
	}
}

// A node that does not lead says so, also about the term that it led itself.
func TestReadRequestIsRefusedByFollowers(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.receive(ReadRequest{Envelope: from(2, 1), ID: 50})
	for s.role == Leader {
		s.tick()
	}
	e := s.receive(ReadRequest{Envelope: from(2, 1), ID: 51})
	if replies := sent[ReadReply](e.Send); len(replies) != 1 || !replies[0].Refused || replies[0].ID != 51 {
		t.Fatalf("answers %+v, want a refusal", e.Send)
	}
	if e := s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round}); len(e.Send) != 0 {
		t.Fatalf("sends %+v for a question to the leader that it was", e.Send)
	}
}
