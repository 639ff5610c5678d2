//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"redoubt/internal/freeport"
)

// A cluster of three grows to five under load. Then any two nodes may be lost, and the newcomers hold all data.
func TestTwoNodesJoinUnderLoad(t *testing.T) {
	c := startCluster(t, snapshotFlags()...)
	l := startLoad(t, "join", c.addresses(), writers)
	waitSnapshot(t, c.leader(), 1) // what the newcomers get first is a snapshot
	at := time.Now()
	fourth := c.join()
	fifth := c.join("--node-id=17")
	if fourth.id != 4 || fifth.id != 17 {
		t.Errorf("the cluster gave the ids %d and %d, promised: the next one, 4, and the one that was asked for, 17", fourth.id, fifth.id)
	}
	during(warmUp)
	expectResumed(t, l, "two joins", at, resumeLimit)
	for _, n := range c.nodes[:2] {
		n.kill(t)
	}
	c.leader()
	l.verify()
	more := startLoad(t, "joined", []string{fourth.client, fifth.client, c.nodes[2].client}, writers)
	during(warmUp)
	more.verify()
	for _, n := range c.nodes[:2] {
		n.start(t)
	}
	c.waitReady()
	c.waitCaughtUp()
	expectEqualReplicas(t, c, l)
}

// A member that starts again does not ask to be taken in, whatever its flags say, and needs no id.
func TestAJoinedNodeStartsAgain(t *testing.T) {
	c := startCluster(t)
	c.set("before", "the join")
	n := c.join()
	for _, args := range [][]string{n.args, withoutFlag(n.args, "join")} {
		n.kill(t)
		n.args = args
		n.start(t)
		c.waitReady()
		c.waitCaughtUp()
		if s, err := n.standing(); err != nil || len(c.members()) != 4 {
			t.Errorf("after a restart: %+v, %v, %d members", s, err, len(c.members()))
		}
	}
	if !strings.Contains(n.logTail(1000), "ignoring --join") {
		t.Error("the node does not say that it ignores --join")
	}
}

// withoutFlag drops a flag of a node's arguments.
func withoutFlag(args []string, name string) []string {
	var out []string
	for _, arg := range args {
		if !strings.HasPrefix(arg, "--"+name+"=") {
			out = append(out, arg)
		}
	}
	return out
}

// The settings that formed a cluster are needed for the first start alone: after it the data directory knows them.
func TestAMemberNeedsNoPeersAgain(t *testing.T) {
	c := startCluster(t)
	c.waitCaughtUp()
	n := c.follower()
	n.kill(t)
	n.args = withoutFlag(withoutFlag(n.args, "peers"), "node-id")
	n.start(t)
	c.waitReady()
	c.waitCaughtUp()
	c.leader().kill(t)
	c.set("counted", "on it") // two of three are left, and it is one of them
}

// The leader can be removed. It ends, for good, and the others go on; its id is not used again.
func TestTheLeaderLeaves(t *testing.T) {
	c := startCluster(t)
	l := startLoad(t, "leave", c.addresses(), writers)
	during(warmUp)
	old := c.leader()
	at := time.Now()
	c.mustRaft("LEAVE", fmt.Sprint(old.id))
	expectRefused(t, old)
	c.forget(old)
	during(aftermath)
	expectResumed(t, l, "the leader's removal", at, resumeLimit)
	old.start(t)
	expectRefused(t, old)
	if _, there := c.members()[old.id]; there {
		t.Errorf("node %d is a member still", old.id)
	}
	if answer := c.raft("JOIN", "127.0.0.1:1", "ID", fmt.Sprint(old.id)); !strings.Contains(answer.text, "never reused") {
		t.Errorf("a removed node's id was asked for: %v", answer)
	}
	if n := c.join(); n.id != 4 {
		t.Errorf("after node %d had left, the next one got the id %d, promised: 4", old.id, n.id)
	}
	l.addresses = c.addresses()
	l.verify()
}

// A node whose disk was lost must not speak for what it had attested: it is refused, and joins anew as another.
func TestALostDiskIsReplaced(t *testing.T) {
	c := startCluster(t)
	l := startLoad(t, "disk", c.addresses(), writers)
	during(warmUp)
	lost := c.follower()
	lost.kill(t)
	if err := os.RemoveAll(lost.dir); err != nil {
		t.Fatal(err)
	}
	lost.start(t)
	expectRefused(t, lost, "disk")
	during(warmUp)
	c.mustRaft("LEAVE", fmt.Sprint(lost.id))
	c.forget(lost)
	if n := c.join(); n.id != 4 {
		t.Errorf("the replacement got the id %d, promised: 4", n.id)
	}
	l.halt()
	l.addresses = c.addresses()
	l.verify()
	c.waitCaughtUp()
	expectEqualReplicas(t, c, l)
}

// A learner follows and never votes, until it is promoted.
func TestALearnerStaysALearner(t *testing.T) {
	c := startCluster(t)
	l := startLoad(t, "learner", c.addresses(), 4)
	learner := c.newcomer("--join-as=learner")
	c.takeIn(learner)
	voters := c.nodes[:3]
	c.waitRole(learner.id, "learner")
	during(warmUp)
	l.halt()
	c.waitCaughtUp()
	expectEqualReplicas(t, c, l)
	if role := c.members()[learner.id].role; role != "learner" {
		t.Errorf("a learner that has caught up is a %s, promised: a learner", role)
	}
	// One voter and the learner are two of three, and no majority: it has no vote.
	voters[0].kill(t)
	voters[1].kill(t)
	if answer, err := ask(voters[2].client, readLimit, "SET", "alone", "x"); err == nil && !answer.isError() {
		t.Errorf("one of three voters acknowledged a write with a learner: %v", answer)
	}
	voters[0].start(t)
	voters[1].start(t)
	c.waitReady()
	c.waitCaughtUp()
	c.mustRaft("PROMOTE", fmt.Sprint(learner.id))
	c.waitRole(learner.id, "voter")
	if answer := c.raft("PROMOTE", fmt.Sprint(learner.id)); !answer.isError() {
		t.Errorf("a voter was promoted: %v", answer)
	}
	l.verify()
}

// A node that moves is found at its new address, by those who run and by those who start later.
func TestANodeMoves(t *testing.T) {
	c := startCluster(t)
	moving := c.follower()
	moving.kill(t)
	moving.peer = freeport.Loopback(freeport.ForTest(t, 1)[0])
	moving.args = withFlag(moving.args, "peer-listen", moving.peer)
	c.mustRaft("MOVE", fmt.Sprint(moving.id), moving.peer)
	c.set("moved", "while it was down")
	moving.start(t)
	c.waitReady()
	c.waitCaughtUp()
	for _, n := range c.nodes {
		n.kill(t)
	}
	for _, n := range c.nodes {
		n.start(t)
	}
	c.waitReady()
	c.waitCaughtUp()
	if got := c.members()[moving.id].peer; got != moving.peer {
		t.Errorf("node %d is known at %s, and was moved to %s", moving.id, got, moving.peer)
	}
	// The others need it where it is now.
	for _, n := range c.nodes {
		if n != moving {
			n.kill(t)
			break
		}
	}
	c.set("moved", "and counted on")
}

// What cannot be done is refused with the reason, and changes nothing.
func TestChangesThatMakeNoSense(t *testing.T) {
	c := startCluster(t)
	leader := c.leader()
	for _, refused := range []struct {
		words command
		word  string
	}{
		{command{"LEAVE", "99"}, "not a member"},
		{command{"PROMOTE", "99"}, "not a member"},
		{command{"MOVE", "99", "127.0.0.1:1"}, "not a member"},
		{command{"TRANSFER", "99"}, "not a member"},
		{command{"PROMOTE", fmt.Sprint(leader.id)}, "member already"},
		{command{"JOIN", "127.0.0.1:1", "ID", fmt.Sprint(leader.id)}, "member already"},
	} {
		if answer := c.raft(refused.words...); answer.code() != "ERR" || !strings.Contains(answer.text, refused.word) {
			t.Errorf("RAFT %v: %v, promised: an error that says %q", refused.words, answer, refused.word)
		}
	}
	if n := len(c.members()); n != 3 {
		t.Errorf("refused changes left %d members", n)
	}
}

// A join that is asked for twice by the same disk, as when the answer was lost, gives one member; two different ones at
// the same time give two.
func TestJoinsRepeatedAndAtOnce(t *testing.T) {
	c := startCluster(t)
	joined := func(answer reply) int64 {
		if len(answer.items) < 2 || answer.items[0].text != "id" {
			t.Fatalf("RAFT JOIN: %v", answer)
		}
		return answer.items[1].number
	}
	ports := freeport.ForTest(t, 3)
	address := func(i int) string { return freeport.Loopback(ports[i]) }
	for range 3 {
		if id := joined(c.raft("JOIN", address(0), "INSTANCE", "77", "LEARNER")); id != 4 {
			t.Errorf("RAFT JOIN of one disk, again: id %d, promised: 4", id)
		}
	}
	var both sync.WaitGroup
	ids := make([]int64, 2)
	for i := range ids {
		both.Go(func() { ids[i] = joined(c.raft("JOIN", address(1+i), "LEARNER")) })
	}
	both.Wait()
	if ids[0] == ids[1] || min(ids[0], ids[1]) != 5 || max(ids[0], ids[1]) != 6 {
		t.Errorf("two joins at once gave the ids %v, promised: 5 and 6", ids)
	}
	for _, id := range []string{"4", "5", "6"} {
		c.mustRaft("LEAVE", id)
	}
	if id := joined(c.raft("JOIN", address(0), "INSTANCE", "78", "LEARNER")); id != 7 {
		t.Errorf("after three had left, the next one got the id %d, promised: 7", id)
	}
}

// Leadership goes where it is told to, and no acknowledged write is lost by it.
func TestLeadershipIsTransferred(t *testing.T) {
	c := startCluster(t)
	l := startLoad(t, "transfer", c.addresses(), writers)
	for range 3 {
		during(warmUp)
		heir := c.follower()
		c.mustRaft("TRANSFER", fmt.Sprint(heir.id))
		if leader := c.leader(); leader != heir {
			t.Errorf("leadership was handed to node %d, and node %d leads", heir.id, leader.id)
		}
	}
	l.verify()
}

// A node that is told to join waits for a cluster that is not there yet, and is taken in once, however often it was
// killed while it waited.
func TestAJoinWaitsForTheCluster(t *testing.T) {
	c := newCluster(t, 3)
	n := c.newcomer()
	for range 3 {
		n.start(t)
		t.Cleanup(func() { n.kill(t) })
		eventually(t, changeLimit, "a node that waits says so", func() error {
			if !strings.Contains(n.logTail(3), "not taken in yet") {
				return errors.New(n.logTail(3))
			}
			return nil
		})
		n.kill(t)
		if err := os.Truncate(n.log, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range c.nodes {
		other.start(t)
	}
	c.takeIn(n)
	c.waitRole(n.id, "voter")
	if members := c.members(); n.id != 4 || len(members) != 4 {
		t.Errorf("the node got the id %d among the members %v", n.id, members)
	}
}

// A node that is not wanted says why and changes nothing.
func TestAJoinIsRefused(t *testing.T) {
	c := startCluster(t)
	for _, bad := range []struct {
		flag, value string
		words       []string
	}{
		{"cluster-id", "other", []string{`"e2e"`, `"other"`}},
		{"node-id", "2", []string{"node 2 is a member already"}},
	} {
		n := c.newcomer()
		expectRefusal(t, nil, withFlag(n.args, bad.flag, bad.value), t.TempDir(), bad.words...)
	}
	if n := len(c.members()); n != 3 {
		t.Errorf("refused joins left %d members", n)
	}
}

// A directory whose node has asked to be taken in may be a member's: it must not become a cluster of its own.
func TestADirectoryThatWaitsToJoinStaysAlone(t *testing.T) {
	n := newCluster(t, 1).newcomer()
	n.start(t)
	t.Cleanup(func() { n.kill(t) })
	eventually(t, changeLimit, "a directory is prepared", func() error {
		_, err := os.Stat(filepath.Join(n.dir, "meta.join"))
		return err
	})
	n.kill(t)
	expectRefusal(t, nil, withoutFlag(n.args, "join"), n.dir, "--join")
}
