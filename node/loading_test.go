package node

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
)

// A node that loads a peer's snapshot has all of the log, and could serve nobody: a leader that stops hands its office to another, and
// nobody elects it before it has loaded.
func TestANodeThatLoadsDoesNotLead(t *testing.T) {
	var slow atomic.Uint64 // the node whose next load takes until loaded is closed
	loading, loaded := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(loaded) })
	c := startCluster(t, 3, func(o *Options) {
		o.Election = time.Second // the one that is ready has two of these to take over
		o.SnapshotLogEntries, o.SegmentBytes = 50, 16<<10
		o.Limits.TailBytes = 1 << 10 // or the leader would feed the follower from memory
		id, works := o.ID, new(atomic.Int32)
		o.HeavyWork = func() (done func()) {
			if slow.Load() == uint64(id) && works.Add(1) == 2 { // the first checks the image
				close(loading)
				<-loaded
			}
			return func() {}
		}
	})
	t.Cleanup(release)
	leader := c.leader()
	others := c.others(leader)
	behind, ready := others[0], others[1]
	held := behind.node.raft.Standing().LastIndex
	behind.crash()
	leader.outgrow(held)
	length := fmt.Sprint(leader.do("STRLEN", "k").value)
	slow.Store(uint64(behind.id))
	behind.start()
	select {
	case <-loading:
	case <-time.After(patience):
		t.Fatal("the node that was behind was not fed by a snapshot")
	}
	eventually(t, "both followers have all of the log", func() bool {
		last := leader.node.raft.Standing().LastIndex
		return matchIndex(leader, behind.id) == last && matchIndex(leader, ready.id) == last
	})
	if first := leader.node.successors()[0]; first != behind.id {
		t.Fatalf("node %d would be asked first, and not the one that loads: of equals it is the lower id", first)
	}
	stopped := leader.node
	leader.node = nil
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := stopped.Stop(ctx); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if standing := ready.node.raft.Standing(); standing.Role != core.Leader {
		t.Errorf("when the leader has stopped the node that is ready is %v, and %d leads", standing.Role, standing.Leader)
	}
	c.leader().expect(length, "STRLEN", "k")
	if role := behind.node.raft.Standing().Role; role != core.Follower {
		t.Errorf("the node that loads is %v", role)
	}
	release()
	c.settle()
}

// matchIndex returns how much of the log the leader knows a follower to hold.
func matchIndex(leader *testNode, id raft.NodeID) uint64 {
	for _, p := range leader.node.raft.Progress() {
		if p.ID == id {
			return p.Match
		}
	}
	return 0
}
