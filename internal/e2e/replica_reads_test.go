//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redoubt/internal/lin"
)

// linearReader is a client that writes wherever the leader is, and reads from one node, whoever that is, after
// READONLY LINEARIZABLE.
type linearReader struct {
	historian
	address string
	conn    *conn
}

const (
	linearReadersPerNode = 2
	// readsOfTen is how many of ten calls are reads.
	readsOfTen = 6
)

// run makes calls until stop is closed. calls numbers those of all clients, so that they use the same keys at the same time.
func (l *linearReader) run(calls *atomic.Int64, stop <-chan struct{}) {
	defer l.route.leave()
	defer l.hangUp()
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
		}
		n := int(calls.Add(1))
		if l.random.IntN(10) < readsOfTen {
			l.read(l.draw(n, 0))
		} else if c, err := l.route.connection(); err == nil && !l.record(c, l.draw(n, 10)) {
			l.route.leave()
		}
	}
}

func (l *linearReader) hangUp() {
	if l.conn != nil {
		l.conn.close()
		l.conn = nil
	}
}

// read runs a command on the client's own node.
func (l *linearReader) read(words command) {
	if l.conn == nil {
		c, err := dial(l.address)
		if err != nil {
			return
		}
		if answer, err := c.do(roundTimeout, "READONLY", "LINEARIZABLE"); err != nil || answer.isError() {
			c.close()
			return
		}
		l.conn = c
	}
	if !l.record(l.conn, words) {
		l.hangUp()
	}
}

// Reads that a follower serves after READONLY LINEARIZABLE are never stale: not while the leader stands still, not when it
// runs on, not on the node that has just lost the leadership.
func TestLinearizableReadsOnFollowers(t *testing.T) {
	c := startCluster(t)
	start := time.Now()
	stop := make(chan struct{})
	var calls atomic.Int64
	var running sync.WaitGroup
	var clients []*linearReader
	for i := range linearReadersPerNode * len(c.nodes) {
		l := &linearReader{
			historian: historian{
				id: i, start: start, random: rand.New(rand.NewPCG(uint64(i), 2)),
				route: route{addresses: c.addresses(), next: i},
			},
			address: c.nodes[i%len(c.nodes)].client,
		}
		clients = append(clients, l)
		running.Go(func() { l.run(&calls, stop) })
	}
	for range 3 {
		during(warmUp)
		paused := c.leader()
		paused.pause(t)
		c.leader()
		during(warmUp)
		paused.resume(t)
		c.waitReady()
	}
	c.mustRaft("TRANSFER", fmt.Sprint(c.follower().id))
	during(warmUp)
	close(stop)
	running.Wait()
	var history []lin.Operation
	for _, l := range clients {
		if l.fault != nil {
			t.Errorf("client %d: %v", l.id, l.fault)
		}
		history = append(history, l.history...)
	}
	expectLinearizable(t, history)
	for _, n := range c.nodes {
		fields, err := info(n.client, "raft")
		if err != nil || fields["raft_forwarded_reads"] == "0" {
			t.Errorf("node %d has asked for %q read indexes, %v: the test shows nothing", n.id, fields["raft_forwarded_reads"], err)
		}
	}
}

// READONLY as Redis has it reads what the node has applied; the setting makes it linearizable.
func TestReplicaReadsAreASetting(t *testing.T) {
	c := startCluster(t, "--replica-reads=linearizable")
	follower := c.follower()
	conn, err := dial(follower.client)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	if answer, err := conn.do(askTimeout, "READONLY"); err != nil || answer.text != "OK" {
		t.Fatalf("READONLY: %v, %v", answer, err)
	}
	for n := range 200 {
		want := strconv.Itoa(n)
		c.set("fresh", want)
		if answer, err := conn.do(askTimeout, "GET", "fresh"); err != nil || answer.text != want {
			t.Fatalf("a follower read %v, %v right after %q had been acknowledged", answer, err, want)
		}
	}
	fields, err := info(follower.client, "raft")
	if err != nil || fields["raft_forwarded_reads"] == "0" {
		t.Errorf("raft_forwarded_reads is %q, %v: the reads did not ask the leader", fields["raft_forwarded_reads"], err)
	}
}
