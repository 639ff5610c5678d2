package node

import (
	"context"
	"errors"
	"strings"
	"testing"

	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// addNode makes a node that is down and not a member yet.
func (c *testCluster) addNode(id raft.NodeID) *testNode {
	n := newTestNode(c, id)
	c.nodes = append(c.nodes, n)
	return n
}

// join takes a node into the cluster and starts it.
func (n *testNode) join(via *testNode) {
	t := n.cluster.t
	t.Helper()
	j, err := BeginJoin(n.disk, "/data", "test")
	if err != nil {
		t.Fatal(err)
	}
	id, err := via.change(resp.MemberChange{Kind: resp.AddMember, Address: n.peer, Instance: j.Instance(), Promote: true})
	if err != nil {
		t.Fatal(err)
	}
	if raft.NodeID(id) != n.id {
		t.Fatalf("the new node was given id %d, want %d", id, n.id)
	}
	if err := j.Complete(n.id, []raft.Peer{{ID: via.id, Address: via.peer}}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	n.start()
}

// change asks a node for a change of the membership.
func (n *testNode) change(change resp.MemberChange) (id uint64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return n.node.ChangeMembership(ctx, change)
}

func (c *testCluster) votes(id raft.NodeID) func() bool {
	return func() bool {
		m, ok := c.leader().node.raft.Configuration().Member(id)
		return ok && m.Voter
	}
}

// refusedWith waits until the node ends because the cluster refuses it.
func (n *testNode) refusedWith(text string) {
	t := n.cluster.t
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.node.Wait(ctx); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), text) {
		t.Fatalf("node %d ended with %v, want an error that it %s", n.id, err, text)
	}
}

func TestANodeJoinsCatchesUpAndIsRemovedForEver(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	leader.expect("OK", "SET", "k", "v")
	fourth := c.addNode(4)
	fourth.join(leader)
	eventually(t, "the new node votes", c.votes(4))
	c.settle()
	fourth.expect("OK", "READONLY")
	fourth.expect("v", "GET", "k")
	fourth.crash()
	fourth.start() // whom it finds by its own log now
	c.settle()
	if _, err := c.leader().change(resp.MemberChange{Kind: resp.RemoveMember, ID: 4}); err != nil {
		t.Fatal(err)
	}
	fourth.refusedWith("was removed")
	fourth.crash()
	fourth.start()
	fourth.refusedWith("was removed")
	fourth.stop()
}

func TestAWipedDiskIsRefusedAndTheNodeJoinsAnew(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	leader.expect("OK", "SET", "k", "v")
	wiped := c.others(leader)[0]
	wiped.crash()
	wiped.disk = vfs.NewMem()
	wiped.start()
	wiped.refusedWith("another disk")
	wiped.stop()
	if _, err := c.leader().change(resp.MemberChange{Kind: resp.RemoveMember, ID: uint64(wiped.id)}); err != nil {
		t.Fatal(err)
	}
	wiped.disk = vfs.NewMem()
	wiped.id = 4
	wiped.join(c.leader())
	eventually(t, "the node votes again", c.votes(4))
}

func TestAChangeIsRefusedWithTheReason(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	c.settle()
	cases := []struct {
		at     *testNode
		change resp.MemberChange
		want   string
	}{
		{c.others(leader)[0], resp.MemberChange{Kind: resp.RemoveMember, ID: 1}, string(resp.ErrNotLeader)},
		{leader, resp.MemberChange{Kind: resp.RemoveMember, ID: 9}, "ERR node 9 is not a member"},
		{leader, resp.MemberChange{Kind: resp.PromoteMember, ID: 9}, "ERR node 9 is not a member"},
		{leader, resp.MemberChange{Kind: resp.AddMember, ID: uint64(leader.id), Address: "a:1", Instance: 7}, "ERR node"},
	}
	for _, test := range cases {
		if _, err := test.at.change(test.change); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%+v at node %d: %v, want %s", test.change, test.at.id, err, test.want)
		}
	}
}

func TestLeadershipIsHandedOverOnDemand(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	c.settle()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	successor := c.others(leader)[1]
	if err := successor.node.TransferLeadership(ctx, 1); !errors.Is(err, resp.ErrNotLeader) {
		t.Errorf("a follower was asked to hand over: %v", err)
	}
	if err := leader.node.TransferLeadership(ctx, 9); err == nil || !strings.Contains(err.Error(), "not a member") {
		t.Errorf("leadership was handed to a stranger: %v", err)
	}
	if err := leader.node.TransferLeadership(ctx, uint64(successor.id)); err != nil {
		t.Fatal(err)
	}
	if standing := leader.node.raft.Standing(); standing.Leader != successor.id || standing.Role == core.Leader {
		t.Errorf("after the transfer, node %d leads", standing.Leader)
	}
	successor = c.others(c.leader())[0]
	successor.stop()
	leader = c.leader()
	if err := leader.node.TransferLeadership(ctx, uint64(successor.id)); err == nil || !strings.Contains(err.Error(), "did not take over") {
		t.Errorf("leadership was handed to a node that is down: %v", err)
	}
	if got := leader.do("SET", "k", "v"); got.err != nil {
		t.Errorf("a leader whose transfer came to nothing answers %v", got.err)
	}
}
