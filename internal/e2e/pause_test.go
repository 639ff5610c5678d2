//go:build e2e

package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"
)

// SCENARIOS 34: a leader that was stopped past an election must not answer, when it runs again, what was true before.
func TestAResumedLeaderServesNoStaleRead(t *testing.T) {
	c := startCluster(t)
	for round := range 3 {
		key := fmt.Sprintf("stale:%d", round)
		old := c.leader()
		c.set(key, "before")
		held := holdReaders(t, old.client, key, "before")
		old.pause(t)
		c.set(key, "after")
		held.sendHalf(key)
		old.resume(t)
		held.expectNever("before", key)
		c.waitReady()
	}
}

// Writes that reach the paused leader are lost or done, never both; what the next leader acknowledged stays.
func TestAResumedLeaderUnderLoad(t *testing.T) {
	c := startCluster(t)
	l := startLoad(t, "pause", c.addresses(), writers)
	for range 2 {
		during(warmUp)
		old := c.leader()
		old.pause(t)
		c.leader()
		during(warmUp)
		old.resume(t)
		c.waitReady()
	}
	during(warmUp)
	l.verify()
	c.waitCaughtUp()
}

// SCENARIOS 35: after a restart, of a minority or of all, no read is answered before the node is caught up.
func TestNoReadBeforeANodeHasCaughtUp(t *testing.T) {
	c := startCluster(t)
	const key = "counter"
	for round := range 4 {
		var last int64
		for range 200 {
			last = c.increment(key)
		}
		down := c.nodes
		if round%2 == 0 {
			down = []*process{c.leader()}
		}
		for _, n := range down {
			n.kill(t)
		}
		for _, n := range down {
			n.start(t)
		}
		expectFresh(t, c, key, last)
		c.waitReady()
	}
}

// expectFresh reads from every node, from the first moment on, until the leader has answered.
func expectFresh(t *testing.T, c *cluster, key string, atLeast int64) {
	t.Helper()
	served := 0
	eventually(t, readyLimit, "reads are served after a restart", func() error {
		for _, n := range c.nodes {
			r, err := ask(n.client, askTimeout, "GET", key)
			if err != nil || r.isError() {
				continue
			}
			value, err := strconv.ParseInt(r.text, 10, 64)
			if err != nil || value < atLeast {
				t.Fatalf("node %d served %v after its start; %d had been acknowledged", n.id, r, atLeast)
			}
			served++
		}
		if served < 20 {
			return fmt.Errorf("%d reads served", served)
		}
		return nil
	})
}

// set writes a key through whoever leads, and returns when it is acknowledged.
func (c *cluster) set(key, value string) {
	c.t.Helper()
	c.must(command{"SET", key, value})
}

// increment adds one to a counter.
func (c *cluster) increment(key string) int64 {
	c.t.Helper()
	return c.must(command{"INCR", key}).number
}

// must runs a command until it is served. What was uncertain runs again: give it only what may run twice.
func (c *cluster) must(words command) (answer reply) {
	c.t.Helper()
	var addresses []string
	for _, n := range c.serving() {
		addresses = append(addresses, n.client)
	}
	r := route{addresses: addresses}
	defer r.leave()
	eventually(c.t, readLimit, fmt.Sprintf("%.100v is served", words), func() (err error) {
		answer, err = r.try(2*time.Second, words...)
		return err
	})
	return answer
}
