package raft_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"time"
	"weak"

	"redoubt/raft"
	"redoubt/raft/core"
)

// recorded is a world whose every message is written down.
type recorded struct {
	raft.Network
	log *bytes.Buffer
}

func (r recorded) Send(messages []core.Message) {
	for _, m := range messages {
		fmt.Fprintf(r.log, "%T %+v\n", m, m)
	}
	r.Network.Send(messages)
}

// A run of manual nodes follows from its seeds alone.
func TestAManualRunRepeats(t *testing.T) {
	history := func() string {
		var log bytes.Buffer
		w := newWorld(3)
		for _, c := range w.nodes {
			if err := c.begin(raft.WithNetwork(recorded{c, &log})); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			leader := w.leader()
			word := fmt.Sprint("word ", i)
			var reads confirmations
			leader.raft.Propose([]byte(word), &outcome{})
			leader.raft.Confirm(&reads, false)
			w.applied(word)
			w.until(func() bool { return reads.n == 1 })
			leader.crash()
			w.applied(word)
			w.leader()
			if err := leader.begin(raft.WithNetwork(recorded{leader, &log})); err != nil {
				t.Fatal(err)
			}
			w.applied(word)
		}
		return log.String()
	}
	first := history()
	if len(first) == 0 || history() != first {
		t.Error("two runs of the same world differ: a failure that was found could not be looked at again")
	}
}

// wakes counts how often each worker was woken and not run yet.
type wakes map[raft.Worker]int

// solo makes a manual node alone in its cluster.
func solo(t *testing.T, persister raft.Persister, woken wakes, apply func(raft.ApplyMsg)) (*raft.Raft, *raft.Manual) {
	t.Helper()
	r, m, err := raft.MakeManual([]raft.Peer{{ID: 1}}, 1, persister, func(w raft.Worker) { woken[w]++ },
		raft.WithApply(apply), raft.WithClock(&world{}), raft.WithSeed(1), raft.WithIncarnation(1))
	if err != nil {
		t.Fatal(err)
	}
	return r, m
}

// drain runs workers until none is woken.
func (woken wakes) drain(m *raft.Manual) (again time.Duration) {
	for more := true; more; {
		more = false
		for w := raft.LoopWorker; w <= raft.ApplyWorker; w++ {
			if woken[w] > 0 {
				more = true
				woken[w] = 0
				again = max(again, m.Run(w))
			}
		}
	}
	return again
}

func TestAManualNodeWakesItsScheduler(t *testing.T) {
	woken := make(wakes)
	var applied []string
	disk := &unreliableDisk{MemoryPersister: raft.NewMemoryPersister()}
	r, m := solo(t, disk, woken, func(message raft.ApplyMsg) {
		for _, e := range message.Entries {
			applied = append(applied, string(e.Data))
		}
	})
	for r.Standing().Role != core.Leader {
		m.Tick()
		woken.drain(m)
	}
	for range 3 {
		r.Propose([]byte("x"), &outcome{})
	}
	if woken[raft.LoopWorker] != 1 {
		t.Errorf("the loop was woken %d times before it was run, want once", woken[raft.LoopWorker])
	}

	disk.fails = raft.ErrDiskFull
	if again := woken.drain(m); again <= 0 {
		t.Error("a full disk does not ask to be tried again")
	}
	if n := len(applied); n != 1 { // the first entry of the term
		t.Errorf("%d entries were applied, want 1: nothing may be applied that is not durable", n)
	}
	disk.fails = nil
	m.Run(raft.DiskWorker)
	woken.drain(m)
	if got := fmt.Sprint(applied); got != "[ x x x]" {
		t.Errorf("applied %q when there was room again, want the first entry of the term and three commands", got)
	}

	r.Propose([]byte("late"), &outcome{})
	r.Stop()
	r.Stop()
	m.Tick()
	woken.drain(m)
	for w := raft.LoopWorker; w <= raft.ApplyWorker; w++ {
		if m.Run(w) != 0 {
			t.Error("a stopped node asks to be run again")
		}
	}
	if n := len(applied); n != 4 {
		t.Errorf("a stopped node applied %d entries more", n-4)
	}
}

func TestAManualNodeRefusesToWait(t *testing.T) {
	r, m := solo(t, raft.NewMemoryPersister(), make(wakes), func(raft.ApplyMsg) {})
	for r.Standing().Role != core.Leader {
		m.Tick()
		for w := raft.LoopWorker; w <= raft.ApplyWorker; w++ {
			m.Run(w)
		}
	}
	for name, wait := range map[string]func(){
		"Start":     func() { r.Start([]byte("x")) },
		"ReadIndex": func() { r.ReadIndex() },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s waits on a manual node: for ever, since nobody else runs it", name)
				}
			}()
			wait()
		}()
	}
}

// A manual node crashes by being dropped: nothing of it may stay behind.
func TestADroppedManualNodeIsForgotten(t *testing.T) {
	dropped := func() weak.Pointer[raft.Raft] {
		woken := make(wakes)
		r, m := solo(t, raft.NewMemoryPersister(), woken, func(raft.ApplyMsg) {})
		for r.Standing().Role != core.Leader {
			m.Tick()
			woken.drain(m)
		}
		return weak.Make(r)
	}()
	for begun := time.Now(); dropped.Value() != nil; runtime.GC() {
		if time.Since(begun) > deadline {
			t.Fatal("a node that was dropped is still kept")
		}
	}
}
