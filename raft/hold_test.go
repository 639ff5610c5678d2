package raft_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
)

// tick is raft's clock when it is not set.
const tick = 10 * time.Millisecond

// countingPersister counts writes with commands in them.
type countingPersister struct {
	raft.Persister
	mu     sync.Mutex
	writes int
}

func (p *countingPersister) Save(state core.HardState, entries []core.Entry, sync bool) error {
	for _, e := range entries {
		if e.Kind == core.EntryCommand {
			p.mu.Lock()
			p.writes++
			p.mu.Unlock()
			break
		}
	}
	return p.Persister.Save(state, entries, sync)
}

func (p *countingPersister) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writes
}

// What is proposed between Hold and Release shares one append and one write, and is done without any other call.
func TestWhatIsHeldGoesTogether(t *testing.T) {
	persister := &countingPersister{Persister: raft.NewMemoryPersister()}
	applyCh := make(chan raft.ApplyMsg)
	r, err := raft.Make([]raft.Peer{{ID: 1}}, 1, persister, applyCh)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	startWhenLeading(t, r, "first")
	next(t, applyCh)
	before, began := persister.count(), time.Now()
	const commands = 100
	r.Hold()
	for i := range commands {
		r.Propose([]byte(fmt.Sprint(i)), &outcome{})
	}
	r.Release()
	ticks := int(time.Since(began)/tick) + 1 // each may come in between
	for i := 0; i < commands; {
		for _, c := range (<-applyCh).Entries {
			if got := string(c.Data); got != fmt.Sprint(i) {
				t.Fatalf("command %d came as %q", i, got)
			}
			i++
		}
	}
	if writes := persister.count() - before; writes > 4+ticks { // the turns that "first" leaves behind may take some of them
		t.Errorf("%d commands that were held took %d writes", commands, writes)
	}
}
