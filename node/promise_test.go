package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"redoubt/internal/vfs"
)

// enough is how many writes each client has had acknowledged before the next disturbance.
const enough = 50

func TestP1AcknowledgedWritesSurviveAPowerCutOfAllNodes(t *testing.T) {
	c := startCluster(t, 3, nil)
	c.leader()
	load := c.underLoad(8, func(load []*appender) {
		for range 2 {
			served(t, enough, load...)
			for _, n := range c.nodes {
				n.crash()
			}
			for _, n := range c.nodes {
				n.start()
			}
			c.leader()
		}
		served(t, enough, load...)
	})
	c.verify(load)
}

func TestP1AcknowledgedWritesSurviveTheLossOfTheLeader(t *testing.T) {
	c := startCluster(t, 3, func(o *Options) { o.SnapshotLogEntries = 500 })
	c.leader()
	load := c.underLoad(8, func(load []*appender) {
		for range 3 {
			served(t, enough, load...)
			lost := c.leader()
			lost.crash()
			c.leader()
			lost.start()
		}
		served(t, enough, load...)
	})
	c.verify(load)
}

func TestP3AWriteWhoseLeaderLostItsMajorityIsUncertain(t *testing.T) {
	c := startCluster(t, 3, func(o *Options) { o.Election = 2 * time.Second }) // for so long the leader does not know that it is alone
	leader := c.leader()
	leader.expect("OK", "SET", "k", "before")
	for _, n := range c.others(leader) {
		n.crash()
	}
	got := leader.do("SET", "k", "after")
	if got.err == nil || !strings.HasPrefix(got.err.Error(), "UNCERTAIN") {
		t.Fatalf("a write that was proposed and not committed was answered %v, %v; want UNCERTAIN (P3)", got.value, got.err)
	}
	got = leader.do("GET", "k")
	if got.err == nil {
		t.Fatalf("a node that lost its majority served a read: %v (P2)", got.value)
	}
}

func TestP4AnExpiredKeyNeverReturns(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	leader.expect("OK", "SET", "k", "v", "PX", 60_000)
	// This machine's clock alone runs ahead: it sees the deadline pass a minute before the others.
	leader.clock.mono.Add(61_000)
	if got := leader.do("GET", "k"); got.err != nil || got.value != nil {
		t.Fatalf("the leader's log clock has passed the deadline, and it answers %v, %v", got.value, got.err)
	}
	leader.crash()
	next := c.leader()
	if got := next.do("GET", "k"); got.err != nil || got.value != nil {
		t.Fatalf("a key that was seen expired came back on the next leader: %v, %v (P4)", got.value, got.err)
	}
	c.settle()
	for _, n := range c.others(nil) {
		n.do("READONLY")
		now := n.node.replica.LogTime()
		if got := n.do("EXISTS", "k"); got.err != nil || fmt.Sprint(got.value) != "0" {
			t.Errorf("node %d at log time %d answers EXISTS with %v, %v", n.id, now, got.value, got.err)
		}
	}
}

func TestP4OneMachinesWallClockMovesNothing(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	leader.expect("OK", "SET", "k", "v", "EX", 3600)
	for _, n := range c.nodes {
		if n == leader {
			n.clock.wall.Add(int64(100 * time.Hour / time.Millisecond))
		}
	}
	leader.expect("v", "GET", "k")
	other := c.others(leader)[0]
	other.clock.wall.Add(int64(100 * time.Hour / time.Millisecond))
	leader.clock.wall.Add(-int64(100 * time.Hour / time.Millisecond))
	leader.crash()
	leader.start()
	c.leader().expect("v", "GET", "k")
}

func TestP5ReplicasAreEqual(t *testing.T) {
	c := startCluster(t, 3, func(o *Options) { o.SnapshotLogEntries = 200 })
	leader := c.leader()
	for i := range 50 {
		for _, words := range [][]any{
			{"SET", fmt.Sprint("s", i), i, "PX", 1 + i*7},
			{"APPEND", "shared", fmt.Sprint(i, ";")},
			{"INCRBYFLOAT", "float", "0.1"},
			{"SETBIT", "bits", i * 17, 1},
			{"EXPIRE", fmt.Sprint("s", i/2), i},
			{"RENAME", fmt.Sprint("s", i), fmt.Sprint("r", i)},
			{"DEL", fmt.Sprint("r", i/3)},
		} {
			leader.do(words...)
		}
	}
	lagging := c.others(leader)[0]
	lagging.crash()
	leader.do("MSET", "a", 1, "b", 2)
	lagging.start()
	c.leader().expect("1", "EXISTS", "shared")
	digests := make(map[[32]byte]bool)
	var index uint64
	eventually(t, "all nodes are seen at the same index", func() bool { // keys that are due add entries
		clear(digests)
		indexes := make(map[uint64]bool)
		for _, n := range c.nodes {
			var digest [32]byte
			index, digest = n.node.replica.Digest()
			indexes[index], digests[digest] = true, true
		}
		return len(indexes) == 1
	})
	if len(digests) != 1 {
		t.Fatalf("%d different states at index %d (P5)", len(digests), index)
	}
}

func TestP7AFailedSyncEndsTheNode(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	leader.expect("OK", "SET", "k", "v")
	leader.disk.SetFault(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			return errors.New("input/output error")
		}
		return nil
	})
	got := leader.do("SET", "k", "lost")
	if got.err == nil {
		t.Fatal("a write was acknowledged by a leader whose disk had failed (P7)")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := leader.node.Wait(ctx); err == nil {
		t.Fatal("a node whose sync failed goes on (P7)")
	}
	leader.disk.SetFault(nil)
	leader.crash()
	next := c.leader()
	next.expect("OK", "SET", "k", "kept")
	leader.start()
	c.leader().expect("kept", "GET", "k")
}

func TestP7ADamagedLogStopsTheStart(t *testing.T) {
	c := startCluster(t, 1, nil)
	n := c.leader()
	for i := range 20 {
		n.expect("OK", "SET", "k", strings.Repeat("v", 600+i))
	}
	n.crash()
	names, err := n.disk.List("/data/wal")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.disk.FlipBit("/data/wal/"+names[0], 4096, 3); err != nil {
		t.Fatal(err)
	}
	_, err = Start(Options{ID: 1, ClusterID: "test", FS: n.disk, Dir: "/data", Peers: c.peers(), SegmentBytes: 256 << 10})
	if err == nil || !strings.Contains(err.Error(), "offset") {
		t.Fatalf("a node started over a damaged log: %v; want an error that names file and offset (P7)", err)
	}
}

func TestAFullDiskRefusesWritesAndRecovers(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	leader.expect("OK", "SET", "k", "v")
	leader.disk.SetCapacity(leader.disk.Used())
	value := strings.Repeat("x", 100<<10)
	eventually(t, "writes are refused with a clear error", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_, err := leader.dial.Set(ctx, "k2", value, 0).Result()
		return err != nil && strings.HasPrefix(err.Error(), "MISCONF")
	})
	leader.expect("v", "GET", "k")
	leader.disk.SetCapacity(0)
	eventually(t, "writes go on when there is room", func() bool { return leader.do("SET", "k3", "v").err == nil })
	leader.expect("v", "GET", "k3")
}
