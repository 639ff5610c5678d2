package raft_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"redoubt/raft"
	"redoubt/raft/core"
)

// outcome is a ticket that remembers how its proposal ended.
type outcome struct {
	appended bool
	ended    int // how often
	reason   error
}

func (o *outcome) Appended(core.Position) { o.appended = true }
func (o *outcome) Dropped(reason error)   { o.ended, o.reason = o.ended+1, reason }

// scene is one node of a small world whose proposals a test follows to their end.
type scene struct {
	t *testing.T
	*world
	node *citizen
	disk *unreliableDisk // the node's
	all  []*outcome
}

// unreliableDisk is a Persister that fails when it is told to.
type unreliableDisk struct {
	*raft.MemoryPersister
	fails error // what saving entries ends with
	saves int
}

func (d *unreliableDisk) Save(state core.HardState, entries []core.Entry, sync bool) error {
	d.saves++
	if d.fails != nil && len(entries) > 0 {
		return d.fails
	}
	return d.MemoryPersister.Save(state, entries, sync)
}

// word is what the proposal under test would append.
const word = "the word"

// large is a command as large as may be, and limits allow three of them.
var (
	large  = strings.Repeat(".", 1<<10)
	limits = raft.Limits{EntryBytes: len(large), UncommittedBytes: 4 * len(large)}
)

func (s *scene) propose(command string) *outcome {
	o := &outcome{}
	s.all = append(s.all, o)
	s.node.raft.Propose([]byte(command), o)
	return o
}

// settle lets the world do all that waits, without any time passing.
func (s *scene) settle() { s.run(func() bool { return false }) }

// ticks lets some time pass.
func (s *scene) ticks(n int64) {
	until := s.millis + n*worldTick.Milliseconds()
	s.until(func() bool { return s.millis >= until })
}

// turn runs the node's loop alone.
func (s *scene) turn() { s.node.manual.Run(raft.LoopWorker) }

// others returns the nodes beside the one under test.
func (s *scene) others() []*citizen {
	return slices.DeleteFunc(slices.Clone(s.nodes), func(c *citizen) bool { return c == s.node })
}

// cutOff separates the node from the others until they have elected another leader, and heals.
func (s *scene) cutOff() {
	s.node.cut = true
	s.until(func() bool { return s.node.raft.Standing().Role != core.Leader })
	s.leader()
	s.node.cut = false
}

// beginTransfer has the node begin to hand leadership to one that has to catch up first, and does not hear it.
func (s *scene) beginTransfer() {
	heir := s.others()[0]
	heir.cut = true
	s.propose("ahead of the heir")
	s.settle()
	s.node.raft.TransferLeadership(heir.id)
	s.settle()
}

// endTransfer lets the heir take over.
func (s *scene) endTransfer() {
	heir := s.others()[0]
	heir.cut = false
	s.until(func() bool { return heir.raft.Standing().Role == core.Leader })
}

var errBroken = errors.New("the disk is broken")

// TestEveryOutcomeIsHonest walks the ways on which a proposal ends without being applied (P3). One that is called not
// done must not turn up later, on any node; one that may turn up is called uncertain.
func TestEveryOutcomeIsHonest(t *testing.T) {
	for _, way := range []struct {
		name   string
		follow bool // the node under test follows
		do     func(s *scene) *outcome
		want   error
	}{
		{"a follower is asked", true, func(s *scene) *outcome {
			o := s.propose(word)
			s.settle()
			return o
		}, raft.ErrNotLeader},
		{"the command is too large", false, func(s *scene) *outcome {
			return s.propose(word + large)
		}, raft.ErrTooLarge},
		{"the disk is full", false, func(s *scene) *outcome {
			s.disk.fails = raft.ErrDiskFull
			s.propose("first")
			s.settle()
			o := s.propose(word)
			s.disk.fails = nil
			return o
		}, raft.ErrDiskFull},
		{"too much waits for the disk", false, func(s *scene) *outcome {
			s.propose("first")
			s.turn() // the disk has work, and what follows waits for it
			return s.overload()
		}, raft.ErrOverloaded},
		{"too much is not committed", false, func(s *scene) *outcome {
			s.node.cut = true
			for range 3 {
				s.propose(large)
				s.settle()
			}
			o := s.propose(word + large[len(word):])
			s.settle()
			return o
		}, raft.ErrOverloaded},
		{"the node has stopped", false, func(s *scene) *outcome {
			s.node.raft.Stop()
			return s.propose(word)
		}, raft.ErrStopped},
		{"the node stops before its loop comes", false, func(s *scene) *outcome {
			o := s.propose(word)
			s.node.raft.Stop()
			return o
		}, raft.ErrStopped},
		{"the node stops while the command waits for the disk", false, func(s *scene) *outcome {
			s.propose("first")
			s.turn()
			o := s.propose(word)
			s.turn()
			s.node.raft.Stop()
			return o
		}, raft.ErrStopped},
		{"the disk fails while the command waits for it", false, func(s *scene) *outcome {
			s.disk.fails = errBroken
			s.propose("first")
			s.turn()
			o := s.propose(word)
			s.settle()
			return o
		}, raft.ErrStopped},
		{"leadership is handed over", false, func(s *scene) *outcome {
			s.beginTransfer()
			o := s.propose(word)
			s.settle()
			if o.ended != 0 || o.appended {
				s.t.Error("a proposal was answered while it was not known who will lead")
			}
			s.endTransfer()
			return o
		}, raft.ErrNotLeader},
		{"too much waits for the end of a transfer", false, func(s *scene) *outcome {
			s.beginTransfer()
			o := s.overload()
			s.endTransfer()
			return o
		}, raft.ErrOverloaded},
		{"the node stops while leadership is handed over", false, func(s *scene) *outcome {
			s.beginTransfer()
			o := s.propose(word)
			s.settle()
			s.node.raft.Stop()
			return o
		}, raft.ErrStopped},
		{"leadership is lost", false, func(s *scene) *outcome {
			s.node.cut = true
			o := s.propose(word)
			s.settle()
			s.cutOff()
			return o
		}, raft.ErrUncertain},
		{"leadership is lost while the disk is full", false, func(s *scene) *outcome {
			s.disk.fails = raft.ErrDiskFull
			s.node.cut = true
			o := s.propose(word)
			s.cutOff()
			s.disk.fails = nil
			return o
		}, raft.ErrUncertain},
		{"the node stops before a majority has it", false, func(s *scene) *outcome {
			s.node.cut = true
			o := s.propose(word)
			s.settle()
			s.node.raft.Stop()
			return o
		}, raft.ErrUncertain},
		{"the node stops before its disk has it", false, func(s *scene) *outcome {
			o := s.propose(word)
			s.turn()
			s.node.raft.Stop()
			return o
		}, raft.ErrUncertain},
		{"it is held when the disk turns out to be full", false, func(s *scene) *outcome {
			s.disk.fails = raft.ErrDiskFull
			s.propose("first")
			s.turn()
			o := s.propose(word)
			s.settle()
			s.disk.fails = nil
			return o
		}, raft.ErrDiskFull},
		{"the node stops on a full disk", false, func(s *scene) *outcome {
			s.disk.fails = raft.ErrDiskFull
			o := s.propose(word)
			s.settle()
			s.node.raft.Stop()
			return o
		}, raft.ErrUncertain},
		{"the disk fails", false, func(s *scene) *outcome {
			s.disk.fails = errBroken
			o := s.propose(word)
			s.settle()
			return o
		}, raft.ErrUncertain},
		{"the node stops between commit and delivery", false, func(s *scene) *outcome {
			o := s.propose(word)
			s.commitUndelivered()
			s.node.raft.Stop()
			return o
		}, raft.ErrUncertain},
	} {
		t.Run(way.name, func(t *testing.T) {
			s := newScene(t, way.follow)
			o := way.do(s)
			if o.ended != 1 || !errors.Is(o.reason, way.want) {
				t.Fatalf("ended %d times, with %v; want once, with %v", o.ended, o.reason, way.want)
			}
			s.afterwards()
			if o.ended != 1 {
				t.Errorf("a proposal ended %d times", o.ended)
			}
			if done := s.isApplied(word); done && !errors.Is(way.want, raft.ErrUncertain) {
				t.Errorf("a proposal that was called not done (%v) was applied later", o.reason)
			}
		})
	}
}

// newScene elects a leader among three nodes, and looks at it or at a follower.
func newScene(t *testing.T, follow bool, options ...raft.Option) *scene {
	s := &scene{t: t, world: newWorld(3)}
	for _, c := range s.nodes {
		disk := &unreliableDisk{MemoryPersister: raft.NewMemoryPersister()}
		c.persister = disk
		if err := c.begin(append(options, raft.WithLimits(limits))...); err != nil {
			t.Fatal(err)
		}
	}
	s.node = s.leader()
	s.ticks(20)
	if follow {
		s.node = s.others()[0]
	}
	s.disk = s.node.persister.(*unreliableDisk)
	s.settle()
	return s
}

// overload proposes more than may wait, and then the word.
func (s *scene) overload() *outcome {
	for range 3 {
		s.propose(large)
	}
	o := s.propose(word + large[len(word):])
	s.settle()
	return o
}

// commitUndelivered lets the others and the disk have what was proposed, and the loop hear of it, but not the service.
func (s *scene) commitUndelivered() {
	commit := s.node.raft.Standing().CommitIndex
	for s.node.raft.Standing().CommitIndex == commit {
		s.turn()
		s.node.manual.Run(raft.DiskWorker)
		for _, c := range s.others() {
			c.manual.Run(raft.LoopWorker)
			c.manual.Run(raft.DiskWorker)
		}
	}
}

// afterwards restarts the whole cluster from its disks and has it commit something, so that whatever can still be
// committed is. Every proposal must have ended by then.
func (s *scene) afterwards() {
	s.disk.fails = nil
	for _, c := range s.nodes {
		c.raft.Stop()
		c.cut = false
	}
	for i, o := range s.all {
		if o.ended > 1 || o.ended == 0 && !o.appended {
			s.t.Errorf("proposal %d ended %d times", i, o.ended)
		}
	}
	s.waiting = nil
	for _, c := range s.nodes {
		if err := c.begin(); err != nil {
			s.t.Fatal(err)
		}
	}
	s.leader().raft.Propose([]byte("afterwards"), forgetful{})
	s.applied("afterwards")
}

func (s *scene) isApplied(word string) bool {
	return slices.ContainsFunc(s.nodes, func(c *citizen) bool {
		return slices.ContainsFunc(c.words, func(w string) bool { return strings.HasPrefix(w, word) })
	})
}

// A transfer that comes to nothing costs no proposal: what came meanwhile is proposed when it has ended.
func TestProposalsOutliveATransferThatFails(t *testing.T) {
	s := newScene(t, false)
	s.beginTransfer()
	o := s.propose(word)
	s.until(func() bool { return s.isApplied(word) })
	if o.ended != 0 || s.node.raft.Standing().Role != core.Leader {
		t.Errorf("the proposal was dropped %d times (%v), the node is %v; want it applied by the same leader",
			o.ended, o.reason, s.node.raft.Standing().Role)
	}
}

// A disk that failed is never written again, nor is anything acknowledged after it (P7).
func TestAFailedDiskIsNotWrittenAgain(t *testing.T) {
	s := newScene(t, false)
	s.disk.fails = errBroken
	s.propose("first")
	s.turn()
	before := s.disk.saves
	s.node.manual.Run(raft.DiskWorker)
	s.disk.fails = nil
	for range 3 {
		s.propose("later")
		s.node.manual.Tick()
		s.turn()
		s.node.manual.Run(raft.DiskWorker)
	}
	if s.disk.saves != before+1 {
		t.Errorf("the disk was written %d times after its failure", s.disk.saves-before-1)
	}
	if err := s.node.raft.Err(); !errors.Is(err, errBroken) {
		t.Errorf("Err is %v, want what the disk said", err)
	}
	select {
	case <-s.node.raft.Done():
	default:
		t.Error("the node did not end")
	}
}

// confirmations counts how reads end.
type confirmations struct {
	n    int
	last raft.ReadResult
}

func (c *confirmations) Confirmed(result raft.ReadResult) { c.n, c.last = c.n+1, result }

// TestEveryReadIsAnswered walks the ways on which a read is confirmed or not.
func TestEveryReadIsAnswered(t *testing.T) {
	for _, way := range []struct {
		name    string
		follow  bool
		forward bool
		do      func(s *scene)
		want    error
	}{
		{"the leader is asked", false, false, (*scene).settle, nil},
		{"the leader is asked to forward", false, true, (*scene).settle, nil},
		{"a follower is asked", true, false, (*scene).settle, raft.ErrNotLeader},
		{"a follower forwards", true, true, (*scene).settle, nil},
		{"a follower is cut off", true, true, func(s *scene) {
			s.node.cut = true
			s.ticks(100)
		}, raft.ErrNotLeader},
		{"a leader is cut off", false, false, func(s *scene) {
			s.node.cut = true
			s.ticks(100)
		}, raft.ErrNotLeader},
		{"the node stops first", false, false, func(s *scene) { s.node.raft.Stop() }, raft.ErrStopped},
		{"the node stops while it asks", false, false, func(s *scene) {
			s.turn()
			s.node.raft.Stop()
		}, raft.ErrStopped},
	} {
		t.Run(way.name, func(t *testing.T) {
			s := newScene(t, way.follow)
			commit := s.node.raft.Standing().CommitIndex
			var c confirmations
			for range 3 {
				s.node.raft.Confirm(&c, way.forward)
			}
			way.do(s)
			if c.n != 3 || !errors.Is(c.last.Err, way.want) {
				t.Fatalf("3 reads were answered %d times, lastly with %v; want 3 times, %v", c.n, c.last.Err, way.want)
			}
			if way.want == nil && c.last.Index < commit {
				t.Errorf("read index %d does not cover %d, which was committed before", c.last.Index, commit)
			}
			s.node.raft.Stop()
			s.node.raft.Confirm(&c, way.forward)
			if c.n != 4 || !errors.Is(c.last.Err, raft.ErrStopped) {
				t.Errorf("a stopped node answered a read with %v (%d answers)", c.last.Err, c.n)
			}
		})
	}
}

// With leases a read is confirmed without a round, until an instant that lies before any other could lead.
func TestALeaseEndsBeforeAnotherCanLead(t *testing.T) {
	s := newScene(t, false, raft.WithLeases())
	s.node.cut = true
	cutAt := s.millis
	var c confirmations
	s.node.raft.Confirm(&c, false)
	s.turn()
	if c.n != 1 || c.last.Err != nil || c.last.Until <= s.millis {
		t.Fatalf("%d answers, lastly %+v at %d; want one at once that a lease confirms", c.n, c.last, s.millis)
	}
	s.until(func() bool { return s.others()[0].raft.Standing().Term > s.node.raft.Standing().Term })
	if c.last.Until >= s.millis || c.last.Until > cutAt+200 {
		t.Errorf("the lease of a leader that was cut off at %d ends at %d, another was voted for at %d", cutAt, c.last.Until, s.millis)
	}
	asked := c.n
	s.node.raft.Confirm(&c, false)
	s.turn()
	if c.n > asked && c.last.Err == nil && c.last.Until > s.millis {
		t.Errorf("a leader that was cut off has a lease until %d, at %d", c.last.Until, s.millis)
	}
}

// TestEveryChangeIsAnswered walks the ways on which a change of the membership ends.
func TestEveryChangeIsAnswered(t *testing.T) {
	move := raft.Change{Kind: core.MoveMember, ID: 3, Address: "elsewhere"}
	for _, way := range []struct {
		name   string
		follow bool
		do     func(s *scene)
		want   core.Refusal
	}{
		{"a follower is asked", true, (*scene).settle, core.NotLeader},
		{"the leader is asked", false, func(s *scene) { s.ticks(10) }, core.Accepted},
		{"the node stops first", false, func(s *scene) { s.node.raft.Stop() }, core.NotLeader},
		{"the node stops before it knows", false, func(s *scene) {
			s.turn()
			s.node.raft.Stop()
		}, core.Unknown},
		{"leadership is lost", false, func(s *scene) {
			s.turn()
			s.cutOff()
		}, core.Unknown},
	} {
		t.Run(way.name, func(t *testing.T) {
			s := newScene(t, way.follow)
			var results []core.Refusal
			done := func(result raft.ChangeResult) { results = append(results, result.Refusal) }
			s.node.raft.ChangeMembership(move, done)
			way.do(s)
			if want := fmt.Sprint([]core.Refusal{way.want}); fmt.Sprint(results) != want {
				t.Errorf("a change was answered with %v, want %v", results, want)
			}
		})
	}
}
