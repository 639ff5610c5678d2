package core

import (
	"strings"
	"testing"
)

// The tests of this file are named by the sentence that they check: of Raft §6 and of chapter 4 of the thesis.

// member is one node of a configuration: v voter, o old voter, p to be promoted.
func member(id NodeID, flags string) Member {
	return Member{
		ID: id, Address: "a", Voter: strings.Contains(flags, "v"), OldVoter: strings.Contains(flags, "o"),
		Promote: strings.Contains(flags, "p"),
	}
}

func configurationOf(members ...Member) Configuration { return Configuration{Members: members} }

// leaderOfMembers returns node 1 as the leader of a configuration, with everything committed and every peer heard.
func leaderOfMembers(t *testing.T, members ...Member) *single {
	t.Helper()
	s := newSingleFrom(t, Config{ID: 1, Configuration: configurationOf(members...)})
	s.leadCommitted()
	return s
}

// change asks for a change and returns what came of it at once.
func (s *single) change(change Change) Effects {
	return s.Step(ChangeMembership{ID: 7, Mono: s.mono, Change: change})
}

// ack lets peers acknowledge what is now the whole log. It returns what was answered, sent and reported.
func (s *single) ack(ids ...NodeID) (all Effects) {
	last := s.LastIndex()
	for _, id := range ids {
		e := s.receive(AppendReply{Envelope: from(id, s.term), Match: last, Round: s.round})
		all.Changes, all.Send = append(all.Changes, e.Changes...), append(all.Send, e.Send...)
		if e.Status != nil {
			all.Status = e.Status
		}
	}
	return all
}

// wantRefused demands that a change is refused with nothing done.
func (s *single) wantRefused(change Change, want Refusal) {
	s.t.Helper()
	last := s.LastIndex()
	e := s.change(change)
	if len(e.Changes) != 1 || e.Changes[0].Refusal != want || e.Changes[0].ID != 7 || s.LastIndex() != last {
		s.t.Fatalf("%+v: answered %+v, last index %d after %d; want %q and no entry", change, e.Changes, s.LastIndex(), last, want.text())
	}
}

// wantMembers demands a configuration in force.
func (s *single) wantMembers(want string) {
	s.t.Helper()
	if got := s.Configuration().text(); got != want {
		s.t.Fatalf("goes by %s, want %s", got, want)
	}
}

// Raft §6: "In Raft the cluster first switches to a transitional configuration we call joint consensus; once the joint
// consensus has been committed, the system then transitions to the new configuration." The change is done
// when that is committed, and not before.
func TestVotersChangeByJointConsensus(t *testing.T) {
	for name, test := range map[string]struct {
		change       Change
		joint, final string
	}{
		"promotion": {Change{Kind: PromoteMember, ID: 4}, "{1 2 3} to {1 2 3 4}", "{1 2 3 4}"},
		"removal":   {Change{Kind: RemoveMember, ID: 3}, "{1 2 3} to {1 2} learners {4}", "{1 2} learners {4}"},
	} {
		t.Run(name, func(t *testing.T) {
			s := leaderOfMembers(t, member(1, "v"), member(2, "v"), member(3, "v"), member(4, ""))
			s.tick()
			s.ack(4)
			if e := s.change(test.change); len(e.Changes) != 0 {
				t.Fatalf("answered %+v before anything is committed", e.Changes)
			}
			s.wantMembers(test.joint)
			s.flush()
			if e := s.ack(2, 3, 4); len(e.Changes) != 0 {
				t.Fatalf("answered %+v when only the joint configuration is committed", e.Changes)
			}
			s.wantMembers(test.final)
			s.flush()
			e := s.ack(2, 3, 4)
			want := ChangeResult{ID: 7, Member: test.change.ID, Index: s.LastIndex()}
			if len(e.Changes) != 1 || e.Changes[0] != want {
				t.Fatalf("answered %+v when the final configuration is committed, want %+v", e.Changes, want)
			}
		})
	}
}

// Raft §6: "Log entries are replicated to all servers in both configurations."
func TestJointEntriesGoToBothConfigurations(t *testing.T) {
	s := leaderOfMembers(t, member(1, "v"), member(2, "v"), member(3, "v"), member(4, ""))
	s.change(Change{Kind: RemoveMember, ID: 3})
	s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	for id := NodeID(2); id <= 4; id++ {
		if p := s.peer(id); p == nil || p.next != s.LastIndex()+1 {
			t.Fatalf("node %d is not sent what follows the joint configuration: %+v", id, p)
		}
	}
}

// Raft §6: "Agreement (for elections and entry commitment) requires separate majorities from both the old
// and new configurations." (Elections: TestJointConfigurationNeedsBothMajorities.)
func TestJointCommitNeedsBothMajorities(t *testing.T) {
	for name, test := range map[string]struct {
		members []Member
		acks    []NodeID
		commits bool
	}{
		"old alone":  {[]Member{member(1, "vo"), member(2, "o"), member(3, "o"), member(4, "v"), member(5, "v")}, []NodeID{2, 3}, false},
		"new alone":  {[]Member{member(1, "vo"), member(2, "o"), member(3, "o"), member(4, "v"), member(5, "v")}, []NodeID{4, 5}, false},
		"both":       {[]Member{member(1, "vo"), member(2, "o"), member(3, "o"), member(4, "v"), member(5, "v")}, []NodeID{2, 4}, true},
		"not itself": {[]Member{member(1, "o"), member(2, "vo"), member(3, "vo")}, []NodeID{2}, false},
		"the others": {[]Member{member(1, "o"), member(2, "vo"), member(3, "vo")}, []NodeID{2, 3}, true},
	} {
		s := newSingleFrom(t, Config{ID: 1, Configuration: configurationOf(test.members...)})
		s.lead()
		s.flush()
		s.ack(test.acks...)
		if commits := s.commit > 0; commits != test.commits {
			t.Errorf("%s: acknowledged by 1 and %v, committed: %t", name, test.acks, commits)
		}
	}
}

// Raft §6: "Any server from either configuration may serve as leader." And: "the leader ... can create C_new once
// C_old,new has been committed", which the next leader does if its predecessor did not. It must have committed
// an entry of its own term first.
func TestNextLeaderCompletesAJointConfiguration(t *testing.T) {
	for _, own := range []string{"vo", "v", "o"} {
		s := newSingleFrom(t, Config{ID: 1, Configuration: configurationOf(member(1, own), member(2, "vo"), member(3, "vo"))})
		s.lead()
		s.flush()
		if s.LastIndex() != 1 || !s.Configuration().Joint() {
			t.Fatalf("%s: completed before an entry of its own term is committed", own)
		}
		s.ack(2, 3)
		want := "{1 2 3}"
		if own == "o" {
			want = "{2 3}"
		}
		s.wantMembers(want)
		if s.LastIndex() != 2 {
			t.Fatalf("%s: last index %d, want the final configuration at 2", own, s.LastIndex())
		}
	}
}

// Raft §6: "the cluster leader may not be part of the new configuration. In this case, the leader steps down (returns to
// follower state) once it has committed the C_new log entry." Until then "it replicates log entries but does
// not count itself in majorities." The change is answered as done in the step in which it steps down.
func TestARemovedLeaderStepsDownOnceItIsOut(t *testing.T) {
	s := leaderOfMembers(t, member(1, "v"), member(2, "v"), member(3, "v"))
	s.change(Change{Kind: RemoveMember, ID: 1})
	s.flush()
	s.ack(2, 3)
	s.wantMembers("{2 3}")
	s.flush()
	s.ack(2)
	s.wantRole(Leader, 1)
	if s.commit != 2 {
		t.Fatalf("commit %d by its own disk and one of two voters", s.commit)
	}
	e := s.ack(3)
	s.wantRole(Follower, 1)
	if len(e.Changes) != 1 || e.Changes[0].Refusal != Accepted || e.Status == nil || e.Status.Role != Follower {
		t.Fatalf("changes %+v, status %+v; want the answer with the step down", e.Changes, e.Status)
	}
	if now := sent[TimeoutNow](e.Send); len(now) != 1 || now[0].To != 2 {
		t.Fatalf("told %+v to take over, want node 2, which has all of the log", now)
	}
	for range 100 {
		s.tick()
	}
	s.wantRole(Follower, 1)
}

// What a removed leader took is answered for: it takes nothing more, and waits for what is under way, though not for ever.
func TestARemovedLeaderLeavesNothingBehind(t *testing.T) {
	for _, answered := range []bool{true, false} {
		s := leaderOfMembers(t, member(1, "v"), member(2, "v"), member(3, "v"))
		s.change(Change{Kind: RemoveMember, ID: 1})
		s.flush()
		s.ack(2, 3) // the final configuration is at 3
		s.Step(Propose{Commands: [][]byte{[]byte("a")}})
		s.flush()
		for id := NodeID(2); id <= 3; id++ {
			s.receive(AppendReply{Envelope: from(id, 1), Match: 3})
		}
		s.wantRole(Leader, 1)
		if e := s.Step(Propose{Commands: [][]byte{[]byte("b")}}); e.Proposed.Refusal != Transferring {
			t.Fatalf("a leader that is out takes a proposal: %s", e.Proposed.Refusal.text())
		}
		var e Effects
		if answered {
			s.ack(2)
			e = s.ack(3)
		}
		for range s.config.ElectionTicks {
			s.receive(HeartbeatReply{Envelope: from(2, 1)})
			s.receive(HeartbeatReply{Envelope: from(3, 1)})
			s.tick()
		}
		s.wantRole(Follower, 1)
		if summons := len(sent[TimeoutNow](e.Send)); (s.commit == 4) != answered || (summons == 1) != answered {
			t.Fatalf("answered %t: commit %d, %d summons", answered, s.commit, summons)
		}
	}
}

// Thesis §4.2.2: "a server that is not part of its own latest configuration should still start new elections, as it might
// still be needed until the C_new entry is committed (as in Figure 4.6). It does not count its own vote in
// elections unless it is part of its latest configuration."
func TestALeaderThatRemovedItselfStandsAgainUntilItIsOut(t *testing.T) {
	joint, final := configurationOf(member(1, "o"), member(2, "vo")), configurationOf(member(2, "v"))
	log := []Entry{
		{Index: 1, Term: 1, Kind: EntryConfiguration, Data: AppendConfiguration(nil, joint)},
		{Index: 2, Term: 1, Kind: EntryConfiguration, Data: AppendConfiguration(nil, final)},
	}
	s := newSingle(t, 2, HardState{Commit: 1}, log)
	s.wantMembers("{2}")
	s.timeout()
	s.wantRole(PreCandidate, 1)
	s.receive(PreVoteReply{Envelope: from(2, 2), Granted: true})
	s.flush()
	s.wantRole(Candidate, 2)
	s.receive(VoteReply{Envelope: from(2, 2), Granted: true})
	s.wantRole(Leader, 2)
	s.flush()
	s.ack(2)
	s.wantRole(Follower, 2) // it is out now

	s = newSingleFrom(t, Config{
		ID: 1, Configuration: final, ConfigurationIndex: 2, HardState: HardState{Term: 1, Commit: 2},
		FirstIndex: 1, Last: Position{2, 1},
	})
	for range 100 {
		s.tick()
	}
	s.wantRole(Follower, 1)
}

// A node that is not a member, or only learns, never stands. What it knows of the membership is all that is in its log,
// committed or not: there is no change that it knows of and does not go by.
func TestOnlyVotersStand(t *testing.T) {
	for name, test := range map[string]struct {
		configuration Configuration
		tail          []Entry
		stands        bool
	}{
		"voter":     {configurationOf(member(1, "v"), member(2, "v")), nil, true},
		"old voter": {configurationOf(member(1, "o"), member(2, "vo")), nil, true},
		"new voter": {configurationOf(member(1, "v"), member(2, "vo")), nil, true},
		"learner":   {configurationOf(member(1, ""), member(2, "v")), nil, false},
		"promotee":  {configurationOf(member(1, "p"), member(2, "v")), nil, false},
		"nobody":    {configurationOf(member(2, "v")), nil, false},
		"joining":   {Configuration{}, nil, false},
		"promotion that is not committed": {configurationOf(member(1, ""), member(2, "v")), []Entry{{
			Index: 1, Term: 1, Kind: EntryConfiguration, Data: AppendConfiguration(nil, configurationOf(member(1, "v"), member(2, "vo"))),
		}}, true},
	} {
		config := Config{ID: 1, Configuration: test.configuration, Tail: test.tail, HardState: HardState{Term: 1}}
		if len(test.tail) > 0 {
			config.Last = Position{1, 1}
		}
		s := newSingleFrom(t, config)
		for range 100 {
			s.tick()
		}
		if stands := s.role != Follower; stands != test.stands {
			t.Errorf("%s: stands for election: %t, want %t", name, stands, test.stands)
		}
	}
}

// Thesis §4.2.2, §4.1: a server grants its vote to a candidate, and takes entries from a leader, that are not part of its own
// latest configuration. A learner answers requests for votes: it may have been promoted without knowing.
func TestVotesAndEntriesOfStrangersCount(t *testing.T) {
	for name, configuration := range map[string]Configuration{
		"learner":          configurationOf(member(1, ""), member(2, "v")),
		"not a member":     configurationOf(member(2, "v")),
		"unknown to voter": configurationOf(member(1, "v"), member(2, "v")),
	} {
		s := newSingleFrom(t, Config{ID: 1, Configuration: configuration})
		e := s.receive(PreVoteRequest{Envelope: from(9, 1)})
		if replies := sent[PreVoteReply](append(e.Send, then(e)...)); len(replies) != 1 || !replies[0].Granted {
			t.Errorf("%s: pre-vote answered with %+v", name, replies)
		}
		e = s.receive(VoteRequest{Envelope: from(9, 1)})
		if replies := sent[VoteReply](then(e)); len(replies) != 1 || !replies[0].Granted {
			t.Errorf("%s: vote answered with %+v", name, replies)
		}
		s.receive(AppendRequest{Envelope: from(9, 1), Entries: logOf(1)})
		if s.LastIndex() != 1 || s.leader != 9 {
			t.Errorf("%s: entries of leader 9 are not taken", name)
		}
	}
}

// Raft §6: "servers disregard RequestVote RPCs when they believe a current leader exists." A removed server cannot
// disrupt the cluster: it moves no term.
func TestARemovedServerDoesNotDisrupt(t *testing.T) {
	for _, role := range []Role{Follower, Leader} {
		s := leaderOfMembers(t, member(1, "v"), member(2, "v"))
		if role == Follower {
			s.receive(HeartbeatRequest{Envelope: from(2, 2)})
		}
		term := s.term
		s.receive(PreVoteRequest{Envelope: from(3, term+1), Last: Position{99, term}})
		s.receive(VoteRequest{Envelope: from(3, term+1), Last: Position{99, term}})
		s.wantRole(role, term)
	}
}

// Ongaro's erratum to thesis §4.1 (2015): a leader must not begin a change before an entry of its own term is committed.
// Otherwise it could meet an older change that it does not know to be committed.
func TestNoChangeBeforeAnEntryOfTheOwnTermIsCommitted(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1, Commit: 1}, logOf(1))
	s.lead()
	s.flush()
	add := Change{Kind: AddMember, Address: "a"}
	s.wantRefused(add, ChangePending)
	s.ack(2)
	s.change(add)
	s.wantMembers("{1 2 3} learners {4}")
}

// Thesis §4.1: "a leader must not begin a change until the previous one has completed." Nor during a transfer.
func TestOneChangeAtATime(t *testing.T) {
	s := leaderOfMembers(t, member(1, "v"), member(2, "v"), member(3, "v"))
	move := Change{Kind: MoveMember, ID: 2, Address: "b"}
	s.change(Change{Kind: RemoveMember, ID: 3})
	for range 2 { // joint, then final
		s.wantRefused(move, ChangePending)
		s.flush()
		s.ack(2)
	}
	e := s.change(move)
	if s.LastIndex() != 4 || len(e.Changes) != 0 {
		t.Fatalf("after the end of the change before: %+v", e.Changes)
	}
	s.flush()
	s.ack(2)
	s.Step(Transfer{To: 2})
	s.wantRefused(Change{Kind: MoveMember, ID: 2, Address: "c"}, Transferring)
}

// A transfer halts a change of two steps between them; who leads after it goes on.
func TestATransferHaltsTheLog(t *testing.T) {
	s := leaderOfMembers(t, member(1, "v"), member(2, "v"), member(3, "v"))
	s.change(Change{Kind: RemoveMember, ID: 3})
	s.Step(Transfer{To: 2})
	s.flush()
	s.ack(2)
	s.wantMembers("{1 2 3} to {1 2}")
	s.Step(Transfer{To: 1}) // given up
	s.wantMembers("{1 2}")
}

// Thesis §4.1: "the leader loses leadership ... the change may or may not be committed": unknown, said once.
func TestTheOutcomeOfAChangeIsUnknownAfterTheLossOfLeadership(t *testing.T) {
	s := leaderOfMembers(t, member(1, "v"), member(2, "v"), member(3, "v"))
	s.change(Change{Kind: AddMember, Address: "a"})
	e := s.receive(HeartbeatRequest{Envelope: from(2, 2)})
	if want := (ChangeResult{ID: 7, Refusal: Unknown, Member: 4}); len(e.Changes) != 1 || e.Changes[0] != want {
		t.Fatalf("answered %+v, want %+v", e.Changes, want)
	}
	s.wantRefused(Change{Kind: AddMember, Address: "a"}, NotLeader)
	if e = s.receive(HeartbeatRequest{Envelope: from(2, 3)}); len(e.Changes) != 0 {
		t.Fatalf("answered again: %+v", e.Changes)
	}
}
