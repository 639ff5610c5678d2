package replica

import (
	"fmt"
	"strings"
	"testing"

	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// readOnly is what READONLY does to a batch.
func readOnly(b *resp.Batch) { b.ReadOnly = true }

// linearizable is what READONLY LINEARIZABLE does to a batch.
func linearizable(b *resp.Batch) { b.ReadOnly, b.Linearizable = true, true }

// leaderless lets a member forget its leader, and keeps it from finding another.
func (w *world) leaderless() *member {
	m := w.others(w.leader())[0]
	m.cut = true
	w.until("the leader is forgotten", func() bool { return m.raft.Standing().Leader == core.None })
	return m
}

func TestARequestWaitsForALeaderToBeKnown(t *testing.T) {
	for _, line := range []string{"SET k v", "GET k"} {
		w := startWorld(t, 3, nil)
		m := w.leaderless()
		c := m.begin(nil, line)
		w.settle(func() bool { return false })
		if c.done {
			t.Fatalf("%s was answered %q while an election was under way", line, c.batch.Reply.Buf)
		}
		m.cut = false
		if got := c.reply(); !strings.HasPrefix(got, "-MOVED 7629 node") {
			t.Errorf("%s was answered %q once there was a leader, want MOVED", line, got)
		}
	}
}

func TestARequestIsDoneHereIfThisNodeIsElected(t *testing.T) {
	w := startWorld(t, 3, nil)
	former := w.leader()
	former.cut = true
	var calls []*call
	w.until("an election", func() bool {
		for _, m := range w.others(former) {
			if m.raft.Standing().Leader == core.None && len(calls) < 2 {
				calls = append(calls, m.begin(nil, "SET k v"))
			}
		}
		return len(calls) == 2
	})
	ok := 0
	for _, c := range calls {
		if got := c.reply(); got == "+OK\r\n" {
			ok++
		} else if !strings.HasPrefix(got, "-MOVED") {
			t.Errorf("answered %q, want OK or MOVED", got)
		}
	}
	if ok == 0 {
		t.Error("no request was done by the node that was elected while it waited")
	}
}

func TestARequestDoesNotWaitForEver(t *testing.T) {
	w := startWorld(t, 3, nil)
	m := w.leaderless()
	c := m.begin(nil, "SET k v")
	w.pass(2*worldElection - worldTick)
	if c.done {
		t.Errorf("answered %q before two election timeouts were over", c.batch.Reply.Buf)
	}
	w.pass(TickInterval + worldTick)
	if got := string(c.batch.Reply.Buf); !c.done || !strings.HasPrefix(got, "-CLUSTERDOWN") {
		t.Errorf("answered %q after two election timeouts without a leader, want CLUSTERDOWN", got)
	}
}

func TestWhatNeedsNoLeaderDoesNotWait(t *testing.T) {
	w := startWorld(t, 3, nil)
	m := w.leaderless()
	literal := func(b *resp.Batch) { b.Ops = []resp.Op{{Literal: []byte("+PONG\r\n")}} }
	for _, c := range []struct {
		adjust func(*resp.Batch)
		want   string
	}{{literal, "+PONG\r\n"}, {readOnly, "$-1\r\n"}} {
		got := m.begin(c.adjust, "GET k")
		if !got.done || string(got.batch.Reply.Buf) != c.want {
			t.Errorf("without a leader: answered %t %q, want %q at once", got.done, got.batch.Reply.Buf, c.want)
		}
	}
}

func TestAHandOverFailsNoRequest(t *testing.T) {
	w := startWorld(t, 3, nil)
	leader := w.leader()
	successor := w.others(leader)[0]
	var calls []*call
	leader.raft.TransferLeadership(successor.id)
	w.until("the hand-over", func() bool {
		for _, m := range w.members {
			calls = append(calls, m.begin(nil, "SET k v"), m.begin(nil, "GET k"))
		}
		return successor.raft.Standing().Role == core.Leader && leader.raft.Standing().Leader == successor.id
	})
	moved := 0
	for _, c := range calls {
		got := c.reply()
		if strings.HasPrefix(got, "-MOVED") {
			moved++
		} else if strings.HasPrefix(got, "-") {
			t.Errorf("answered %q during a planned hand-over", got)
		}
	}
	t.Logf("%d requests, %d redirected", len(calls), moved)
}

func TestEveryRequestIsAnsweredWhenRaftHasStopped(t *testing.T) {
	w := startWorld(t, 3, nil)
	leader := w.leader()
	follower := w.leaderless()
	leader.asleep = []raft.Worker{raft.ApplyWorker}
	calls := []*call{leader.begin(nil, "SET k v")}
	w.settle(func() bool { return false })
	calls = append(calls, leader.begin(nil, "GET k"), follower.begin(nil, "SET k v"), follower.begin(linearizable, "GET k"))
	w.settle(func() bool { return false })
	leader.raft.Stop()
	follower.raft.Stop()
	leader.Tick()
	follower.Tick()
	calls = append(calls, leader.begin(nil, "SET k v"), leader.begin(nil, "GET k"), follower.begin(nil, "GET k"))
	w.settle(func() bool { return false })
	for i, c := range calls {
		if !c.done {
			t.Errorf("request %d waits in state %d for a node that has stopped", i, c.state)
		}
	}
}

// A leader that has been removed hears of no other, but a member does.
func TestARemovedLeaderSendsItsClientsElsewhere(t *testing.T) {
	w := startWorld(t, 3, nil)
	former := w.leader()
	former.raft.ChangeMembership(raft.Change{Kind: core.RemoveMember, ID: former.id}, func(raft.ChangeResult) {})
	w.until("it is out", func() bool {
		_, member := former.Configuration().Member(former.id)
		return !member && former.raft.Standing().Role != core.Leader
	})
	former.cut = true // as it is from then on
	c := former.begin(nil, "SET k v")
	if got := c.reply(); !strings.HasPrefix(got, "-MOVED 7629 node") || strings.Contains(got, fmt.Sprint("node", former.id)) {
		t.Errorf("a removed node answers %q, want MOVED to a member", got)
	}
}

// A removed node can ask nobody on its clients' behalf, and does not try without end.
func TestARemovedNodeSendsLinearizableReadsElsewhere(t *testing.T) {
	w := startWorld(t, 3, nil)
	former := w.leader()
	former.raft.ChangeMembership(raft.Change{Kind: core.RemoveMember, ID: former.id}, func(raft.ChangeResult) {})
	w.until("it is out, and hears of no leader", func() bool {
		_, member := former.Configuration().Member(former.id)
		return !member && former.raft.Standing().Leader == core.None
	})
	former.cut = true
	c := former.begin(linearizable, "GET k")
	if got := c.reply(); !strings.HasPrefix(got, "-MOVED 7629 node") {
		t.Errorf("a removed node answers %q, want MOVED to a member", got)
	}
	if n := former.forwardedReads.Load(); n > 1 {
		t.Errorf("it asked %d times for one read", n)
	}
}
