package node

import (
	"strings"
	"testing"

	"redoubt/internal/vfs"
	"redoubt/raft"
)

// A cluster begins when all its first nodes are there, and takes writes from when any one of them may be lost.
func TestAClusterFormsWithAllItsFirstNodes(t *testing.T) {
	c := &testCluster{t: t}
	for id := 1; id <= 3; id++ {
		c.nodes = append(c.nodes, newTestNode(c, raft.NodeID(id)))
	}
	t.Cleanup(c.stop)
	c.nodes[0].start()
	c.nodes[1].start()
	for _, n := range c.nodes[:2] {
		if got := n.do("SET", "k", "early"); got.err == nil || !strings.HasPrefix(got.err.Error(), "CLUSTERDOWN") {
			t.Fatalf("a write to a cluster of which a first node was never there: %v, %v", got.value, got.err)
		}
	}
	c.nodes[2].start()
	first := c.leader()
	first.expect("OK", "SET", "k", "v")
	first.crash()
	c.leader().expect("v", "GET", "k")
	c.leader().expect("OK", "SET", "k", "w")
}

// Nodes that lost their disks form no cluster beside one that has its own, even if they are a majority of those who began.
func TestBlankDisksFormNoCluster(t *testing.T) {
	c := startCluster(t, 3, nil)
	for range 3 {
		c.leader().expect("OK", "SET", "k", "v")
	}
	c.settle()
	for _, n := range c.nodes {
		n.stop()
	}
	for _, n := range c.nodes[1:] {
		n.disk = vfs.NewMem()
		n.start()
	}
	if got := c.nodes[1].do("SET", "k", "lost"); got.err == nil {
		t.Fatal("two blank disks took a write")
	}
	c.nodes[0].start()
	for _, n := range c.nodes[1:] {
		n.refusedWith("another disk")
	}
}
