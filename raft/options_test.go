package raft_test

import (
	"strings"
	"testing"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
)

func TestMakeRefusesWhatCannotWork(t *testing.T) {
	alone := []raft.Peer{{ID: 1}}
	applyCh := make(chan raft.ApplyMsg)
	for _, c := range []struct {
		name    string
		peers   []raft.Peer
		applyCh chan raft.ApplyMsg
		options []raft.Option
		want    string
	}{
		{"nobody applies", alone, nil, nil, "WithApply"},
		{"peers without this node", []raft.Peer{{ID: 2}}, applyCh, nil, "not among the peers"},
		{"several nodes without a network", []raft.Peer{{ID: 1}, {ID: 2}}, applyCh, nil, "WithNetwork"},
		{"a node that is to join without a network", nil, applyCh, nil, "WithNetwork"},
		{"a tick that never passes", alone, applyCh, []raft.Option{raft.WithTick(0)}, "too short"},
		{"leases counted in too few ticks", alone, applyCh, []raft.Option{
			raft.WithLeases(), raft.WithTimeouts(10*time.Millisecond, 90*time.Millisecond),
		}, "election timeout of 10 ticks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := raft.Make(c.peers, 1, raft.NewMemoryPersister(), c.applyCh, c.options...)
			if err == nil {
				r.Stop()
				t.Fatal("was taken, want an error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %q, want one that speaks of %q", err, c.want)
			}
		})
	}
}

// following is a network that notes which members it was told.
type following struct {
	*citizen
	told *[][]core.Member
}

func (f following) SetMembers(members []core.Member) { *f.told = append(*f.told, members) }

func TestTheNetworkFollowsTheMembership(t *testing.T) {
	w := newWorld(3)
	told := make([][][]core.Member, len(w.nodes))
	for i, c := range w.nodes {
		if err := c.begin(raft.WithNetwork(following{c, &told[i]})); err != nil {
			t.Fatal(err)
		}
		if len(told[i]) != 1 || len(told[i][0]) != 3 {
			t.Fatalf("at its start a network was told of %v, want the three members", told[i])
		}
	}
	var results []core.Refusal
	leader := w.leader()
	w.until(func() bool { return leader.raft.Standing().CommitIndex > 0 })
	leader.raft.ChangeMembership(raft.Change{Kind: core.MoveMember, ID: 3, Address: "elsewhere"},
		func(result raft.ChangeResult) { results = append(results, result.Refusal) })
	w.until(func() bool { return len(results) > 0 })
	w.until(func() bool { return len(told[0]) > 1 && len(told[1]) > 1 && len(told[2]) > 1 })
	for i := range told {
		if last := told[i][len(told[i])-1]; len(told[i]) != 2 || last[2].Address != "elsewhere" {
			t.Errorf("network %d was told %v, want the members as they were and as they are", i+1, told[i])
		}
	}
}
