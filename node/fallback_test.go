package node

import (
	"fmt"
	"testing"
)

func TestP7ADamagedSnapshotFallsBackToTheOneBeforeAndTheLog(t *testing.T) {
	c := startCluster(t, 1, func(o *Options) { o.SnapshotLogEntries = 50; o.SegmentBytes = 16 << 10 })
	n := c.leader()
	images := make(map[uint64]bool)
	for i := 0; len(images) < 2; i++ {
		n.expect(fmt.Sprint(i+1), "INCR", "counter")
		if index := n.node.Status().SnapshotIndex; index > 0 {
			images[index] = true
		}
	}
	want := n.do("GET", "counter").value
	n.crash()
	names, err := n.disk.List("/data/snapshot")
	if err != nil {
		t.Fatal(err)
	}
	newest := names[len(names)-1]
	file, err := n.disk.Open("/data/snapshot/" + newest)
	if err != nil {
		t.Fatal(err)
	}
	size, err := file.Size()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.disk.FlipBit("/data/snapshot/"+newest, size/2, 0); err != nil {
		t.Fatal(err)
	}
	n.start()
	c.leader().expect(fmt.Sprint(want), "GET", "counter")
}

func TestAFollowerThatLagsBehindTheLogCatchesUpBySnapshot(t *testing.T) {
	c := startCluster(t, 3, func(o *Options) {
		o.SnapshotLogEntries, o.SegmentBytes = 50, 16<<10
		o.Limits.TailBytes = 1 << 10 // or the leader would feed the follower from memory
	})
	leader := c.leader()
	leader.expect("OK", "SET", "deadline", "v", "EX", 1000)
	lagging := c.others(leader)[0]
	held := lagging.node.raft.Standing().LastIndex
	lagging.crash()
	leader.outgrow(held)
	lagging.start()
	c.settle()
	if lagging.node.Status().SnapshotIndex == 0 {
		t.Fatal("the follower was not fed by a snapshot")
	}
	want := leader.do("GET", "k").value
	lagging.expect("OK", "READONLY")
	if keys := lagging.node.Status().Keys; keys != 2 {
		t.Errorf("the follower holds %d keys, want 2", keys)
	}
	leader.crash()
	c.leader().expect(fmt.Sprint(want), "GET", "k")
}
