//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"redoubt/internal/freeport"
)

const (
	// changeLimit is how long a change of the membership may take, elections under way included.
	changeLimit = 20 * time.Second
	// catchUpLimit is how long a new node may take until it votes.
	catchUpLimit = 40 * time.Second
)

// newcomer prepares a node that is to join, without starting it.
func (c *cluster) newcomer(flags ...string) *process {
	c.t.Helper()
	ports := freeport.ForTest(c.t, 2)
	c.joined++
	name := fmt.Sprintf("joined%d", c.joined)
	n := &process{
		client: freeport.Loopback(ports[0]),
		peer:   freeport.Loopback(ports[1]),
		dir:    filepath.Join(c.dir, name),
		log:    filepath.Join(c.dir, name+".log"),
	}
	n.args = slices.Concat([]string{
		"server", "--cluster-id=e2e", "--listen=" + n.client, "--peer-listen=" + n.peer, "--dir=" + n.dir,
		"--join=" + strings.Join(c.addresses(), ","),
	}, c.flags, flags)
	return n
}

// takeIn starts a newcomer, waits until the cluster has given it an id, and counts it among the nodes.
func (c *cluster) takeIn(n *process) {
	c.t.Helper()
	n.start(c.t)
	c.t.Cleanup(func() { n.kill(c.t) })
	eventually(c.t, changeLimit, "a new node is taken in", func() error {
		if !n.running() {
			c.t.Fatalf("the new node ended:\n%s", n.logTail(logTailLines))
		}
		fields, err := info(n.client, "raft")
		if err != nil {
			return err
		}
		n.id, err = strconv.Atoi(fields["raft_node_id"])
		return err
	})
	c.nodes = append(c.nodes, n)
}

// join takes a new node in and waits until it votes.
func (c *cluster) join(flags ...string) *process {
	c.t.Helper()
	n := c.newcomer(flags...)
	c.takeIn(n)
	c.waitRole(n.id, "voter")
	return n
}

// forget takes a node that has left out of the list of nodes.
func (c *cluster) forget(n *process) {
	c.nodes = slices.DeleteFunc(c.nodes, func(other *process) bool { return other == n })
}

// raft runs a RAFT command on whoever leads. An error that the leader decided on is returned.
func (c *cluster) raft(words ...string) (answer reply) {
	c.t.Helper()
	r := route{addresses: c.addresses()}
	defer r.leave()
	eventually(c.t, changeLimit, fmt.Sprintf("RAFT %v is answered", words), func() (err error) {
		answer, err = r.try(changeLimit, append(command{"RAFT"}, words...)...)
		return err
	})
	return answer
}

// mustRaft runs a change of the membership that must succeed. A successor that a slow disk keeps from taking over is asked again.
func (c *cluster) mustRaft(words ...string) {
	c.t.Helper()
	answer := c.raft(words...)
	for again := 0; again < 2 && strings.Contains(answer.text, "did not take over in time"); again++ {
		c.t.Logf("RAFT %v: %v", words, answer)
		answer = c.raft(words...)
	}
	if answer.text != "OK" {
		c.t.Fatalf("RAFT %v: %v", words, answer)
	}
}

// member is a row of RAFT NODES.
type member struct {
	id    int
	peer  string
	role  string
	match int64
}

// membersAt returns the members as a node names them, by id.
func membersAt(address string) (map[int]member, error) {
	answer, err := ask(address, askTimeout, "RAFT", "NODES")
	if err != nil {
		return nil, err
	}
	if answer.kind != '*' {
		return nil, replyError(answer)
	}
	members := make(map[int]member)
	for _, row := range answer.items {
		var m member
		for i := 0; i+1 < len(row.items); i += 2 {
			switch value := row.items[i+1]; row.items[i].text {
			case "id":
				m.id = int(value.number)
			case "peer":
				m.peer = value.text
			case "role":
				m.role = value.text
			case "match":
				m.match = value.number
			}
		}
		members[m.id] = m
	}
	return members, nil
}

// members returns the members as the leader names them.
func (c *cluster) members() (members map[int]member) {
	c.t.Helper()
	eventually(c.t, changeLimit, "the leader names the members", func() error {
		leader, err := c.findLeader()
		if err != nil {
			return err
		}
		members, err = membersAt(leader.client)
		return err
	})
	return members
}

// waitRole waits until the leader names a member in a role.
func (c *cluster) waitRole(id int, role string) {
	c.t.Helper()
	eventually(c.t, catchUpLimit, fmt.Sprintf("node %d is a %s", id, role), func() error {
		leader, err := c.findLeader()
		if err != nil {
			return err
		}
		members, err := membersAt(leader.client)
		if err != nil {
			return err
		}
		if got := members[id].role; got != role {
			return fmt.Errorf("it is %q (match %d)", got, members[id].match)
		}
		return nil
	})
}

// expectRefused waits for the end of a process that the cluster does not want, and checks how it says so.
func expectRefused(t testing.TB, n *process, words ...string) {
	t.Helper()
	select {
	case <-n.child.Exited():
	case <-time.After(changeLimit):
		t.Fatalf("node %d runs on though the cluster refuses it", n.id)
	}
	if code := n.child.State().ExitCode(); code != 1 {
		t.Errorf("node %d: exit code %d, promised: 1", n.id, code)
	}
	last := n.logTail(1)
	t.Logf("node %d ended with: %s", n.id, last)
	for _, word := range append(words, "--join") {
		if !strings.Contains(last, word) {
			t.Errorf("node %d ended with %q, which does not say %q", n.id, last, word)
		}
	}
}
