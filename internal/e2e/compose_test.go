//go:build compose

package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// The cluster is brought up by .ci/compose-test, which says here what it is called.
var (
	containersFlag = flag.String("containers", "", "the containers of node1, node2 and node3, separated by commas")
	networkFlag    = flag.String("network", "", "the cluster's container network")
	clientFlag     = flag.String("client-image", "", "an image with redis-cli in it")
)

const (
	// healthyLimit is how long containers may take until their health checks succeed.
	healthyLimit = time.Minute
	// cutLimit is how long writes may fail after a leader was cut off: its clients hear nothing, not even
	// that a connection is gone, and wait for as long as they are told.
	cutLimit = resumeLimit + 2*roundTimeout
)

// container is one node of the compose cluster.
type container struct {
	id   string
	name string // in the container network
	host string // its client address on this machine
}

// composeCluster is the cluster of docker-compose.yml.
type composeCluster struct {
	t     *testing.T
	nodes []*container
}

func attachCompose(t *testing.T) *composeCluster {
	t.Helper()
	c := &composeCluster{t: t}
	for i, id := range strings.Split(*containersFlag, ",") {
		c.nodes = append(c.nodes, &container{
			id:   id,
			name: fmt.Sprintf("node%d", i+1),
			host: fmt.Sprintf("127.0.0.1:%d", 6379+i),
		})
	}
	if len(c.nodes) != 3 || *networkFlag == "" || *clientFlag == "" {
		t.Fatal("run this by .ci/compose-test, which brings the cluster up")
	}
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, n := range c.nodes {
			out, _ := exec.Command("docker", "logs", "--tail", "40", n.id).CombinedOutput()
			t.Logf("%s printed last:\n%s", n.name, out)
		}
	})
	return c
}

// docker runs a docker command and returns what it prints.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (c *composeCluster) addresses() []string {
	var all []string
	for _, n := range c.nodes {
		all = append(all, n.host)
	}
	return all
}

// leader waits until a majority of the nodes that can be reached agree on a leader among them.
func (c *composeCluster) leader() *container {
	c.t.Helper()
	var leader *container
	eventually(c.t, readLimit, "a majority elects a leader", func() error {
		votes := make(map[uint64]int)
		for i, n := range c.nodes {
			s, err := standingAt(n.host)
			if err != nil {
				continue
			}
			votes[s.leader]++
			if s.role == "leader" {
				votes[uint64(i+1)]++ // it says so itself: named by one other is enough
			}
		}
		for id, count := range votes {
			if id >= 1 && id <= 3 && count >= 3 {
				leader = c.nodes[id-1]
				return nil
			}
		}
		return fmt.Errorf("named as leaders: %v", votes)
	})
	return leader
}

// waitHealthy waits until the health check of every container succeeds.
func (c *composeCluster) waitHealthy() {
	c.t.Helper()
	for _, n := range c.nodes {
		eventually(c.t, healthyLimit, n.name+" becomes healthy", func() error {
			health := docker(c.t, "inspect", "--format", "{{.State.Health.Status}}", n.id)
			if health != "healthy" {
				return errors.New(health)
			}
			return nil
		})
	}
}

// waitCaughtUp waits until every node has applied what the leader has committed.
func (c *composeCluster) waitCaughtUp() {
	c.t.Helper()
	target, err := standingAt(c.leader().host)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, n := range c.nodes {
		eventually(c.t, readLimit, n.name+" catches up", func() error {
			s, err := standingAt(n.host)
			if err != nil {
				return err
			}
			if s.applied < target.commit {
				return fmt.Errorf("applied index %d of %d", s.applied, target.commit)
			}
			return nil
		})
	}
}

func (c *composeCluster) set(key, value string) {
	c.t.Helper()
	r := route{addresses: c.addresses()}
	defer r.leave()
	eventually(c.t, readLimit, "a write is served", func() error {
		_, err := r.try(roundTimeout, "SET", key, value)
		return err
	})
}

// TestCompose runs its parts in order, on one cluster.
func TestCompose(t *testing.T) {
	c := attachCompose(t)
	c.waitHealthy()
	for _, part := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"clients on the host", c.clientsOnTheHost},
		{"clients in the network", c.clientsInTheNetwork},
		{"the leader's container is killed", c.killLeader},
		{"the leader is cut off its network", func(t *testing.T) { c.cutOff(t, "cut-leader", c.leader(), cutLimit) }},
		{"a follower is cut off its network", func(t *testing.T) { c.cutOff(t, "cut-follower", c.follower(), cutLimit) }},
		{"the leader's container is paused", c.pauseLeader},
		{"all containers are killed", c.killAll},
		{"a container is stopped in good order", c.stopOne},
	} {
		t.Run(part.name, func(t *testing.T) {
			c.t = t
			part.run(t)
		})
		c.t = t
	}
}

func (c *composeCluster) follower() *container {
	leader := c.leader()
	return c.nodes[(slices.Index(c.nodes, leader)+1)%len(c.nodes)]
}

func (c *composeCluster) clientsOnTheHost(t *testing.T) {
	leader, follower := c.leader(), c.follower()
	for i, n := range c.nodes {
		key := fmt.Sprintf("host:%d", i)
		expectOutput(t, "OK", redisCLI(t, n.host, "", "-c", "set", key, "hello"))
		expectOutput(t, "11", redisCLI(t, n.host, "", "-c", "append", key, " world"))
		expectOutput(t, "hello world", redisCLI(t, n.host, "", "-c", "get", key))
	}
	want := "MOVED " + slotOf(t, leader.host, "host:0") + " " + leader.host
	if out := redisCLI(t, follower.host, "", "get", "host:0"); !strings.Contains(out, want) {
		t.Errorf("a follower answers a client on the host %q, promised: %q", out, want)
	}
}

// inNetwork runs redis-cli in a container of the cluster's network.
func (c *composeCluster) inNetwork(t *testing.T, n *container, args ...string) string {
	t.Helper()
	return docker(t, append([]string{
		"run", "--rm", "--network", *networkFlag, *clientFlag, "redis-cli", "-h", n.name,
	}, args...)...)
}

func (c *composeCluster) clientsInTheNetwork(t *testing.T) {
	leader, follower := c.leader(), c.follower()
	for i, n := range c.nodes {
		key := fmt.Sprintf("network:%d", i)
		expectOutput(t, "OK", c.inNetwork(t, n, "-c", "set", key, "hello"))
		expectOutput(t, "hello", c.inNetwork(t, n, "-c", "get", key))
	}
	want := "MOVED " + slotOf(t, leader.host, "network:0") + " " + leader.name + ":6379"
	if out := c.inNetwork(t, follower, "get", "network:0"); !strings.Contains(out, want) {
		t.Errorf("a follower answers a client in the network %q, promised: %q", out, want)
	}
}

func (c *composeCluster) killLeader(t *testing.T) {
	leader := c.leader()
	l := startLoad(t, "kill-leader", c.addresses(), writers)
	during(warmUp)
	at := time.Now()
	docker(t, "kill", leader.id)
	killed := time.Now()
	during(aftermath)
	t.Logf("docker kill took %v", killed.Sub(at).Round(time.Millisecond))
	expectResumed(t, l, "docker kill of the leader", at, resumeLimit+killed.Sub(at))
	l.verify()
	docker(t, "start", leader.id)
	c.waitHealthy()
	c.waitCaughtUp()
	l.verify()
}

// cutOff takes a node from its network under load, and gives it back.
func (c *composeCluster) cutOff(t *testing.T, name string, n *container, limit time.Duration) {
	l := startLoad(t, name, c.addresses(), writers)
	during(warmUp)
	at := time.Now()
	docker(t, "network", "disconnect", *networkFlag, n.id)
	cut := time.Now()
	during(aftermath)
	healing := time.Now()
	docker(t, "network", "connect", "--alias", n.name, *networkFlag, n.id)
	during(aftermath)
	l.halt()
	if silence, ok := l.silence(healing); !ok {
		t.Errorf("no write succeeded after %s came back", n.name)
	} else {
		t.Logf("while %s came back: %v without an acknowledged write", n.name, silence.Round(time.Millisecond))
	}
	expectResumed(t, l, "cutting "+n.name+" off", at, limit+cut.Sub(at))
	c.waitHealthy()
	c.waitCaughtUp()
	l.verify()
}

// SCENARIOS 34, with a container.
func (c *composeCluster) pauseLeader(t *testing.T) {
	old := c.leader()
	c.set("stale", "before")
	held := holdReaders(t, old.host, "stale", "before")
	docker(t, "pause", old.id)
	resumed := false
	defer func() {
		if !resumed {
			docker(t, "unpause", old.id)
		}
	}()
	c.set("stale", "after")
	held.sendHalf("stale")
	docker(t, "unpause", old.id)
	resumed = true
	held.expectNever("before", "stale")
	c.waitHealthy()
	c.waitCaughtUp()
}

func (c *composeCluster) killAll(t *testing.T) {
	l := startLoad(t, "kill-all", c.addresses(), writers)
	during(warmUp)
	var ids []string
	for _, n := range c.nodes {
		ids = append(ids, n.id)
	}
	docker(t, append([]string{"kill"}, ids...)...)
	docker(t, append([]string{"start"}, ids...)...)
	c.waitHealthy()
	during(warmUp)
	l.verify()
	c.waitCaughtUp()
}

func (c *composeCluster) stopOne(t *testing.T) {
	leader := c.leader()
	l := startLoad(t, "stop", c.addresses(), writers)
	during(warmUp)
	docker(t, "stop", leader.id)
	during(warmUp)
	if code := docker(t, "inspect", "--format", "{{.State.ExitCode}}", leader.id); code != "0" {
		t.Errorf("docker stop: exit code %s, promised: 0", code)
	}
	docker(t, "start", leader.id)
	c.waitHealthy()
	l.verify()
	c.waitCaughtUp()
}
