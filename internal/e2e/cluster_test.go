//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redoubt/internal/freeport"
)

// cluster is a set of real server processes on this machine.
type cluster struct {
	t     testing.TB
	nodes []*process
	// flags are what every node is given, dir is where they keep their data, and joined counts the nodes that came later.
	flags  []string
	dir    string
	joined int
}

// readyLimit is how long a cluster may take from its start to its first leader, on a busy machine.
const readyLimit = 20 * time.Second

// logTailLines is how much of each node's log a failure prints.
const logTailLines = 40

// startCluster starts three nodes with default settings but for the given flags, and waits until they serve. They
// end with the test; if it failed, the ends of their logs are printed.
func startCluster(t testing.TB, flags ...string) *cluster {
	t.Helper()
	c := newCluster(t, 3, flags...)
	for _, n := range c.nodes {
		n.start(t)
	}
	c.waitReady()
	return c
}

// newCluster prepares the nodes without starting them.
func newCluster(t testing.TB, size int, flags ...string) *cluster {
	t.Helper()
	dir := t.TempDir()
	c := &cluster{t: t, flags: flags, dir: dir}
	ports := freeport.ForTest(t, 2*size)
	peers := make([]string, size)
	for i := range peers {
		peers[i] = fmt.Sprintf("%d=%s", i+1, freeport.Loopback(ports[size+i]))
	}
	for i := range size {
		n := &process{
			id:     i + 1,
			client: freeport.Loopback(ports[i]),
			peer:   freeport.Loopback(ports[size+i]),
			dir:    filepath.Join(dir, fmt.Sprintf("node%d", i+1)),
			log:    filepath.Join(dir, fmt.Sprintf("node%d.log", i+1)),
		}
		n.args = append([]string{
			"server",
			fmt.Sprintf("--node-id=%d", n.id),
			"--cluster-id=e2e",
			"--listen=" + n.client,
			"--peer-listen=" + n.peer,
			"--peers=" + strings.Join(peers, ","),
			"--dir=" + n.dir,
		}, flags...)
		c.nodes = append(c.nodes, n)
	}
	t.Cleanup(c.end)
	return c
}

// end kills what still runs.
func (c *cluster) end() {
	for _, n := range c.nodes {
		n.kill(c.t)
	}
	if !c.t.Failed() {
		return
	}
	for _, n := range c.nodes {
		c.t.Logf("node %d (%s) printed last:\n%s", n.id, n.client, n.logTail(logTailLines))
	}
}

// addresses are the client addresses of all nodes.
func (c *cluster) addresses() []string {
	var all []string
	for _, n := range c.nodes {
		all = append(all, n.client)
	}
	return all
}

// serving are the nodes that run and are not paused.
func (c *cluster) serving() []*process {
	var serving []*process
	for _, n := range c.nodes {
		if n.running() && !n.paused {
			serving = append(serving, n)
		}
	}
	return serving
}

func (p *process) standing() (standing, error) { return standingAt(p.client) }

// findLeader returns the node that the serving nodes agree on.
func (c *cluster) findLeader() (*process, error) {
	var leader *process
	votes := 0
	for _, n := range c.serving() {
		s, err := n.standing()
		if err != nil {
			return nil, fmt.Errorf("node %d: %w", n.id, err)
		}
		named := c.node(int(s.leader))
		if named == nil {
			return nil, fmt.Errorf("node %d names node %d as the leader", n.id, s.leader)
		}
		if leader != nil && named != leader {
			return nil, errors.New("the nodes name different leaders")
		}
		leader = named
		votes++
	}
	if leader == nil || 2*votes <= len(c.nodes) {
		return nil, fmt.Errorf("only %d nodes serve", votes)
	}
	if !leader.running() || leader.paused {
		return nil, fmt.Errorf("the nodes still name node %d", leader.id)
	}
	if s, err := leader.standing(); err != nil || s.role != "leader" {
		return nil, fmt.Errorf("node %d does not lead yet (%s, %v)", leader.id, s.role, err)
	}
	return leader, nil
}

// node returns the node with an id, or nil.
func (c *cluster) node(id int) *process {
	for _, n := range c.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

// leader waits until the serving nodes agree on a leader.
func (c *cluster) leader() *process {
	c.t.Helper()
	var leader *process
	eventually(c.t, readyLimit, "a majority elects a leader", func() (err error) {
		leader, err = c.findLeader()
		return err
	})
	return leader
}

// follower returns a serving node that does not lead.
func (c *cluster) follower() *process {
	c.t.Helper()
	leader := c.leader()
	for _, n := range c.serving() {
		if n != leader {
			return n
		}
	}
	c.t.Fatal("no follower serves")
	return nil
}

// waitReady waits until a leader takes writes.
func (c *cluster) waitReady() {
	c.t.Helper()
	eventually(c.t, readyLimit, "a started cluster takes writes", func() error {
		leader, err := c.findLeader()
		if err != nil {
			return err
		}
		r, err := ask(leader.client, askTimeout, "SET", "e2e:ready", "yes")
		if err != nil {
			return err
		}
		if r.isError() {
			return errors.New(r.text)
		}
		return nil
	})
}

// waitCaughtUp waits until every serving node has applied what the leader has committed.
func (c *cluster) waitCaughtUp() {
	c.t.Helper()
	target, err := c.leader().standing()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, n := range c.serving() {
		eventually(c.t, readyLimit, fmt.Sprintf("node %d catches up", n.id), func() error {
			s, err := n.standing()
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
