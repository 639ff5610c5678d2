package core

import (
	"reflect"
	"strings"
	"testing"
)

// What changes of the membership ask for, are refused for, and leave behind.

// What makes no sense is refused, and changes nothing.
func TestChangesThatAreRefused(t *testing.T) {
	members := []Member{member(1, "v"), member(2, "v"), member(3, "v"), member(4, ""), {ID: 6, Address: "a", Instance: 66}}
	for name, test := range map[string]struct {
		change Change
		want   Refusal
	}{
		"unknown kind":               {Change{Kind: 99, ID: 2}, Malformed},
		"no kind":                    {Change{ID: 2}, Malformed},
		"add without an address":     {Change{Kind: AddMember}, Malformed},
		"address too long":           {Change{Kind: AddMember, Address: strings.Repeat("a", MaxAddressBytes+1)}, Malformed},
		"id that leaves none":        {Change{Kind: AddMember, ID: 1<<64 - 1, Address: "a"}, Malformed},
		"add a member":               {Change{Kind: AddMember, ID: 4, Address: "a"}, AlreadyMember},
		"add an old id":              {Change{Kind: AddMember, ID: 5, Address: "a"}, IDUsed},
		"add a disk by another id":   {Change{Kind: AddMember, ID: 9, Address: "a", Instance: 66}, AlreadyMember},
		"promote nobody":             {Change{Kind: PromoteMember}, Malformed},
		"promote a stranger":         {Change{Kind: PromoteMember, ID: 9}, NotMember},
		"promote a voter":            {Change{Kind: PromoteMember, ID: 2}, AlreadyMember},
		"promote one that is silent": {Change{Kind: PromoteMember, ID: 6}, NotCaughtUp},
		"remove a stranger":          {Change{Kind: RemoveMember, ID: 9}, NotMember},
		"move a stranger":            {Change{Kind: MoveMember, ID: 9, Address: "b"}, NotMember},
		"move nowhere":               {Change{Kind: MoveMember, ID: 2}, Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSingleFrom(t, Config{ID: 1, Configuration: configurationOf(members...)})
			s.lead()
			s.flush()
			s.ack(2, 3)
			s.wantRefused(test.change, test.want)
		})
	}
	s := leaderOfMembers(t, member(1, "v"), member(2, ""))
	s.wantRefused(Change{Kind: RemoveMember, ID: 1}, LastVoter)
	full := make([]Member, MaxMembers)
	for i := range full {
		full[i] = member(NodeID(i+1), map[bool]string{true: "v"}[i == 0])
	}
	s = newSingleFrom(t, Config{ID: 1, Configuration: configurationOf(full...)})
	s.leadCommitted()
	s.wantRefused(Change{Kind: AddMember, Address: "a"}, TooLarge)
}

// A change whose voters could not commit it is refused: nothing else could be committed after it either.
func TestNoChangeToVotersThatDoNotAnswer(t *testing.T) {
	s := leaderOfMembers(t, member(1, "v"), member(2, "v"), member(3, "v"), member(4, ""))
	for range s.config.ElectionTicks {
		s.tick()
		s.ack(2, 4) // node 3 is dead
	}
	s.wantRefused(Change{Kind: RemoveMember, ID: 2}, NoMajority)
	s.change(Change{Kind: PromoteMember, ID: 4})
	s.wantMembers("{1 2 3} to {1 2 3 4}")

	s = leaderOfMembers(t, member(1, "v"), member(2, "v"), member(3, "v"))
	s.change(Change{Kind: RemoveMember, ID: 3})
	s.wantMembers("{1 2 3} to {1 2}")
}

// Plain changes take one entry, and leave the voters alone.
func TestPlainChangesTakeOneEntry(t *testing.T) {
	for name, test := range map[string]struct {
		change Change
		want   []Member
	}{
		"add":    {Change{Kind: AddMember, Address: "b", Promote: true, Instance: 5}, []Member{member(1, "v"), member(2, ""), {ID: 3, Address: "b", Promote: true, Instance: 5}}},
		"add 9":  {Change{Kind: AddMember, ID: 9, Address: "b"}, []Member{member(1, "v"), member(2, ""), {ID: 9, Address: "b"}}},
		"remove": {Change{Kind: RemoveMember, ID: 2}, []Member{member(1, "v")}},
		"move":   {Change{Kind: MoveMember, ID: 2, Address: "b"}, []Member{member(1, "v"), {ID: 2, Address: "b"}}},
	} {
		s := leaderOfMembers(t, member(1, "v"), member(2, ""))
		s.change(test.change)
		e := s.flush() // a lone voter needs nobody else
		if !reflect.DeepEqual(s.Configuration().Members, test.want) || len(e.Changes) != 1 || e.Changes[0].Index != 2 || s.LastIndex() != 2 {
			t.Errorf("%s: %+v, answered %+v, last index %d", name, s.Configuration(), e.Changes, s.LastIndex())
		}
	}
}

// "A failed join leaves no half-member", and a lone voter can add a node and go on while that is away.
func TestALoneVoterAddsANodeThatIsAway(t *testing.T) {
	s := leaderOfMembers(t, member(1, "v"))
	s.change(Change{Kind: AddMember, Address: "a", Promote: true})
	if e := s.flush(); len(e.Changes) != 1 || e.Changes[0].Member != 2 {
		t.Fatalf("answered %+v", e.Changes)
	}
	for range 3 * s.config.ElectionTicks {
		s.tick()
	}
	s.wantRole(Leader, 1)
	s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	s.flush()
	if s.commit != 3 {
		t.Fatalf("commit %d, want 3", s.commit)
	}
	s.wantMembers("{1} learners {2+}")
	s.change(Change{Kind: RemoveMember, ID: 2})
	s.flush()
	s.wantMembers("{1}")
}

// Thesis §4.2.1: a new server "joins the cluster as a non-voting member", and once it "has caught up ... the reconfiguration
// can proceed". The leader itself makes a learner a voter that was added for it; another leader does so too.
func TestALearnerIsPromotedOnceItHasCaughtUp(t *testing.T) {
	s := leaderOfMembers(t, member(1, "v"), member(2, "v"), member(3, "v"))
	for range 9 {
		s.Step(Propose{Commands: [][]byte{[]byte("a")}})
	}
	s.flush()
	s.ack(2)
	s.change(Change{Kind: AddMember, Address: "a", Promote: true})
	s.flush()
	s.ack(2)
	s.tick()
	s.receive(AppendReply{Envelope: from(4, s.term), Match: 10})
	s.wantMembers("{1 2 3} learners {4+}") // one entry behind
	s.wantRefused(Change{Kind: PromoteMember, ID: 4}, NotCaughtUp)
	s.receive(AppendReply{Envelope: from(4, s.term), Match: 11})
	s.wantMembers("{1 2 3} to {1 2 3 4}")

	// After a failover the next leader finds the wish in the configuration.
	s = newSingleFrom(t, Config{ID: 1, Configuration: configurationOf(member(1, "v"), member(2, "v"), member(3, "p"))})
	s.lead()
	s.flush()
	s.ack(2)
	s.wantMembers("{1 2} learners {3+}")
	s.ack(3)
	s.wantMembers("{1 2} to {1 2 3}")
}

// A learner that held the log once and is gone since is not made a voter: commits would wait for it.
func TestASilentLearnerIsNotPromoted(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: configurationOf(member(1, "v"), member(2, ""))})
	s.lead()
	s.flush()
	s.ack(2)
	for range s.config.ElectionTicks {
		s.tick()
	}
	s.wantRefused(Change{Kind: PromoteMember, ID: 2}, NotCaughtUp)
}

// Ids are never given again: not that of a removed member, not after a restart, not by the members that a cluster began with.
func TestIDsAreNeverGivenAgain(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: configurationOf(member(1, "v"), member(7, ""))})
	s.lead()
	s.flush()
	s.change(Change{Kind: RemoveMember, ID: 7})
	s.flush()
	s.wantRefused(Change{Kind: AddMember, ID: 7, Address: "a"}, IDUsed)
	s.wantRefused(Change{Kind: AddMember, ID: 5, Address: "a"}, IDUsed)
	s.change(Change{Kind: AddMember, Address: "a"})
	s.flush()
	s.wantMembers("{1} learners {8}")
	s.change(Change{Kind: RemoveMember, ID: 8})
	s.flush()

	// By way of a snapshot.
	meta := SnapshotMeta{Position: s.log.last(), Configuration: s.Configuration()}
	encoded, err := DecodeConfiguration(AppendConfiguration(nil, meta.Configuration))
	if err != nil || !reflect.DeepEqual(encoded, meta.Configuration) {
		t.Fatalf("%+v became %+v, %v", meta.Configuration, encoded, err)
	}
	s = newSingleFrom(t, Config{
		ID: 1, Configuration: encoded, ConfigurationIndex: meta.Index, HardState: HardState{Term: meta.Term, Commit: meta.Index},
		Snapshot: meta, Last: meta.Position,
	})
	s.lead()
	s.flush()
	s.change(Change{Kind: AddMember, Address: "a"})
	s.wantMembers("{1} learners {9}")
}

// A join whose answer was lost is repeated and succeeds, with the id that the first one was given.
func TestARepeatedJoinSucceeds(t *testing.T) {
	s := leaderOfMembers(t, member(1, "v"))
	join := Change{Kind: AddMember, Address: "a", Instance: 77}
	s.change(join)
	s.flush()
	for _, id := range []NodeID{None, 2} {
		join.ID = id
		e := s.change(join)
		if want := (ChangeResult{ID: 7, Member: 2, Index: 2}); len(e.Changes) != 1 || e.Changes[0] != want || s.LastIndex() != 2 {
			t.Fatalf("answered %+v, last index %d; want %+v", e.Changes, s.LastIndex(), want)
		}
	}
	// What was asked for is done: not appended again either.
	if e := s.change(Change{Kind: MoveMember, ID: 2, Address: "a"}); len(e.Changes) != 1 || e.Changes[0].Refusal != Accepted || s.LastIndex() != 2 {
		t.Fatalf("answered %+v, last index %d", e.Changes, s.LastIndex())
	}
}

// "A minority leader never commits a configuration", neither by its own count nor by that of the voters it adds.
func TestAMinorityCommitsNoConfiguration(t *testing.T) {
	s := leaderOfMembers(t, member(1, "v"), member(2, "v"), member(3, "v"), member(4, ""))
	s.tick()
	s.ack(4)
	s.change(Change{Kind: PromoteMember, ID: 4})
	s.flush()
	for range 2 * s.config.ElectionTicks {
		s.ack(4)
		s.tick()
	}
	if s.commit != 1 || s.role == Leader {
		t.Fatalf("%s with commit %d; heard of nobody but itself and the node that is to vote", s.role.String(), s.commit)
	}
}

// The membership travels inside the snapshot, in the middle of a change too.
func TestAnInstalledSnapshotBringsTheMembership(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1})
	joint := configurationOf(member(1, "v"), member(2, "vo"), member(3, "o"))
	joint.HighestID = 5
	s.receive(SnapshotChunk{Envelope: from(2, 3), Meta: SnapshotMeta{Position: Position{9, 3}, Configuration: joint, Time: 1}, Size: 0})
	s.flush()
	s.Step(SnapshotInstalled{Index: 9, OK: true})
	s.Step(Applied{Index: 9})
	s.flush()
	s.wantMembers("{2 3} to {1 2}")
	for _, id := range []NodeID{3} {
		s.timeout()
		s.receive(PreVoteReply{Envelope: from(id, 4), Granted: true})
		s.receive(PreVoteReply{Envelope: from(2, 4), Granted: true})
	}
	s.flush()
	for id := NodeID(2); id <= 3; id++ {
		s.receive(VoteReply{Envelope: from(id, 4), Granted: true})
	}
	s.wantRole(Leader, 4)
	s.flush()
	s.ack(2, 3)
	s.wantMembers("{1 2}")
	s.flush()
	s.ack(2)
	s.change(Change{Kind: AddMember, Address: "a"})
	s.wantMembers("{1 2} learners {6}")
}
