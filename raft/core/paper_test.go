package core

import (
	"slices"
	"testing"
)

// Sentences of the paper and the thesis that have no better place. docs/TESTING.md says where the others are tested.

// Raft §5.2: "When servers start up, they begin as followers." Whatever they were before.
func TestServersStartAsFollowers(t *testing.T) {
	for _, vote := range []NodeID{None, 1, 2} {
		s := newSingle(t, 3, HardState{Term: 4, Vote: vote}, logOf(1, 4))
		s.wantRole(Follower, 4)
		if s.leader != None || s.vote != vote {
			t.Fatalf("leader %d, vote %d; want no leader yet and vote %d", s.leader, s.vote, vote)
		}
	}
}

// Raft §5.2: "Once a candidate wins an election, it becomes leader. It then sends heartbeat messages to all of the
// other servers to establish its authority and prevent new elections." §5.3: "When a leader first comes to power, it
// initializes all nextIndex values to the index just after the last one in its log." §8: "Raft handles this by having
// each leader commit a blank no-op entry into the log at the start of its term."
func TestNewLeaderSpeaksAtOnce(t *testing.T) {
	s := newSingle(t, 5, HardState{Term: 2}, logOf(1, 2, 2))
	e := s.lead()
	requests := sent[AppendRequest](e.Send)
	if len(requests) != 4 {
		t.Fatalf("sends %+v, want a request to each of the others", e.Send)
	}
	for _, m := range requests {
		if m.Prev != (Position{3, 2}) || len(m.Entries) != 1 || m.Entries[0].Kind != EntryNoop || m.Entries[0].Term != 3 {
			t.Fatalf("sends %+v, want the no-op after 3/2", m)
		}
	}
}

// Raft §5.2: "Leaders send periodic heartbeats (AppendEntries RPCs that carry no log entries) to all followers in order to
// maintain their authority."
func TestIdleLeaderSendsHeartbeats(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), HeartbeatTicks: 3})
	s.leadCommitted()
	var at []int
	for i := range 12 {
		if n := len(sent[HeartbeatRequest](s.tick().Send)); n == 2 {
			at = append(at, i)
		} else if n != 0 {
			t.Fatalf("%d heartbeats in a tick, want one to each peer", n)
		}
		s.receive(HeartbeatReply{Envelope: from(2, 1)})
	}
	if len(at) != 4 || at[3]-at[2] != 3 {
		t.Fatalf("heartbeats at ticks %v, want one in three", at)
	}
}

// Raft §5.2: "each candidate will time out and start a new election by incrementing its term and initiating another
// round of RequestVote RPCs"; "each candidate restarts its randomized election timeout at the start of an election, and it
// waits for that timeout to elapse before starting the next election".
func TestSplitVoteStartsANewElection(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.stand()
	s.flush()
	s.receive(VoteReply{Envelope: from(2, 1)})
	s.receive(VoteReply{Envelope: from(3, 1)})
	ticks := 0
	for ; s.role == Candidate; ticks++ {
		s.tick()
	}
	if ticks < 10 || ticks >= 20 {
		t.Fatalf("the candidate waited %d ticks, want 10 to 19", ticks)
	}
	s.wantRole(PreCandidate, 1)
	e := s.receive(PreVoteReply{Envelope: from(2, 2), Granted: true})
	s.wantRole(Candidate, 2)
	if requests := sent[VoteRequest](then(e)); len(requests) != 2 || requests[0].Term != 2 {
		t.Fatalf("then %+v, want requests of term 2", then(e))
	}
	if s.self().granted || s.peer(2).granted {
		t.Fatal("votes of the last election count in this one")
	}
}

// Raft figure 3, Leader Append-Only: "a leader never overwrites or deletes entries in its log; it only appends new entries."
func TestLeaderOnlyAppends(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 2}, logOf(1, 2, 2))
	s.lead()
	before := slices.Clone(s.log.entries)
	for _, m := range []Message{
		AppendRequest{Envelope: from(2, 3), Prev: Position{1, 1}, Entries: []Entry{{Index: 2, Term: 3, Kind: EntryNoop}}},
		AppendRequest{Envelope: from(2, 2), Prev: Position{1, 1}, Entries: []Entry{{Index: 2, Term: 2, Kind: EntryNoop, Time: 9}}},
		AppendReject{Envelope: from(2, 3), Prev: Position{3, 2}, Hint: Position{1, 1}},
		SnapshotChunk{Envelope: from(2, 3), Meta: SnapshotMeta{Position: Position{9, 3}}},
	} {
		s.receive(m)
		s.wantRole(Leader, 3)
		if len(s.log.entries) != len(before) || s.log.entries[1].Time != before[1].Time {
			t.Fatalf("%T changed the leader's log", m)
		}
	}
	s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	if len(s.log.entries) != len(before)+1 {
		t.Fatal("a proposal is not appended")
	}
}

// Raft §5.3: "If followers crash or run slowly, or if network packets are lost, the leader retries AppendEntries RPCs
// indefinitely (even after it has responded to the client) until all followers eventually store all log entries."
func TestLeaderRetriesUntilAllHaveStored(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	s.flush()
	s.receive(AppendReply{Envelope: from(2, 1), Match: 2})
	if s.commit != 2 {
		t.Fatalf("commit %d", s.commit)
	}
	for try := range 5 {
		tried := false
		for range 4 {
			s.tick()
			s.receive(HeartbeatReply{Envelope: from(2, 1)})
			e := s.receive(HeartbeatReply{Envelope: from(3, 1)}) // it is there, but lost what was sent
			tried = tried || len(sent[AppendRequest](e.Send)) > 0
			for _, m := range sent[AppendRequest](e.Send) {
				if len(m.Entries) == 0 { // a question where the log ends
					s.receive(AppendReject{Envelope: from(3, 1), Prev: m.Prev, Hint: Position{1, 1}})
				}
			}
		}
		if !tried {
			t.Fatalf("try %d: nothing is sent again", try)
		}
	}
	s.receive(AppendReply{Envelope: from(3, 1), Match: 2})
	for range 20 {
		s.tick()
		s.receive(HeartbeatReply{Envelope: from(2, 1)})
		if e := s.receive(HeartbeatReply{Envelope: from(3, 1)}); len(e.Send) != 0 {
			t.Fatalf("sends %+v to a follower that has stored all", e.Send)
		}
	}
}

// Raft §5.3: "The leader keeps track of the highest index it knows to be committed, and it includes that index in future
// AppendEntries RPCs (including heartbeats) so that the other servers eventually find out." No further than the receiver's
// log is known to match.
func TestCommitIndexRidesAlong(t *testing.T) {
	s := newSingle(t, 5, HardState{}, nil)
	s.leadCommitted()
	s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	s.flush()
	s.receive(AppendReply{Envelope: from(2, 1), Match: 2})
	s.receive(AppendReply{Envelope: from(3, 1), Match: 2})
	for _, m := range sent[HeartbeatRequest](s.tick().Send) {
		if want := s.peer(m.To).match; m.Commit != want {
			t.Errorf("heartbeat to %d tells commit %d, want %d", m.To, m.Commit, want)
		}
	}
	e := s.Step(Propose{Commands: [][]byte{[]byte("b")}})
	for _, m := range sent[AppendRequest](e.Send) {
		if m.Commit != 2 {
			t.Errorf("request to %d tells commit %d, want 2", m.To, m.Commit)
		}
	}
}

// Raft §8: "If the client's first choice is not the leader, that server will reject the client's request and supply
// information about the most recent leader it has heard from."
func TestFollowerNamesTheLeader(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, logOf(1))
	s.receive(HeartbeatRequest{Envelope: from(3, 1)})
	e := s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	if e.Proposed.Refusal != NotLeader || s.LastIndex() != 1 || s.Status().Leader != 3 {
		t.Fatalf("%+v, leader %d; want a refusal that can name 3", *e.Proposed, s.Status().Leader)
	}
}

// Thesis §6.4, step 2: "The leader saves its current commit index in a local variable readIndex. This will be used as a
// lower bound for the version of the state that the query operates against." Commits during the round do not hold it up.
func TestReadIndexIsTheCommitIndexOfTheRoundsBegin(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.Step(Read{ID: 1})
	round := s.round
	s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	s.flush()
	if e := s.receive(AppendReply{Envelope: from(3, 1), Match: 2}); s.commit != 2 || len(e.Reads) != 0 {
		t.Fatalf("commit %d, reads %+v", s.commit, e.Reads)
	}
	e := s.receive(HeartbeatReply{Envelope: from(2, 1), Round: round})
	if !slices.Equal(e.Reads, []ReadResult{{ID: 1, Index: 1}}) {
		t.Fatalf("reads %+v, want 1 at 1", e.Reads)
	}
}

// Thesis §3.10: "If leadership transfer does not complete after about an election timeout, the prior leader aborts the
// transfer and resumes accepting client requests."
func TestTransferIsGivenUpAfterAnElectionTimeout(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.Step(Transfer{To: 2})
	refusal := func() Refusal {
		return s.Step(Propose{Commands: [][]byte{[]byte("a")}}).Proposed.Refusal
	}
	for i := range 10 {
		if got := refusal(); got != Transferring {
			t.Fatalf("tick %d: %s, want transferring", i, got.text())
		}
		s.receive(HeartbeatReply{Envelope: from(2, 1)})
		s.receive(HeartbeatReply{Envelope: from(3, 1)})
		s.tick()
	}
	if got := refusal(); got != Accepted {
		t.Fatalf("after an election timeout: %s", got.text())
	}
}

// Thesis §3.10: "Its next message to the prior leader will include its new term number, causing the prior leader to step
// down. At this point, leadership transfer is complete." "If the prior leader was mistaken and the target server is actually
// operational, then at worst this mistake will result in an extra election."
func TestPriorLeaderStepsDownForTheTarget(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.Step(Transfer{To: 2})
	for range 10 { // given up
		s.receive(HeartbeatReply{Envelope: from(3, 1)})
		s.tick()
	}
	e := s.receive(VoteRequest{Envelope: from(2, 2), Last: s.log.last(), Transfer: true})
	s.wantRole(Follower, 2)
	if votes := sent[VoteReply](then(e)); len(votes) != 1 || !votes[0].Granted {
		t.Fatalf("then %+v, want the prior leader's vote", then(e))
	}
}

// Thesis §3.10: a target without all of the log must not stand, and one that lost its connection in between is brought up to
// date again by the usual replication, before it is told.
func TestTransferFeedsTheTargetFirst(t *testing.T) {
	s := newSingle(t, 3, HardState{}, nil)
	s.leadCommitted()
	s.Step(Propose{Commands: [][]byte{[]byte("a"), []byte("b")}})
	s.Step(Transfer{To: 2})
	for range 3 {
		s.tick()
	}
	e := s.receive(HeartbeatReply{Envelope: from(2, 1)})
	asked := sent[AppendRequest](e.Send)
	if len(asked) != 1 || len(sent[TimeoutNow](e.Send)) != 0 {
		t.Fatalf("sends %+v, want it asked what it has", e.Send)
	}
	e = s.receive(AppendReject{Envelope: from(2, 1), Prev: asked[0].Prev, Hint: Position{1, 1}})
	if again := sent[AppendRequest](e.Send); len(again) != 1 || len(again[0].Entries) != 2 || len(sent[TimeoutNow](e.Send)) != 0 {
		t.Fatalf("sends %+v, want both entries again", e.Send)
	}
	e = s.receive(AppendReply{Envelope: from(2, 1), Match: 3})
	if len(sent[TimeoutNow](e.Send)) != 1 {
		t.Fatalf("sends %+v, want TimeoutNow", e.Send)
	}
}
