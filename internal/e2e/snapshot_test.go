//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// snapshotFlags make snapshots frequent and the log short.
func snapshotFlags() []string {
	return []string{
		"--snapshot-log-bytes=128kb", "--snapshot-log-entries=1000",
		"--wal-segment-bytes=64kb", "--raft-log-cache-bytes=64kb",
	}
}

func TestSnapshotsUnderLoad(t *testing.T) {
	c := startCluster(t, snapshotFlags()...)
	l := startLoad(t, "snapshots", c.addresses(), writers)
	for _, n := range c.nodes {
		waitSnapshot(t, n, 1)
	}
	leader := c.leader()
	leader.kill(t)
	c.waitReady()
	first, err := c.leader().standing()
	if err != nil {
		t.Fatal(err)
	}
	waitSnapshot(t, c.leader(), first.last)
	leader.start(t)
	c.waitReady()
	l.halt()
	c.waitCaughtUp()
	l.verify()
	for _, n := range c.nodes {
		n.kill(t)
	}
	for _, n := range c.nodes {
		n.start(t)
	}
	c.waitReady()
	l.verify()
	c.waitCaughtUp()
	expectEqualReplicas(t, c, l)
}

// waitSnapshot waits until a node has taken a snapshot at or behind an index.
func waitSnapshot(t *testing.T, n *process, index uint64) {
	t.Helper()
	eventually(t, 30*time.Second, fmt.Sprintf("node %d takes a snapshot under load", n.id), func() error {
		s, err := n.standing()
		if err != nil {
			return err
		}
		if s.snapshot < index {
			return fmt.Errorf("snapshot index %d, wanted: %d", s.snapshot, index)
		}
		return nil
	})
}

// Every node takes the snapshot that redis-cli asks it for, and starts from it.
func TestBgsave(t *testing.T) {
	c := startCluster(t)
	expectOutput(t, "OK", redisCLI(t, c.leader().client, "", "set", "k", "v"))
	c.waitCaughtUp()
	for _, n := range c.nodes {
		expectOutput(t, "0", redisCLI(t, n.client, "", "lastsave"))
		before, err := n.standing()
		if err != nil {
			t.Fatal(err)
		}
		expectOutput(t, "Background saving started", redisCLI(t, n.client, "", "bgsave"))
		eventually(t, 30*time.Second, fmt.Sprintf("node %d takes the snapshot that it was asked for", n.id), func() error {
			if told := redisCLI(t, n.client, "", "info", "persistence"); !strings.Contains(told, "rdb_bgsave_in_progress:0") {
				return errors.New(told)
			}
			return nil
		})
		after, err := n.standing()
		if err != nil {
			t.Fatal(err)
		}
		if after.snapshot < before.applied {
			t.Errorf("node %d had applied up to %d, and its snapshot is of index %d", n.id, before.applied, after.snapshot)
		}
		if redisCLI(t, n.client, "", "lastsave") == "0" {
			t.Errorf("LASTSAVE of node %d tells of no snapshot", n.id)
		}
	}
	for _, n := range c.nodes {
		n.kill(t)
	}
	for _, n := range c.nodes {
		n.start(t)
	}
	c.waitReady()
	expectOutput(t, "v", redisCLI(t, c.leader().client, "", "get", "k"))
}

func TestAFollowerCatchesUpBySnapshot(t *testing.T) {
	c := startCluster(t, snapshotFlags()...)
	l := startLoad(t, "catchup", c.addresses(), writers)
	during(warmUp)
	follower := c.follower()
	before, err := follower.standing()
	if err != nil {
		t.Fatal(err)
	}
	follower.kill(t)
	leader := c.leader()
	eventually(t, 40*time.Second, "the leader drops the log that a snapshot covers", func() error {
		first, err := firstLogIndex(leader.dir)
		if err != nil {
			return err
		}
		if first <= before.last {
			return fmt.Errorf("the log begins at %d, the follower ended at %d", first, before.last)
		}
		return nil
	})
	follower.start(t)
	c.waitReady()
	l.halt()
	c.waitCaughtUp()
	l.verify()
	expectEqualReplicas(t, c, l)
	// What came by snapshot is the follower's own: it can lead with it.
	for _, n := range c.nodes {
		if n != follower {
			n.kill(t)
			n.start(t)
		}
	}
	c.waitReady()
	l.verify()
}

// firstLogIndex returns the index at which a node's log begins. Segments are named by their first index.
func firstLogIndex(dir string) (uint64, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "wal"))
	if err != nil {
		return 0, err
	}
	for _, entry := range entries { // sorted by name
		digits, _, _ := strings.Cut(entry.Name(), ".")
		if i := strings.LastIndexByte(digits, '-'); i >= 0 {
			digits = digits[i+1:]
		}
		if index, err := strconv.ParseUint(digits, 10, 64); err == nil {
			return index, nil
		}
	}
	return 0, errors.New("no segment in " + dir)
}

// expectEqualReplicas compares what each node has applied of a load, read from the node itself.
func expectEqualReplicas(t *testing.T, c *cluster, l *load) {
	t.Helper()
	var keys []write
	for _, w := range l.writers {
		keys = append(keys, w.keys...)
		keys = append(keys, write{key: w.journal})
	}
	want := readAllFrom(t, c.nodes[0], keys)
	for _, n := range c.nodes[1:] {
		have := readAllFrom(t, n, keys)
		for i := range keys {
			if have[i].text != want[i].text || have[i].null != want[i].null {
				t.Fatalf("%s is %v on node %d and %v on node %d",
					keys[i].key, want[i], c.nodes[0].id, have[i], n.id)
			}
		}
	}
}

// readAllFrom reads keys from one node's applied state.
func readAllFrom(t *testing.T, n *process, keys []write) []reply {
	t.Helper()
	connection, err := dial(n.client)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.close()
	if r, err := connection.do(askTimeout, "READONLY"); err != nil || r.text != "OK" {
		t.Fatalf("READONLY: %v, %v", r, err)
	}
	var values []reply
	for len(keys) > 0 {
		n := min(len(keys), readBatch)
		commands := make([]command, n)
		for i, k := range keys[:n] {
			commands[i] = command{"GET", k.key}
		}
		replies, err := connection.pipeline(readLimit, commands...)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, replies...)
		keys = keys[n:]
	}
	return values
}

// P4: deadlines outlive failovers, restarts and snapshots, and a key that was seen expired never returns.
func TestDeadlinesOutliveFailoversAndSnapshots(t *testing.T) {
	c := startCluster(t, snapshotFlags()...)
	const lasting = 1000 // seconds
	for i := range 50 {
		c.must(command{"SET", fmt.Sprintf("lasting:%d", i), "x", "EX", strconv.Itoa(lasting)})
	}
	for round := range 3 {
		key := fmt.Sprintf("brief:%d", round)
		c.must(command{"SET", key, "x", "PX", "300"})
		eventually(t, 5*time.Second, "a key ends at its deadline", func() error {
			if r := c.must(command{"GET", key}); !r.null {
				return fmt.Errorf("still there: %v", r)
			}
			return nil
		})
		old := c.leader()
		old.kill(t)
		for range round + 1 {
			if r := c.must(command{"GET", key}); !r.null {
				t.Fatalf("%s was seen expired, and returned after a failover as %v", key, r)
			}
		}
		old.start(t)
		c.waitReady()
	}
	l := startLoad(t, "deadlines", c.addresses(), writers)
	for _, n := range c.nodes {
		s, err := n.standing()
		if err != nil {
			t.Fatal(err)
		}
		waitSnapshot(t, n, s.last+1)
	}
	l.halt()
	for _, n := range c.nodes {
		n.kill(t)
	}
	for _, n := range c.nodes {
		n.start(t)
	}
	c.waitReady()
	for i := range 50 {
		r := c.must(command{"TTL", fmt.Sprintf("lasting:%d", i)})
		if r.number < lasting-120 || r.number > lasting {
			t.Errorf("lasting:%d has a TTL of %v s after a restart, set was %d s", i, r, lasting)
		}
	}
	for round := range 3 {
		if r := c.must(command{"EXISTS", fmt.Sprintf("brief:%d", round)}); r.number != 0 {
			t.Errorf("brief:%d was seen expired, and returned after a restart", round)
		}
	}
}

// A newest snapshot that is damaged costs nothing: the one before it and the log hold the same.
func TestADamagedNewestSnapshotFallsBack(t *testing.T) {
	c := startCluster(t, snapshotFlags()...)
	l := startLoad(t, "fallback", c.addresses(), writers)
	first := make(map[*process]uint64)
	for _, n := range c.nodes {
		waitSnapshot(t, n, 1)
		s, err := n.standing()
		if err != nil {
			t.Fatal(err)
		}
		first[n] = s.snapshot
	}
	for _, n := range c.nodes {
		waitSnapshot(t, n, first[n]+1)
	}
	l.halt()
	for _, n := range c.nodes {
		n.kill(t)
		names, err := filepath.Glob(filepath.Join(n.dir, "snapshot", "*.snapshot"))
		if err != nil || len(names) < 2 {
			t.Fatalf("node %d keeps %d snapshots, promised: 2 (%v)", n.id, len(names), err)
		}
		damageFiles(t, names[len(names)-1], flipMiddle) // names begin with the index
	}
	for _, n := range c.nodes {
		n.start(t)
	}
	c.waitReady()
	l.verify()
	c.waitCaughtUp()
	expectEqualReplicas(t, c, l)
}
