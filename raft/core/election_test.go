package core

import "testing"

// The tests of this file are named by the sentence that they check.

// Raft §5.1: "If one server's current term is smaller than the other's, then it updates its current
// term to the larger value. If a candidate or leader discovers that its term is out of date, it
// immediately reverts to follower state."
func TestNewerTermMakesFollower(t *testing.T) {
	for _, role := range []Role{Follower, Candidate, Leader} {
		s := newSingle(t, 3, HardState{Term: 1}, logOf(1))
		switch role {
		case Candidate:
			s.stand()
		case Leader:
			s.lead()
		}
		s.receive(HeartbeatRequest{Envelope: from(2, 9)})
		s.wantRole(Follower, 9)
		if s.leader != 2 {
			t.Fatalf("leader %d, want the sender of the heartbeat", s.leader)
		}
	}
}

// Raft §5.1: "If a server receives a request with a stale term number, it rejects the request." The
// answer tells the sender the newer term, or a leader cut off from the rest would never step down.
func TestStaleRequestIsToldTheTerm(t *testing.T) {
	for _, m := range []Message{
		AppendRequest{Envelope: from(2, 3), Prev: Position{1, 1}},
		HeartbeatRequest{Envelope: from(2, 3)},
		SnapshotChunk{Envelope: from(2, 3), Meta: SnapshotMeta{Position: Position{9, 3}}},
		VoteRequest{Envelope: from(2, 3), Last: Position{9, 3}},
	} {
		s := newSingle(t, 3, HardState{Term: 7}, logOf(1))
		e := s.receive(m)
		if len(e.Send) != 1 || e.Send[0].Head() != (Envelope{From: 1, To: 2, Term: 7}) {
			t.Fatalf("%T of an old term: answered %+v, want one message of term 7", m, e.Send)
		}
		if s.commit != 0 || s.LastIndex() != 1 || s.leader != None || s.vote != None {
			t.Fatalf("%T of an old term had an effect", m)
		}
	}
}

// Raft §5.2: "If a follower receives no communication over a period of time called the election
// timeout, then it assumes there is no viable leader and begins an election", and "election timeouts
// are chosen randomly from a fixed interval".
func TestElectionTimeoutIsRandomInItsInterval(t *testing.T) {
	seen := make([]bool, 20)
	for seed := range uint64(400) {
		c, err := New(Config{ID: 1, Configuration: voters(3), Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		ticks := 0
		for c.role == Follower {
			c.Step(Tick{})
			ticks++
		}
		if ticks < 10 || ticks >= 20 {
			t.Fatalf("seed %d: election after %d ticks, want [10, 20)", seed, ticks)
		}
		seen[ticks] = true
	}
	for ticks := 10; ticks < 20; ticks++ {
		if !seen[ticks] {
			t.Errorf("no seed of 400 waits %d ticks", ticks)
		}
	}
}

// Raft §5.2: "To begin an election, a follower increments its current term and transitions to
// candidate state. It then votes for itself and issues RequestVote RPCs in parallel to each of the
// other servers." Both must be durable before the requests leave.
func TestCandidateVotesForItselfAndAsksTheOthers(t *testing.T) {
	s := newSingle(t, 5, HardState{Term: 3}, logOf(1, 3))
	e := s.stand()
	if len(e.Send) != 0 || e.Persist == nil || e.Persist.HardState != (HardState{Term: 4, Vote: 1}) || !e.Persist.Sync {
		t.Fatalf("campaign: send %+v, persist %+v", e.Send, e.Persist)
	}
	requests := sent[VoteRequest](e.Persist.Then)
	if len(requests) != 4 {
		t.Fatalf("%d requests for votes, want 4", len(requests))
	}
	for i, m := range requests {
		if m.Envelope != (Envelope{From: 1, To: NodeID(i + 2), Term: 4}) || m.Last != (Position{2, 3}) {
			t.Fatalf("request %+v", m)
		}
	}
}

// Raft §5.2: "Each server will vote for at most one candidate in a given term, on a
// first-come-first-served basis."
func TestOneVotePerTerm(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	e := s.receive(VoteRequest{Envelope: from(2, 1)})
	if len(e.Send) != 0 || len(sent[VoteReply](then(e))) != 1 || !then(e)[0].(VoteReply).Granted {
		t.Fatalf("first request: send %+v, then %+v; want a vote that waits for the disk", e.Send, then(e))
	}
	if e.Persist.HardState != (HardState{Term: 1, Vote: 2}) {
		t.Fatalf("term and vote are to persist together before the reply, got %+v", e.Persist.HardState)
	}
	e = s.receive(VoteRequest{Envelope: from(3, 1)})
	for _, m := range append(sent[VoteReply](e.Send), sent[VoteReply](then(e))...) {
		if m.Granted {
			t.Fatal("a second vote in the same term")
		}
	}
	// The same candidate again is told the same, but still not before the disk has it.
	e = s.receive(VoteRequest{Envelope: from(2, 1)})
	if len(e.Send) != 0 || !then(e)[0].(VoteReply).Granted {
		t.Fatalf("repeated request: send %+v, then %+v", e.Send, then(e))
	}
	if e.Persist.Sync {
		t.Fatal("nothing new needs a sync")
	}
	s.flush()
	e = s.receive(VoteRequest{Envelope: from(2, 1)})
	if len(e.Send) != 1 || e.Persist != nil {
		t.Fatalf("the vote is durable: the reply may leave at once, got send %+v persist %+v", e.Send, e.Persist)
	}
}

// Raft figure 2: votedFor is persistent state.
func TestVoteSurvivesRestart(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1, Vote: 2}, nil)
	e := s.receive(VoteRequest{Envelope: from(3, 1)})
	if len(e.Send) != 1 || e.Send[0].(VoteReply).Granted {
		t.Fatalf("a second vote in term 1 after a restart: %+v", e.Send)
	}
}

// Raft §5.4.1: "If the logs have last entries with different terms, then the log with the later term
// is more up-to-date. If the logs end with the same term, then whichever log is longer is more
// up-to-date."
func TestVoteNeedsAnUpToDateLog(t *testing.T) {
	for _, test := range []struct {
		last  Position
		grant bool
	}{
		{Position{3, 2}, true},
		{Position{4, 2}, true},
		{Position{2, 2}, false},
		{Position{1, 3}, true},
		{Position{9, 1}, false},
		{Position{0, 0}, false},
	} {
		s := newSingle(t, 3, HardState{Term: 3}, logOf(1, 2, 2))
		s.receive(VoteRequest{Envelope: from(2, 4), Last: test.last})
		if (s.vote == 2) != test.grant {
			t.Errorf("own log ends at 3/2, candidate's at %s: vote %d, want granted %t", test.last.text(), s.vote, test.grant)
		}
		s = newSingle(t, 3, HardState{Term: 3}, logOf(1, 2, 2))
		e := s.receive(PreVoteRequest{Envelope: from(2, 4), Last: test.last})
		if e.Send[0].(PreVoteReply).Granted != test.grant {
			t.Errorf("own log ends at 3/2, candidate's at %s: pre-vote is not %t", test.last.text(), test.grant)
		}
	}
}

// Raft §5.2: "A candidate wins an election if it receives votes from a majority of the servers in
// the full cluster for the same term."
func TestCandidateWinsByMajority(t *testing.T) {
	s := newSingle(t, 5, HardState{}, nil)
	s.stand()
	s.flush()
	s.receive(VoteReply{Envelope: from(2, 1), Granted: true})
	s.receive(VoteReply{Envelope: from(2, 1), Granted: true}) // the same vote twice is one vote
	s.receive(VoteReply{Envelope: from(3, 1)})
	s.receive(VoteReply{Envelope: from(7, 1), Granted: true}) // nobody
	s.wantRole(Candidate, 1)
	s.receive(VoteReply{Envelope: from(4, 1), Granted: true})
	s.wantRole(Leader, 1)
}

// A joint configuration needs a majority of both groups (Raft §6).
func TestJointConfigurationNeedsBothMajorities(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: Configuration{Members: []Member{
		{ID: 1, Voter: true, OldVoter: true}, {ID: 2, OldVoter: true}, {ID: 3, OldVoter: true},
		{ID: 4, Voter: true}, {ID: 5, Voter: true},
	}}})
	s.timeout()
	s.receive(PreVoteReply{Envelope: from(4, 1), Granted: true})
	s.wantRole(PreCandidate, 0)
	s.receive(PreVoteReply{Envelope: from(2, 1), Granted: true})
	s.wantRole(Candidate, 1)
	s.flush()
	s.receive(VoteReply{Envelope: from(4, 1), Granted: true})
	s.receive(VoteReply{Envelope: from(5, 1), Granted: true})
	s.wantRole(Candidate, 1)
	s.receive(VoteReply{Envelope: from(3, 1), Granted: true})
	s.wantRole(Leader, 1)
	s.flush()
	s.receive(AppendReply{Envelope: from(2, 1), Match: 1})
	s.receive(AppendReply{Envelope: from(3, 1), Match: 1})
	if s.commit != 0 {
		t.Fatal("committed by the old majority alone")
	}
	s.receive(AppendReply{Envelope: from(5, 1), Match: 1})
	if s.commit != 1 {
		t.Fatal("not committed by both majorities")
	}
}

// Raft §5.2: "While waiting for votes, a candidate may receive an AppendEntries RPC from another
// server claiming to be leader. If the leader's term is at least as large as the candidate's current
// term, then the candidate recognizes the leader as legitimate and returns to follower state."
func TestCandidateYieldsToTheLeader(t *testing.T) {
	for _, m := range []Message{
		AppendRequest{Envelope: from(2, 1)}, HeartbeatRequest{Envelope: from(2, 1)},
	} {
		s := newSingle(t, 3, HardState{}, nil)
		s.stand()
		s.receive(m)
		s.wantRole(Follower, 1)
		if s.leader != 2 {
			t.Fatalf("%T: leader %d, want 2", m, s.leader)
		}
	}
}

// A single voter wins at once, but not before its own vote is durable.
func TestSingleVoterWinsAfterItsOwnDisk(t *testing.T) {
	s := newSingle(t, 1, HardState{}, nil)
	s.timeout()
	s.wantRole(Candidate, 1)
	s.flush()
	s.wantRole(Leader, 1)
	if s.commit != 0 {
		t.Fatal("committed before its own disk has the entry (etcd#14370)")
	}
	e := s.flush()
	if s.commit != 1 || len(e.Apply) != 1 {
		t.Fatalf("commit %d, apply %+v after its own disk has the entry", s.commit, e.Apply)
	}
}

// Thesis §9.6: a pre-vote does not increment the term, and is refused by servers that hear a leader.
func TestPreVoteMovesNothing(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 4, Vote: 3}, logOf(4))
	e := s.receive(PreVoteRequest{Envelope: from(2, 9), Last: Position{1, 4}})
	reply := e.Send[0].(PreVoteReply)
	if !reply.Granted || reply.Term != 9 || reply.Current != 4 || s.term != 4 || s.vote != 3 || e.Persist != nil {
		t.Fatalf("reply %+v, term %d, vote %d, persist %+v; the reply is to echo the asked term and nothing is to move", reply, s.term, s.vote, e.Persist)
	}
	s.receive(HeartbeatRequest{Envelope: from(3, 4)})
	if e := s.receive(PreVoteRequest{Envelope: from(2, 9), Last: Position{1, 4}}); len(e.Send) != 0 {
		t.Fatalf("a pre-vote although a leader is heard: %+v", e.Send)
	}
}

// A refusal tells a node with an old term what term to ask for next: the only node with a complete
// log must be able to win although another one's term is ahead.
func TestRefusedPreVoteTeachesTheTerm(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 4}, logOf(4))
	s.timeout()
	s.receive(PreVoteReply{Envelope: from(2, 5), Current: 8})
	s.wantRole(Follower, 8)
	e := s.timeout()
	if m := e.Send[0].(PreVoteRequest); m.Term != 9 {
		t.Fatalf("asks for term %d, want 9", m.Term)
	}
}

// Thesis §4.2.3: "if a server receives a RequestVote request within the minimum election timeout of
// hearing from a current leader, it does not update its term or grant its vote", save for a transfer.
func TestVoteIsIgnoredWhileALeaderIsHeard(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, nil)
	s.receive(HeartbeatRequest{Envelope: from(3, 1)})
	if e := s.receive(VoteRequest{Envelope: from(2, 2)}); len(e.Send) != 0 || e.Persist != nil || s.term != 1 {
		t.Fatalf("a request for a vote disturbs a node that hears a leader: %+v", e)
	}
	s.receive(VoteRequest{Envelope: from(2, 2), Transfer: true})
	if s.term != 2 || s.vote != 2 {
		t.Fatal("the leader wished the transfer, but the vote was not given")
	}

	leader := newSingle(t, 3, HardState{}, nil)
	leader.leadCommitted()
	leader.receive(VoteRequest{Envelope: from(2, 7), Last: Position{9, 6}})
	leader.wantRole(Leader, 1)
}

// Raft §5.2, and SCENARIO 9: only a live leader and a granted vote restart the election timer.
func TestRefusedVoteDoesNotRestartTheTimer(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, logOf(1))
	for range 8 {
		s.tick()
	}
	before := s.elapsed
	s.receive(VoteRequest{Envelope: from(2, 2)})
	if s.term != 2 || s.elapsed != before {
		t.Fatalf("elapsed %d after a refused vote, want %d still", s.elapsed, before)
	}
	s.receive(VoteRequest{Envelope: from(3, 2), Last: Position{1, 1}})
	if s.vote != 3 || s.elapsed != 0 {
		t.Fatalf("vote %d, elapsed %d after a granted vote", s.vote, s.elapsed)
	}
}

// Thesis §6.2: a leader steps down if an election timeout passes without a round of heartbeats to a
// majority. It stays in its term.
func TestLeaderWithoutQuorumStepsDown(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	for range 30 {
		s.receive(HeartbeatReply{Envelope: from(2, 1)})
		s.tick()
	}
	s.wantRole(Leader, 1)
	e := s.Step(Read{ID: 5})
	for range 20 {
		e = s.tick()
		if s.role != Leader {
			break
		}
	}
	s.wantRole(Follower, 1)
	if s.leader != None {
		t.Fatal("a leader that stepped down knows no leader")
	}
	if len(e.Reads) != 1 || e.Reads[0] != (ReadResult{ID: 5, Refusal: NotLeader}) {
		t.Fatalf("the waiting read is answered %+v, want refused", e.Reads)
	}
}

// SCENARIO 15: heartbeats must not mask a dead disk (hashicorp/raft#503).
func TestLeaderWithAHungDiskStepsDown(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	for range 25 {
		s.receive(HeartbeatReply{Envelope: from(2, 1)})
		s.receive(HeartbeatReply{Envelope: from(3, 1)})
		s.tick()
	}
	if s.role == Leader {
		t.Fatal("still leads although its disk has not answered for two election timeouts")
	}
}

// SCENARIO 41: a full disk is not a hung one. Reads and heartbeats go on.
func TestLeaderWithAFullDiskGoesOn(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	for range 50 {
		s.receive(HeartbeatReply{Envelope: from(2, 1)})
		s.Step(DiskFull{})
		s.tick()
	}
	s.wantRole(Leader, 1)
	s.Step(Read{ID: 1})
	if e := s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round}); len(e.Reads) != 1 {
		t.Fatal("a read is not served while the disk is full")
	}
}

// SCENARIO 16: knowledge of a leader expires.
func TestLeaderKnowledgeExpires(t *testing.T) {
	for name, configuration := range map[string]Configuration{
		"voter":    voters(3),
		"learner":  {Members: []Member{{ID: 1}, {ID: 2, Voter: true}, {ID: 3, Voter: true}}},
		"stranger": {Members: []Member{{ID: 2, Voter: true}, {ID: 3, Voter: true}}},
	} {
		s := newSingleFrom(t, Config{ID: 1, Configuration: configuration})
		s.receive(HeartbeatRequest{Envelope: from(2, 1)})
		for range 20 {
			s.tick()
		}
		if s.leader != None {
			t.Errorf("%s: leader %d after two election timeouts of silence", name, s.leader)
		}
		if name != "voter" {
			s.wantRole(Follower, 1)
			// It may have been promoted without knowing (SCENARIO 13).
			if s.receive(VoteRequest{Envelope: from(3, 2)}); s.vote != 3 {
				t.Errorf("%s: does not answer a request for its vote", name)
			}
		}
	}
}

// A late answer from another election, or to an older term's request, counts for nothing.
func TestStaleVotesDoNotCount(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 5}, nil)
	s.timeout()
	s.receive(PreVoteReply{Envelope: from(2, 5), Granted: true})
	s.wantRole(PreCandidate, 5)
	s.receive(PreVoteReply{Envelope: from(2, 6), Granted: true})
	s.wantRole(Candidate, 6)
	s.flush()
	s.receive(VoteReply{Envelope: from(2, 5), Granted: true})
	s.wantRole(Candidate, 6)
}
