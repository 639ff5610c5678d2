package core

import "testing"

// Thesis §3.10: the leader brings the target's log up to date before it tells it to stand.
func TestTransferWaitsForTheTargetsLog(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	if e := s.Step(Transfer{To: 2}); len(sent[TimeoutNow](e.Send)) != 0 {
		t.Fatal("told to stand with a log that is behind")
	}
	e := s.receive(AppendReply{Envelope: from(2, 1), Match: 2})
	if m := sent[TimeoutNow](e.Send); len(m) != 1 || m[0].To != 2 {
		t.Fatalf("sent %+v, want TimeoutNow to 2", e.Send)
	}
	if e = s.receive(AppendReply{Envelope: from(2, 1), Match: 2}); len(e.Send) != 0 {
		t.Fatalf("sent %+v on a repeated answer", e.Send)
	}
}

// Only a voter can lead; a follower cannot transfer; the leader itself ends a transfer.
func TestTransferTargets(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: Configuration{Members: []Member{{ID: 1, Voter: true}, {ID: 2, Voter: true}, {ID: 3}}}})
	if e := s.Step(Transfer{To: 2}); len(e.Send) != 0 {
		t.Fatal("a follower hands over what it does not have")
	}
	s.leadCommitted()
	for _, to := range []NodeID{3, 9, None} {
		s.Step(Transfer{To: to})
		if e := s.Step(Propose{Commands: [][]byte{[]byte("a")}}); e.Proposed.Refusal != Accepted {
			t.Fatalf("transfer to %d is under way", to)
		}
	}
	s.Step(Transfer{To: 2})
	s.Step(Transfer{To: 1})
	if e := s.Step(Propose{Commands: [][]byte{[]byte("a")}}); e.Proposed.Refusal != Accepted {
		t.Fatal("the transfer was not ended")
	}
}

// Thesis §3.10: the target stands at once, without a pre-vote, and says so.
func TestTargetStandsAtOnce(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, logOf(1))
	s.receive(HeartbeatRequest{Envelope: from(2, 1)})
	e := s.receive(TimeoutNow{Envelope: from(2, 1)})
	s.wantRole(Candidate, 2)
	requests := sent[VoteRequest](then(e))
	if len(requests) != 2 || !requests[0].Transfer {
		t.Fatalf("then %+v, want requests that say the leader wished it", then(e))
	}
	// A stale one moves nothing.
	s = newSingle(t, 3, HardState{Term: 5}, logOf(1))
	s.receive(TimeoutNow{Envelope: from(2, 4)})
	s.wantRole(Follower, 5)
	// A learner cannot stand.
	s = newSingleFrom(t, Config{ID: 1, Configuration: Configuration{Members: []Member{{ID: 1}, {ID: 2, Voter: true}}}})
	s.receive(TimeoutNow{Envelope: from(2, 1)})
	s.wantRole(Follower, 1)
}
