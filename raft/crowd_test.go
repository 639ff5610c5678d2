package raft_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
)

// slowPersister takes a while to write.
type slowPersister struct {
	countingPersister
	pause time.Duration
}

func (p *slowPersister) Save(state core.HardState, entries []core.Entry, sync bool) error {
	time.Sleep(p.pause)
	return p.countingPersister.Save(state, entries, sync)
}

// done is a ticket for a client that waits for its answer.
type done chan struct{}

func (d done) Dropped(error) { d <- struct{}{} }

// single starts a node that is a cluster by itself and answers every ticket once it is applied.
func single(t *testing.T, persister raft.Persister, options ...raft.Option) *raft.Raft {
	t.Helper()
	answer := raft.WithApply(func(message raft.ApplyMsg) {
		for _, c := range message.Entries {
			if d, ok := c.Ticket.(done); ok {
				d <- struct{}{}
			}
		}
	})
	r, err := raft.Make([]raft.Peer{{ID: 1}}, 1, persister, nil, append(options, answer)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	startWhenLeading(t, r, "first")
	return r
}

// request has a client send commands one after the other, each when the one before is answered.
func request(r *raft.Raft, commands int) {
	answer := make(done, 1)
	for range commands {
		r.Propose([]byte("command"), answer)
		<-answer
	}
}

// Clients that each wait for an answer before they go on share their appends, nearly all of them. A machine that keeps them from coming
// back is no proof of the opposite: then waiting is in vain, and rightly given up. Without waiting, every round takes twice as many
// writes.
func TestACrowdSharesItsAppends(t *testing.T) {
	const clients, commands, rounds = 50, 40, 5
	persister := &slowPersister{countingPersister{Persister: raft.NewMemoryPersister()}, time.Millisecond}
	r := single(t, persister)
	fewest := clients * commands
	for round := 0; round < rounds && fewest > commands*3/2; round++ {
		before := persister.count()
		var all sync.WaitGroup
		for range clients {
			all.Go(func() { request(r, commands) })
		}
		all.Wait()
		fewest = min(fewest, persister.count()-before)
	}
	t.Logf("%d commands took %d writes", clients*commands, fewest)
	if fewest > commands*3/2 {
		t.Errorf("%d commands of %d clients took at least %d writes, where %d would do", clients*commands, clients, fewest, commands)
	}
}

// Who is left of a crowd waits for no longer than a crowd is worth, and not for the next tick.
func TestNobodyWaitsForACrowdThatHasLeft(t *testing.T) {
	const tick = 500 * time.Millisecond
	persister := &slowPersister{countingPersister{Persister: raft.NewMemoryPersister()}, 2 * time.Millisecond}
	r := single(t, persister, raft.WithTick(tick), raft.WithTimeouts(tick, 2*tick))
	for range 5 {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { request(r, 4) })
		}
		all.Wait()
		begun := time.Now()
		request(r, 1)
		if waited := time.Since(begun); waited > tick/2 {
			t.Fatalf("a command alone took %v", waited)
		}
	}
}

// While the rest of a crowd is waited for there is a lull, and when it is over there is none.
func TestALullIsTold(t *testing.T) {
	persister := &slowPersister{countingPersister{Persister: raft.NewMemoryPersister()}, 2 * time.Millisecond}
	r := single(t, persister)
	for range 100 {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { request(r, 4) })
		}
		all.Wait()
		answer := make(done, 1)
		r.Propose([]byte("command"), answer)
		told := false
		for len(answer) == 0 {
			told = told || r.Lull()
			runtime.Gosched()
		}
		if r.Lull() {
			t.Fatal("a lull is told of while nobody waits")
		}
		if told {
			return
		}
	}
	t.Error("one of a crowd of 50 came back 100 times, and no lull was told of")
}
