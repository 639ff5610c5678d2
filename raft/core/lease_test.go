package core

import (
	"slices"
	"testing"
)

// lessee returns node 1 of n voters, that leads with a lease of 50 ms at most, everything committed. A tick is 10 ms.
func lessee(t *testing.T, n int) *single {
	t.Helper()
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(n), LeaseMillis: 50})
	s.leadCommitted()
	return s
}

// ask reads at the node's present clock, and returns the result if there is one already.
func (s *single) ask(t *testing.T) (ReadResult, bool) {
	t.Helper()
	s.reads = reads{}
	e := s.Step(Read{ID: 1, Mono: s.mono})
	if len(e.Reads) > 1 {
		t.Fatalf("reads %+v", e.Reads)
	}
	if len(e.Reads) == 0 {
		return ReadResult{}, false
	}
	return e.Reads[0], true
}

// renew sends heartbeats and has the others answer them.
func (s *single) renew() {
	s.tick()
	for i := range s.peers {
		if id := s.peers[i].id; id != 1 {
			s.receive(HeartbeatReply{Envelope: from(id, s.term), Round: s.round})
		}
	}
}

// Thesis §6.4.1: "once the leader's heartbeats were acknowledged by a majority of the cluster, the leader would extend its
// lease to start + election timeout / clock drift bound": start is when the heartbeats were sent, not when they were
// answered (SCENARIO 37).
func TestLeaseStartsWhenTheRoundIsSent(t *testing.T) {
	s := lessee(t, 5)
	s.tick()
	begun, round := s.mono, s.round
	s.receive(HeartbeatReply{Envelope: from(2, 1), Round: round})
	if r, ok := s.ask(t); ok {
		t.Fatalf("read %+v by a minority's answer", r)
	}
	s.tick()
	s.tick()
	s.receive(HeartbeatReply{Envelope: from(3, 1), Round: round})
	r, ok := s.ask(t)
	if want := (ReadResult{ID: 1, Index: 1, Until: begun + 50}); !ok || r != want {
		t.Fatalf("read %+v, want %+v: the answer came late, the lease is as old as the round", r, want)
	}
	s.mono = begun + 49
	if _, ok := s.ask(t); !ok {
		t.Fatal("the lease ended early")
	}
	s.mono = begun + 50
	if r, ok := s.ask(t); ok {
		t.Fatalf("read %+v after the lease has ended", r)
	}
}

// An answer to heartbeats from before the round does not renew the lease.
func TestLeaseNeedsAnAnswerToItsOwnRound(t *testing.T) {
	s := lessee(t, 3)
	s.renew()
	old := s.round
	until := s.mono + 50
	s.tick()
	s.receive(HeartbeatReply{Envelope: from(2, 1), Round: old})
	s.receive(AppendReply{Envelope: from(3, 1), Match: 1, Round: old})
	if r, ok := s.ask(t); !ok || r.Until != until {
		t.Fatalf("read %+v, want it until %d still", r, until)
	}
}

// With a heartbeat answered now and then, the lease goes on. It costs no message of its own, and the rounds of reads
// go their way.
func TestHeartbeatsRenewTheLease(t *testing.T) {
	s := lessee(t, 3)
	s.renew()
	for range 100 {
		e := s.tick()
		if len(e.Send) != 2 {
			t.Fatalf("a tick sends %+v, want a heartbeat to each peer and no more", e.Send)
		}
		if _, ok := s.ask(t); !ok {
			t.Fatal("the lease has ended although a quorum answers")
		}
		s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round})
		s.receive(HeartbeatReply{Envelope: from(3, 1)})
	}
	// Answers that take longer than a heartbeat interval, even in part lost, renew it too.
	late := s.round
	for range 20 {
		s.tick()
		if _, ok := s.ask(t); !ok {
			t.Fatal("the lease has ended although a quorum answers, late")
		}
		s.receive(HeartbeatReply{Envelope: from(2, 1), Round: late})
		late = s.round
	}
	// A round for a read that came with none under way, while the lease's is out.
	s.mono += 100
	if _, ok := s.ask(t); ok {
		t.Fatal("a lease after silence")
	}
	if e := s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round}); len(e.Reads) != 1 || e.Reads[0].Until != 0 {
		t.Fatalf("reads %+v, want one that is confirmed by its round", e.Reads)
	}
}

// Until an entry of its own term is committed, a leader does not know what is, lease or no lease.
func TestLeaseNeedsTheFirstCommit(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), LeaseMillis: 50})
	s.lead()
	s.renew()
	if r, ok := s.ask(t); ok {
		t.Fatalf("read %+v with nothing committed in the term", r)
	}
	s.flush()
	s.receive(AppendReply{Envelope: from(2, 1), Match: 1})
	if r, ok := s.ask(t); !ok || r.Index != 1 {
		t.Fatalf("read %+v, %t; want it at 1", r, ok)
	}
}

// SCENARIO 37: a transfer elects another leader although one is heard. The lease rests from its beginning, and is gone
// for the rest of the term once TimeoutNow was sent, for that may arrive at any time.
func TestLeaseIsVoidedByATransfer(t *testing.T) {
	s := lessee(t, 3)
	s.renew()
	s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	s.flush()
	s.Step(Transfer{To: 2})
	if r, ok := s.ask(t); ok {
		t.Fatalf("read %+v by a lease during a transfer", r)
	}
	s.Step(Transfer{To: 1})
	if _, ok := s.ask(t); !ok {
		t.Fatal("the transfer was ended before the target was told: the lease counts")
	}
	s.Step(Transfer{To: 2})
	e := s.receive(AppendReply{Envelope: from(2, 1), Match: 2})
	if len(sent[TimeoutNow](e.Send)) != 1 {
		t.Fatalf("sent %+v, want TimeoutNow", e.Send)
	}
	s.Step(Transfer{To: 1})
	for range 30 {
		s.renew()
		if r, ok := s.ask(t); ok {
			t.Fatalf("read %+v by a lease after TimeoutNow was sent in the term", r)
		}
	}
	// In another term it is as good as new.
	s.receive(HeartbeatRequest{Envelope: from(3, 2)})
	for range 30 {
		s.tick()
	}
	s.wantRole(PreCandidate, 2)
	s.leadCommitted()
	s.renew()
	if _, ok := s.ask(t); !ok {
		t.Fatal("no lease in a term without a transfer")
	}
}

// A lease is won and used under one committed configuration: another one's quorums may not meet the one that answered.
func TestLeaseIsVoidedByAChangeOfTheConfiguration(t *testing.T) {
	s := lessee(t, 3)
	s.renew()
	if _, ok := s.ask(t); !ok {
		t.Fatal("no lease to begin with")
	}
	s.Step(ChangeMembership{ID: 1, Mono: s.mono, Change: Change{Kind: RemoveMember, ID: 3}})
	for _, joint := range []bool{true, false} {
		if s.Configuration().Joint() != joint {
			t.Fatalf("joint %t, want %t", !joint, joint)
		}
		if r, ok := s.ask(t); ok {
			t.Fatalf("joint %t: read %+v by a lease that was won under another configuration", joint, r)
		}
		s.renew()
		if r, ok := s.ask(t); ok {
			t.Fatalf("joint %t: read %+v by a lease under a configuration that is not committed", joint, r)
		}
		s.flush()
		s.receive(AppendReply{Envelope: from(2, 1), Match: s.LastIndex()})
	}
	if s.commit != s.LastIndex() || len(s.Configuration().Members) != 2 {
		t.Fatalf("commit %d of %d, %d members", s.commit, s.LastIndex(), len(s.Configuration().Members))
	}
	s.renew()
	if _, ok := s.ask(t); !ok {
		t.Fatal("no lease under the new configuration")
	}
}

// A follower's read is confirmed by a round: the request brings no reading of the leader's clock, which may have stood
// still since the last tick.
func TestLeaseDoesNotAnswerFollowers(t *testing.T) {
	s := lessee(t, 3)
	s.renew()
	if e := s.receive(ReadRequest{Envelope: from(2, 1), ID: 9}); len(sent[ReadReply](e.Send)) != 0 {
		t.Fatal("a forwarded read was answered by a lease")
	}
	if e := s.receive(HeartbeatReply{Envelope: from(3, 1), Round: s.round}); len(sent[ReadReply](e.Send)) != 1 {
		t.Fatal("a forwarded read was not answered by its round")
	}
}

// A leader that stepped down has no lease, and a cluster of one needs none.
func TestLeaseAtTheEdges(t *testing.T) {
	s := lessee(t, 3)
	s.renew()
	s.receive(HeartbeatRequest{Envelope: from(2, 2)})
	if r, ok := s.ask(t); !ok || r.Refusal != NotLeader {
		t.Fatalf("read %+v on a follower", r)
	}
	s = newSingleFrom(t, Config{ID: 1, Configuration: voters(1), LeaseMillis: 50})
	s.leadCommitted()
	for range 100 {
		if r, ok := s.ask(t); !ok || r.Index != 1 || (r.Until != 0 && r.Until <= s.mono) {
			t.Fatalf("read %+v, %t in a cluster of one", r, ok)
		}
		s.tick()
	}
	if _, err := New(Config{ID: 1, LeaseMillis: -1}); err == nil {
		t.Fatal("a negative lease is accepted")
	}
}

// Without the setting there are no leases, and heartbeats number no rounds.
func TestNoLeaseUnlessAskedFor(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.renew()
	if _, ok := s.ask(t); ok || s.round != 1 {
		t.Fatalf("round %d, answered %t; want the read's own round to be the first", s.round, ok)
	}
}

// With leases, a voter that restarted does not vote, nor say that it would, until an election timeout has passed: it may
// have promised silence to a leader before.
func TestRestartedVoterKeepsItsPromise(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), LeaseMillis: 50, HardState: HardState{Term: 1}})
	for s.ticks < 10 {
		if e := s.receive(PreVoteRequest{Envelope: from(2, 2), Last: Position{9, 1}}); len(e.Send) != 0 {
			t.Fatalf("tick %d: answers a pre-vote: %+v", s.ticks, e.Send)
		}
		if s.receive(VoteRequest{Envelope: from(2, 2), Last: Position{9, 1}}); s.term != 1 || s.vote != None {
			t.Fatalf("tick %d: votes for %d in term %d", s.ticks, s.vote, s.term)
		}
		s.tick()
	}
	if s.receive(VoteRequest{Envelope: from(2, 2), Last: Position{9, 1}}); s.vote != 2 {
		t.Fatal("does not vote after an election timeout")
	}
	s = newSingleFrom(t, Config{ID: 1, Configuration: voters(3), LeaseMillis: 50, HardState: HardState{Term: 1}})
	if s.receive(VoteRequest{Envelope: from(2, 2), Last: Position{9, 1}, Transfer: true}); s.vote != 2 {
		t.Fatal("a transfer is the leader's own wish, and no promise to it stands in the way")
	}
	s = newSingleFrom(t, Config{ID: 1, Configuration: voters(3), HardState: HardState{Term: 1}})
	if s.receive(VoteRequest{Envelope: from(2, 2), Last: Position{9, 1}}); s.vote != 2 {
		t.Fatal("without leases nothing was promised")
	}
}

// With leases, news of a newer term from somebody who does not lead it does not end the promise.
func TestPromiseOutlivesANewerTerm(t *testing.T) {
	for lease, want := range map[int64]NodeID{0: 3, 50: None} {
		s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), LeaseMillis: lease, HardState: HardState{Term: 1}})
		for range 5 {
			s.tick()
		}
		s.receive(HeartbeatRequest{Envelope: from(2, 1)})
		s.receive(HeartbeatReply{Envelope: from(3, 2)}) // to a heartbeat from when this node led
		if s.term != 2 || s.leader != None {
			t.Fatalf("term %d, leader %d", s.term, s.leader)
		}
		for range 9 {
			s.receive(VoteRequest{Envelope: from(3, 2), Last: Position{9, 1}})
			if s.vote != want {
				t.Fatalf("lease %d: voted for %d, want %d", lease, s.vote, want)
			}
			s.tick()
		}
		s.tick()
		if s.receive(VoteRequest{Envelope: from(3, 2), Last: Position{9, 1}}); s.vote != 3 {
			t.Fatalf("lease %d: voted for %d after an election timeout", lease, s.vote)
		}
	}
}

// The clock that came with a read judges the lease, not that of the last tick.
func TestLeaseIsJudgedByTheReadsClock(t *testing.T) {
	s := lessee(t, 3)
	s.renew()
	if e := s.Step(Read{ID: 4, Mono: s.mono + 50}); len(e.Reads) != 0 {
		t.Fatalf("reads %+v by a clock that stood still", e.Reads)
	}
	e := s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round})
	if !slices.Equal(e.Reads, []ReadResult{{ID: 4, Index: 1}}) {
		t.Fatalf("reads %+v, want 4 by its round", e.Reads)
	}
}
