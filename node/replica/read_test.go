package replica

import (
	"strings"
	"testing"

	"redoubt/raft"
)

func TestP2AFollowerServesNoStaleLinearizableRead(t *testing.T) {
	w := startWorld(t, 3, nil)
	leader := w.leader()
	leader.expect("+OK", "SET k old")
	w.pass(worldElection)
	follower := w.others(leader)[0]
	follower.asleep = []raft.Worker{raft.ApplyWorker}
	leader.expect("+OK", "SET k new")
	stale := follower.begin(readOnly, "GET k")
	if got := string(stale.batch.Reply.Buf); got != "$3\r\nold\r\n" {
		t.Errorf("a stale read was answered %q, want the state that is applied", got)
	}
	c := follower.begin(linearizable, "GET k", "GET k")
	w.settle(func() bool { return false })
	if c.done {
		t.Errorf("a read was answered %q before its index was applied (P2)", c.batch.Reply.Buf)
	}
	follower.awake()
	if got := c.reply(); got != "$3\r\nnew\r\n$3\r\nnew\r\n" {
		t.Errorf("answered %q, want what was acknowledged before the read began (P2)", got)
	}
}

func TestP2AFollowerThatIsCutOffServesNoLinearizableRead(t *testing.T) {
	w := startWorld(t, 3, nil)
	w.leader().expect("+OK", "SET k old")
	w.pass(worldElection)
	follower := w.others(w.leader())[0]
	follower.cut = true
	c := follower.begin(linearizable, "GET k")
	w.leader().expect("+OK", "SET k new")
	if got := c.reply(); !strings.HasPrefix(got, "-CLUSTERDOWN") && !strings.HasPrefix(got, "-MOVED") {
		t.Errorf("a follower that is cut off answered %q", got)
	}
}

// TestP2ALeaderThatWasPausedServesNoStaleRead pauses a leader at each step of a read, for so long that another one is
// elected and a write acknowledged.
func TestP2ALeaderThatWasPausedServesNoStaleRead(t *testing.T) {
	for _, leases := range []bool{false, true} {
		for _, at := range []string{"before the read came", "after it was confirmed"} {
			w := startWorld(t, 3, func(w *world, _ *Options) { w.leases = leases })
			leader := w.leader()
			leader.expect("+OK", "SET k old")
			w.pass(worldElection) // a lease is there by now
			pause := func() {
				leader.cut = true
				leader.asleep = []raft.Worker{raft.LoopWorker, raft.DiskWorker, raft.ApplyWorker}
				w.leader().expect("+OK", "SET k new")
			}
			var c *call
			if at == "before the read came" {
				pause()
				c = leader.begin(nil, "GET k")
			} else {
				c = leader.begin(nil, "GET k")
				c.halted = true
				w.until("the confirmation", func() bool { return c.woken > 0 })
				pause()
			}
			// The machine wakes up: what it was about to do comes first.
			w.settle(func() bool { return false })
			concurrent := c.halted
			if c.halted {
				c.halted = false
				c.resume()
			}
			leader.awake()
			leader.cut = false
			got := c.reply()
			switch {
			case strings.HasPrefix(got, "-MOVED"):
			case concurrent && !leases && got == "$3\r\nold\r\n":
				// Confirmed by a round when the value was the newest, after the read had begun.
			default:
				t.Errorf("leases %t, paused %s: answered %q", leases, at, got)
			}
		}
	}
}

func TestALeaseSavesTheRound(t *testing.T) {
	for _, leases := range []bool{false, true} {
		w := startWorld(t, 3, func(w *world, _ *Options) { w.leases = leases })
		leader := w.leader()
		leader.expect("+OK", "SET k v")
		w.pass(worldElection)
		leader.cut = true // nobody can answer a round now
		c := leader.begin(nil, "GET k")
		w.settle(func() bool { return false })
		if c.done != leases {
			t.Errorf("leases %t: read done without a round %t (%q)", leases, c.done, c.batch.Reply.Buf)
		}
	}
}

func TestP2NothingIsReadBeforeItsIndexIsApplied(t *testing.T) {
	w := startWorld(t, 3, nil)
	leader := w.leader()
	leader.expect("+OK", "SET k old")
	leader.asleep = []raft.Worker{raft.ApplyWorker}
	leader.begin(nil, "SET k new")
	w.settle(func() bool { return false })
	if leader.raft.Standing().CommitIndex <= leader.Index() {
		t.Fatal("the write is not committed, so nothing is tested")
	}
	c := leader.begin(nil, "GET k")
	w.settle(func() bool { return false })
	if c.done || leader.WaitingReads() != 1 {
		t.Errorf("a read was answered %q before its index was applied (P2)", c.batch.Reply.Buf)
	}
	leader.awake()
	if got := c.reply(); got != "$3\r\nnew\r\n" {
		t.Errorf("answered %q", got)
	}
	if c.woken != 1 {
		t.Errorf("a read took %d wake-ups, want one", c.woken)
	}
}

func TestAPipelineOfWritesTakesOneProposalAndOneWakeUp(t *testing.T) {
	w := startWorld(t, 3, nil)
	leader := w.leader()
	before := leader.raft.Standing().LastIndex
	c := leader.begin(nil, "SET a 1", "GET a", "INCR a", "SET b 1", "GET b")
	if got := c.reply(); got != "+OK\r\n$1\r\n1\r\n:2\r\n+OK\r\n$1\r\n1\r\n" {
		t.Errorf("answered %q", got)
	}
	if entries := leader.raft.Standing().LastIndex - before; entries != 1 || c.woken != 1 {
		t.Errorf("a pipeline took %d entries and %d wake-ups, want one of each", entries, c.woken)
	}
}

func TestP4ADueKeyIsExpiredByAnEntryBeforeItIsMissed(t *testing.T) {
	w := startWorld(t, 3, nil)
	leader := w.leader()
	leader.expect("+OK", "SET k v PX 5")
	before := leader.raft.Standing().LastIndex
	w.millis += 7 // nothing else happens meanwhile
	if got := leader.do("GET k"); got != "$-1\r\n" {
		t.Errorf("answered %q after the deadline", got)
	}
	if entries := leader.raft.Standing().LastIndex - before; entries != 1 {
		t.Errorf("a key was called expired after %d entries, want one that says so (P4)", entries)
	}
}

func TestAReadIsServedWhenLeadershipIsLostOverADueKey(t *testing.T) {
	w := startWorld(t, 3, nil)
	leader := w.leader()
	leader.expect("+OK", "SET k v PX 5")
	w.millis += 7
	leader.asleep = []raft.Worker{raft.DiskWorker}
	c := leader.begin(nil, "GET k")
	w.settle(func() bool { return false })
	if c.state != expiring {
		t.Fatalf("the read is in state %d, so nothing is tested", c.state)
	}
	w.replace(leader)
	leader.awake()
	if got := c.reply(); !strings.HasPrefix(got, "-MOVED") {
		t.Errorf("answered %q; a read has no outcome to doubt, and another node serves it", got)
	}
}
