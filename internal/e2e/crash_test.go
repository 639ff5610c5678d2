//go:build e2e

package e2e

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestAcknowledgedWritesOutliveTheLeader(t *testing.T) {
	c := startCluster(t)
	for round := range 3 {
		leader := c.leader()
		l := startLoad(t, fmt.Sprintf("leader-%d", round), c.addresses(), writers)
		during(warmUp)
		at := time.Now()
		leader.kill(t)
		during(aftermath)
		expectResumed(t, l, "kill -9 of the leader", at, resumeLimit)
		l.verify()
		leader.start(t)
		c.waitReady()
		c.waitCaughtUp()
		l.verify()
	}
}

func TestAcknowledgedWritesOutliveAFollower(t *testing.T) {
	c := startCluster(t)
	follower := c.follower()
	l := startLoad(t, "follower", c.addresses(), writers)
	during(warmUp)
	at := time.Now()
	follower.kill(t)
	during(warmUp)
	follower.start(t)
	c.waitReady()
	during(warmUp)
	expectResumed(t, l, "kill -9 of a follower", at, resumeLimit)
	c.waitCaughtUp()
	l.verify()
}

func TestAcknowledgedWritesOutliveAllNodes(t *testing.T) {
	c := startCluster(t)
	for round := range 2 {
		l := startLoad(t, fmt.Sprintf("all-%d", round), c.addresses(), writers)
		during(warmUp)
		for _, n := range c.nodes {
			n.kill(t)
		}
		for _, n := range c.nodes {
			n.start(t)
		}
		restarted := time.Now()
		c.waitReady()
		during(warmUp)
		l.halt()
		if silence, ok := l.silence(restarted); ok {
			t.Logf("after a start of all nodes: %v without an acknowledged write", silence.Round(time.Millisecond))
		} else {
			t.Errorf("after a start of all nodes no write succeeded")
		}
		l.verify()
	}
}

// A minority that starts again must not disturb the others, and each node comes back with all that it had.
func TestNodesStartedOneAfterTheOther(t *testing.T) {
	c := startCluster(t)
	l := startLoad(t, "rolling", c.addresses(), writers)
	for _, n := range c.nodes {
		during(warmUp)
		n.kill(t)
		c.leader()
		n.start(t)
		c.waitReady()
	}
	during(warmUp)
	l.verify()
	c.waitCaughtUp()
}

func TestGracefulStop(t *testing.T) {
	c := startCluster(t)
	leader := c.leader()
	l := startLoad(t, "stop", c.addresses(), writers)
	during(warmUp)
	at := time.Now()
	if code := leader.stop(t); code != 0 {
		t.Errorf("SIGTERM: exit code %d, promised: 0", code)
	}
	during(warmUp)
	expectResumed(t, l, "SIGTERM to the leader", at, resumeLimit)
	l.verify()
	leader.start(t)
	c.waitReady()
	c.waitCaughtUp()
	for _, n := range c.nodes {
		if code := n.stop(t); code != 0 {
			t.Errorf("node %d, SIGTERM: exit code %d, promised: 0", n.id, code)
		}
	}
	for _, n := range c.nodes {
		n.start(t)
	}
	c.waitReady()
	l.verify()
}

// A cluster that is stopped as a whole, as by an interrupt of all, ends at once: nobody waits for a heir that ends too.
func TestAllNodesStopTogether(t *testing.T) {
	c := startCluster(t)
	l := startLoad(t, "together", c.addresses(), writers)
	during(warmUp)
	at := time.Now()
	var stopping sync.WaitGroup
	for _, n := range c.nodes {
		if err := n.child.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		stopping.Go(func() { <-n.child.Exited() })
	}
	stopping.Wait()
	took := time.Since(at)
	t.Logf("three nodes ended in %v", took.Round(time.Millisecond))
	if took > stopLimit/2 {
		t.Errorf("three nodes took %v to end together", took)
	}
	for _, n := range c.nodes {
		if code := n.child.State().ExitCode(); code != 0 {
			t.Errorf("node %d, SIGTERM: exit code %d, promised: 0\n%s", n.id, code, n.logTail(3))
		}
	}
	for _, n := range c.nodes {
		n.start(t)
	}
	c.waitReady()
	l.verify()
}
