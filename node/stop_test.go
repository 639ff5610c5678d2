package node

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"redoubt/internal/vfs"
	"redoubt/raft/core"
)

func TestStopDoesNotWaitForASnapshot(t *testing.T) {
	const values = 16
	c := startCluster(t, 1, func(o *Options) { o.SnapshotLogEntries = values })
	n := c.leader()
	writing := make(chan struct{})
	var begun atomic.Bool
	done := n.node.raft.Done()
	n.disk.SetFault(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite && strings.HasPrefix(op.Path, "/data/snapshot/") && begun.CompareAndSwap(false, true) {
			close(writing)
			<-done // the first piece is on its way when the node stops
		}
		return nil
	})
	for i := range values {
		n.expect("OK", "SET", i, strings.Repeat("v", 900<<10))
	}
	<-writing
	n.stop()
	n.disk.SetFault(nil)
	names, err := n.disk.List("/data/snapshot")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) > 0 {
		t.Errorf("the snapshot was written to its end while the node was to stop: %v", names)
	}
	n.start()
	if got := n.cluster.leader().do("EXISTS", "0").value; got != int64(1) {
		t.Errorf("EXISTS after the restart: %v, want 1", got)
	}
}

func TestAReadIsSentElsewhereWhenTheLeadersDiskHangs(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	leader.expect("OK", "SET", "k", "v")
	hung := make(chan struct{})
	leader.disk.SetFault(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			<-hung
		}
		return nil
	})
	released := sync.OnceFunc(func() { close(hung) })
	t.Cleanup(released)
	var writing sync.WaitGroup
	writing.Go(func() { leader.do("SET", "k", "w") })
	eventually(t, "the followers commit what the leader cannot store", func() bool {
		return leader.node.raft.Standing().CommitIndex > leader.node.replica.Index()
	})
	// The read is to see what is committed, which this node cannot apply before its disk answers.
	got := leader.do("GET", "k")
	if got.err == nil || !certainlyNotDone(got.err) {
		t.Errorf("a read at a leader whose disk hangs was answered %v, %v; want a redirect once it does not lead", got.value, got.err)
	}
	released()
	writing.Wait()
}

func TestAReadIsAnsweredWhenItsNodeFails(t *testing.T) {
	c := startCluster(t, 3, func(o *Options) { o.Election = 2 * time.Second })
	leader := c.leader()
	leader.expect("OK", "SET", "k", "v")
	hung := make(chan struct{})
	leader.disk.SetFault(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			<-hung
			return errors.New("input/output error")
		}
		return nil
	})
	var asking sync.WaitGroup
	asking.Go(func() { leader.do("SET", "k", "w") })
	eventually(t, "the followers commit what the leader cannot store", func() bool {
		return leader.node.raft.Standing().CommitIndex > leader.node.replica.Index()
	})
	var got reply
	asking.Go(func() { got = leader.do("GET", "k") })
	eventually(t, "the read waits for the state machine", func() bool { return leader.node.replica.WaitingReads() > 0 })
	close(hung)
	asking.Wait()
	if got.err == nil || !certainlyNotDone(got.err) {
		t.Errorf("a read at a node that failed was answered %v, %v; want a redirect", got.value, got.err)
	}
}

func TestALeaderWithoutRoomYieldsToANodeThatHasSome(t *testing.T) {
	c := startCluster(t, 3, func(o *Options) { o.SegmentBytes = 16 << 10 })
	leader := c.leader()
	leader.expect("OK", "SET", "k", "v")
	leader.disk.SetFault(func(op vfs.Op) error {
		if op.Kind == vfs.OpPreallocate {
			return syscall.ENOSPC
		}
		return nil
	})
	value := strings.Repeat("w", 100<<10) // more than is left of any segment
	var writing sync.WaitGroup
	writing.Go(func() { leader.do("SET", "k", value) })
	eventually(t, "a node that stored the write leads, for this one can neither apply nor show it", func() bool {
		for _, n := range c.others(leader) {
			if n.node.raft.Standing().Role == core.Leader {
				return n.do("GET", "k").value == value
			}
		}
		return false
	})
	writing.Wait()
	leader.disk.SetFault(nil)
}

func TestStopDoesNotWaitForADiskThatHangs(t *testing.T) {
	c := startCluster(t, 1, nil)
	n := c.leader()
	hung, release := make(chan struct{}), make(chan struct{})
	var begun atomic.Bool
	n.disk.SetFault(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			if begun.CompareAndSwap(false, true) {
				close(hung)
			}
			<-release
		}
		return nil
	})
	reply := make(chan struct{})
	go func() {
		defer close(reply)
		n.do("SET", "k", "v")
	}()
	<-hung
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := n.node.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a stop over a hung disk ended with %v, want a deadline exceeded", err)
	}
	close(release)
	<-reply
	n.disk.SetFault(nil)
}
