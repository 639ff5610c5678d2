package raft_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"redoubt/raft"
	"redoubt/raft/memnet"
)

func TestOneLeaderIsElectedAndStays(t *testing.T) {
	c := newCluster(t, 3).start()
	first := c.leader(c.all()...)
	term, _ := c.nodes[first].raft.GetState()
	for i := range 20 {
		c.commit(fmt.Sprint("command ", i), c.all()...)
	}
	if again, _ := c.nodes[first].raft.GetState(); again != term {
		t.Errorf("a quiet network saw terms %d and %d: nobody had a reason to stand for election", term, again)
	}
}

func TestANewLeaderTakesOver(t *testing.T) {
	c := newCluster(t, 3).start()
	old := c.leader(c.all()...)
	c.commit("before", c.all()...)
	c.net.Disconnect(old)
	rest := c.others(old)
	c.commit("during", rest...)
	c.net.Connect(old)
	c.commit("after", c.all()...)
}

func TestNothingIsCommittedWithoutAMajority(t *testing.T) {
	c := newCluster(t, 5).start()
	leader := c.leader(c.all()...)
	c.commit("before", c.all()...)
	before := c.appliedIndex(leader)
	cut := c.others(leader)[:3]
	for _, id := range cut {
		c.net.Disconnect(id)
	}
	index, term, ok := c.nodes[leader].raft.Start([]byte("lonely"))
	if ok {
		c.await("a leader without a majority steps down", func() bool {
			now, leads := c.nodes[leader].raft.GetState()
			return !leads || now != term
		})
		if got := c.appliedIndex(leader); got >= index {
			t.Fatalf("entry %d was applied (index %d before, %d now) by a minority", index, before, got)
		}
	}
	for _, id := range cut {
		c.net.Connect(id)
	}
	c.commit("after", c.all()...)
}

func TestACutOffNodeComesBackWithoutDisturbance(t *testing.T) {
	c := newCluster(t, 3).start()
	leader := c.leader(c.all()...)
	c.commit("one", c.all()...)
	cut := c.others(leader)[0]
	c.net.Disconnect(cut)
	for i := range 10 {
		c.commit(fmt.Sprint("without ", i), c.others(cut)...)
	}
	before, _ := c.nodes[leader].raft.GetState()
	// Long enough to stand for election several times over, if pre-vote did not stop it.
	started := time.Now()
	c.await("time passes", func() bool { return time.Since(started) > 800*time.Millisecond })
	c.net.Connect(cut)
	c.commit("together", c.all()...)
	if after, _ := c.nodes[leader].raft.GetState(); after != before {
		t.Errorf("the term moved from %d to %d: a node that was cut off deposed a live leader", before, after)
	}
}

func TestEverythingCommittedSurvivesRestarts(t *testing.T) {
	c := newCluster(t, 3).start()
	for round := range 5 {
		c.commit(fmt.Sprint("round ", round), c.all()...)
		for _, id := range c.all() {
			c.restart(id)
		}
	}
	c.commit("last", c.all()...)
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, s := range c.nodes {
		for round := range 5 {
			if want := fmt.Sprint("round ", round); !contains(s.commands, want) {
				t.Errorf("node %d has lost %q over a restart", id, want)
			}
		}
	}
}

func contains(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}

func TestALaggingNodeCatchesUpBySnapshot(t *testing.T) {
	// A tail so short that the leader cannot feed the node from memory.
	c := newCluster(t, 3, raft.WithLimits(raft.Limits{SnapshotChunkBytes: 64, TailBytes: 1 << 10}))
	c.snapshotEvery = 10
	c.start()
	leader := c.leader(c.all()...)
	c.commit("first", c.all()...)
	cut := c.others(leader)[0]
	c.net.Disconnect(cut)
	for i := range 55 {
		c.commit(fmt.Sprint("command ", i), c.others(cut)...)
	}
	c.net.Connect(cut)
	c.commit("together", c.all()...)
	c.mu.Lock()
	loaded := c.nodes[cut].loaded
	c.mu.Unlock()
	if loaded < 40 {
		t.Errorf("the lagging node has loaded a snapshot of index %d: it was not fed by one", loaded)
	}
	c.restart(cut)
	c.commit("after its restart", c.all()...)
}

func TestAgreementOnABadNetwork(t *testing.T) {
	c := newCluster(t, 5)
	c.snapshotEvery = 50
	c.start()
	c.net.SetFaults(memnet.Faults{MaxDelay: 10 * time.Millisecond, Drop: 0.1, Duplicate: 0.1, Reorder: 0.2})
	random := rand.New(rand.NewPCG(7, 7))
	for i := range 30 {
		switch victim := raft.NodeID(1 + random.IntN(5)); random.IntN(4) {
		case 0:
			c.restart(victim)
		case 1:
			c.net.Disconnect(victim)
			c.commit(fmt.Sprint("without one ", i), c.others(victim)...)
			c.net.Connect(victim)
		default:
			c.commit(fmt.Sprint("command ", i), c.leader(c.all()...))
		}
	}
	c.net.SetFaults(memnet.Faults{})
	c.commit("healed", c.all()...)
}

// outcomes counts how proposals ended without being applied.
type outcomes struct{ refused, uncertain atomic.Int64 }

func (o *outcomes) Dropped(reason error) {
	if errors.Is(reason, raft.ErrUncertain) {
		o.uncertain.Add(1)
	} else {
		o.refused.Add(1)
	}
}

func TestAProposalOfADeposedLeaderIsUncertain(t *testing.T) {
	c := newCluster(t, 3).start()
	leader := c.leader(c.all()...)
	c.commit("before", c.all()...)
	c.net.Disconnect(leader)
	var o outcomes
	c.nodes[leader].raft.Propose([]byte("cut off"), &o)
	c.await("the cut off leader tells that it cannot know", func() bool { return o.uncertain.Load()+o.refused.Load() == 1 })
	if o.uncertain.Load() != 1 {
		t.Error("a proposal that was in the leader's log was called not done (P3): it may yet be committed")
	}
	c.nodes[leader].raft.Propose([]byte("too late"), &o)
	c.await("a node that does not lead refuses", func() bool { return o.refused.Load() == 1 })
	c.net.Connect(leader)
}

func TestReadIndexCoversWhatWasCommitted(t *testing.T) {
	c := newCluster(t, 3).start()
	c.commit("x", c.all()...)
	leader := c.leader(c.all()...)
	applied := c.appliedIndex(leader)
	index, err := c.nodes[leader].raft.ReadIndex()
	if err != nil || index < applied {
		t.Fatalf("read index %d, %v does not cover %d, which was applied before", index, err, applied)
	}
	c.net.Disconnect(leader)
	if index, err := c.nodes[leader].raft.ReadIndex(); !errors.Is(err, raft.ErrNotLeader) {
		t.Fatalf("a leader without a majority confirmed read index %d, %v: another may lead (P2)", index, err)
	}
	c.net.Connect(leader)
}

func TestLeadershipIsTransferred(t *testing.T) {
	c := newCluster(t, 3).start()
	leader := c.leader(c.all()...)
	c.commit("x", c.all()...)
	heir := c.others(leader)[1]
	c.nodes[leader].raft.TransferLeadership(heir)
	c.await("the heir leads", func() bool {
		_, leads := c.nodes[heir].raft.GetState()
		return leads
	})
	c.commit("y", c.all()...)
}
