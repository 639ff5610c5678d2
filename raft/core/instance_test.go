package core

import "testing"

// The disks of these tests: node n speaks from disk 10*n, and after a loss from another.

// recorded returns voters 1..n, of which the first ones are recorded with their disks.
func recorded(n, count int) Configuration {
	c := voters(n)
	for i := range c.Members[:count] {
		c.Members[i].Instance = uint64(10 * (i + 1))
	}
	return c
}

// hear delivers a message from a disk.
func (s *single) hear(m Message, disk uint64) Effects {
	return s.Step(Receive{Message: m, Instance: disk})
}

// leadFrom brings node 1 to leadership by the votes of the given nodes, each from its disk.
func (s *single) leadFrom(voters ...NodeID) {
	s.t.Helper()
	s.timeout()
	for _, id := range voters {
		s.hear(PreVoteReply{Envelope: from(id, s.term+1), Granted: true}, uint64(10*id))
	}
	s.flush()
	for _, id := range voters {
		s.hear(VoteReply{Envelope: from(id, s.term), Granted: true}, uint64(10*id))
	}
	if s.role != Leader {
		s.t.Fatalf("%s after the votes of %v, want leader", s.role.String(), voters)
	}
	s.flush()
}

// While a cluster forms, every decision needs all voters: those who are missing may have taken part in one of which a blank
// disk knows nothing.
func TestFormingNeedsAllVoters(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: recorded(3, 2), Instance: 10})
	s.timeout()
	s.hear(PreVoteReply{Envelope: from(2, 1), Granted: true}, 20)
	s.wantRole(PreCandidate, 0)
	s.hear(PreVoteReply{Envelope: from(3, 1), Granted: true}, 30)
	s.flush()
	s.hear(VoteReply{Envelope: from(2, 1), Granted: true}, 20)
	s.wantRole(Candidate, 1)
	s.hear(VoteReply{Envelope: from(3, 1), Granted: true}, 30)
	s.wantRole(Leader, 1)
	s.flush()
	s.hear(AppendReply{Envelope: from(2, 1), Match: 1}, 20)
	if s.commit != 0 {
		t.Fatal("committed without node 3, whose disk is not recorded")
	}
	s.hear(AppendReply{Envelope: from(3, 1), Match: 1}, 30)
	if s.commit != 1 {
		t.Fatal("not committed by all voters")
	}
	s.wantMembers("{1@10 2@20 3@30}")
}

// A forming cluster takes no commands: one that was acknowledged could be lost sight of with any one voter. The leader records
// all voters at once, when it may change the membership, and from then on a majority decides.
func TestFormationRecordsDisks(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), Instance: 10})
	s.leadFrom(2, 3)
	propose := func(want Refusal) {
		t.Helper()
		if e := s.Step(Propose{Commands: [][]byte{[]byte("a")}}); e.Proposed.Refusal != want {
			t.Fatalf("proposal: %s, want %s", e.Proposed.Refusal.text(), want.text())
		}
	}
	propose(Forming)
	s.hear(AppendReply{Envelope: from(2, 1), Match: 1}, 20)
	s.wantMembers("{1 2 3}") // no entry of its own term is committed
	s.hear(AppendReply{Envelope: from(3, 1), Match: 1}, 30)
	s.wantMembers("{1@10 2@20 3@30}")
	propose(Accepted)
	s.flush()
	s.hear(AppendReply{Envelope: from(2, 1), Match: 3}, 20)
	if s.commit != 3 {
		t.Fatal("not committed by a majority of the disks that are recorded")
	}
}

// Nothing is recorded before the disks of all first voters are known, and the membership stays as it is.
func TestNothingIsRecordedBeforeAllAreHeard(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), Instance: 10})
	s.leadFrom(2, 3)
	s.hear(AppendReply{Envelope: from(2, 1), Match: 1}, 20)
	s.hear(AppendReply{Envelope: from(3, 1), Match: 1}, 0) // a network that does not tell
	s.flush()
	s.wantMembers("{1 2 3}")
	s.wantRefused(Change{Kind: AddMember, Address: "a"}, Forming)
}

// A node whose log ends before the recording is under the old rule: it is elected by all or by nobody, and those who have
// the recording do not hear blank disks, nor elect who lacks it.
func TestABlankDiskFormsNothingBesideTheCluster(t *testing.T) {
	c := newCluster(t, calmSeed, 3, 0, Config{ElectionTicks: 10, MaxInflightMessages: 4, Instance: 1})
	script := &script{cluster: c}
	c.print = func(string, ...any) {}
	do := func(words ...string) { script.do(words) }
	do("timeout", "1")
	for c.node(1).core.Configuration().Members[2].Instance == 0 {
		do("deliver")
		for _, n := range []string{"1", "2", "3"} {
			do("persist", n)
		}
	}
	do("drop", "1>3") // node 3 has not heard of the recording
	do("run")
	do("partition", "3")
	do("propose", "1", "a")
	do("run")
	if leader := c.node(1).core; leader.CommitIndex() != leader.LastIndex() || c.node(3).core.formed {
		t.Fatalf("committed up to %d of %d, node 3 knows of the recording: %t", leader.CommitIndex(), leader.LastIndex(), c.node(3).core.formed)
	}

	do("partition", "1")
	do("heal")
	do("partition", "1") // the leader alone, and beside it two nodes that know nothing of the cluster
	do("wipe", "2")
	for range 20 * c.limits.ElectionTicks {
		do("tick", "2")
		do("tick", "3")
		do("run")
	}
	for _, id := range []NodeID{2, 3} {
		if core := c.node(id).core; core.role == Leader || core.CommitIndex() > 1 {
			t.Fatalf("node %d is a %s and has committed %d", id, core.role.String(), core.CommitIndex())
		}
	}
	do("heal")
	for range 20 * c.limits.ElectionTicks {
		for _, id := range []string{"1", "2", "3"} {
			do("tick", id)
		}
		do("run")
	}
	if old, late := c.node(1).core, c.node(3).core; late.CommitIndex() < 3 || late.CommitIndex() != old.CommitIndex() || c.node(2).core.CommitIndex() != 0 {
		t.Fatalf("committed: node 1 %d, node 3 %d, and node 2 with its blank disk %d", old.CommitIndex(), late.CommitIndex(), c.node(2).core.CommitIndex())
	}
}

// A wiped disk under an old id is refused: neither its votes nor its acknowledgements are heard, nor is it elected.
func TestAWipedDiskIsNotHeard(t *testing.T) {
	for name, m := range map[string]Message{
		"pre-vote":        PreVoteReply{Envelope: from(2, 2), Granted: true},
		"vote":            VoteReply{Envelope: from(2, 1), Granted: true},
		"vote of term 9":  VoteRequest{Envelope: from(2, 9), Last: Position{9, 9}},
		"acknowledgement": AppendReply{Envelope: from(2, 1), Match: 1},
		"sign of life":    HeartbeatReply{Envelope: from(2, 1), Round: 1},
		"leadership":      HeartbeatRequest{Envelope: from(2, 9)},
	} {
		for _, disk := range []uint64{0, 21} {
			s := newSingleFrom(t, Config{ID: 1, Configuration: recorded(3, 3), Instance: 10})
			s.leadFrom(2)
			s.hear(m, disk)
			if s.Impostors() != 1 || s.commit != 0 || s.peer(2).round != 0 {
				t.Errorf("%s from disk %d: dropped %d, commit %d", name, disk, s.Impostors(), s.commit)
			}
			s.wantRole(Leader, 1)
		}
	}
	s := newSingleFrom(t, Config{ID: 1, Configuration: recorded(3, 3), Instance: 10})
	s.hear(VoteRequest{Envelope: from(2, 1)}, 21)
	if s.vote != None || s.term != 0 {
		t.Fatalf("voted for %d in term %d", s.vote, s.term)
	}
	// Who is no member has no disk on record.
	s.hear(VoteRequest{Envelope: from(9, 1)}, 99)
	if s.vote != 9 {
		t.Fatal("did not vote for a node that may be a member by now")
	}
}

// A node that learns that another disk is recorded for it does not stand.
func TestAWipedDiskDoesNotStand(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: recorded(3, 3), Instance: 11})
	for range 100 {
		s.tick()
	}
	s.wantRole(Follower, 0)
}

// A voter whose disk is lost while it is not recorded yet has nothing of what the other disk acknowledged.
func TestAnotherDiskOfAVoterThatIsNotRecordedStartsAnew(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: voters(3), Instance: 10})
	s.leadFrom(2, 3)
	s.hear(AppendReply{Envelope: from(2, 1), Match: 1}, 20)
	s.hear(HeartbeatReply{Envelope: from(2, 1)}, 21)
	s.hear(AppendReply{Envelope: from(3, 1), Match: 1}, 30)
	if s.commit != 0 {
		t.Fatal("committed with the acknowledgement of a disk that is lost")
	}
	s.hear(AppendReply{Envelope: from(2, 1), Match: 1}, 21)
	if s.commit != 1 {
		t.Fatal("not committed by all")
	}
	s.wantMembers("{1@10 2@21 3@30}")
}

// Without instances everything is as it was: nothing is recorded, and everybody counts.
func TestWithoutAnInstanceDisksAreNotToldApart(t *testing.T) {
	s := newSingleFrom(t, Config{ID: 1, Configuration: recorded(3, 1)})
	s.leadFrom(2)
	s.hear(AppendReply{Envelope: from(2, 1), Match: 1}, 21)
	if s.commit != 1 || s.LastIndex() != 1 || s.Impostors() != 0 {
		t.Fatalf("commit %d, last index %d, dropped %d", s.commit, s.LastIndex(), s.Impostors())
	}
}

// Where disks are not told apart, a voter that lost its own and comes back under the same leader has lost what it
// attested, which nobody notices: do not do that. But it must not be left without the log for ever. It has
// no answer to a heartbeat that tells of a commit beyond its log, and its rejections lie below its match: the
// leader takes it for silent, and then finds out anew what it holds.
func TestAWipedVoterUnderTheSameLeaderIsFedAgain(t *testing.T) {
	c := newCluster(t, calmSeed, 3, 0, Config{ElectionTicks: 10, MaxInflightMessages: 4})
	script := &script{cluster: c}
	c.print = func(string, ...any) {}
	for _, words := range [][]string{{"timeout", "1"}, {"run"}, {"propose", "1", "a", "b"}, {"run"}, {"tick", "1"}, {"run"}, {"wipe", "2"}} {
		script.do(words)
	}
	for range 3 * c.limits.ElectionTicks {
		script.do([]string{"tick", "1"})
		script.do([]string{"run"})
		c.propose(c.node(1))
	}
	if leader, wiped := c.node(1), c.node(2); leader.core.role != Leader || leader.core.term != 1 || wiped.index+6 < leader.core.commit {
		t.Fatalf("the wiped node has applied up to %d, the leader (%s of term %d) has committed %d", wiped.index, leader.core.role.String(), leader.core.term, leader.core.commit)
	}
}
