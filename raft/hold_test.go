package raft_test

import (
	"fmt"
	"sync"
	"testing"

	"redoubt/raft"
	"redoubt/raft/core"
)

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
	before := persister.writes
	const commands = 100
	r.Hold()
	for i := range commands {
		r.Propose([]byte(fmt.Sprint(i)), &outcome{})
	}
	r.Release()
	for i := 0; i < commands; {
		for _, c := range (<-applyCh).Entries {
			if got := string(c.Data); got != fmt.Sprint(i) {
				t.Fatalf("command %d came as %q", i, got)
			}
			i++
		}
	}
	persister.mu.Lock()
	defer persister.mu.Unlock()
	// The clock's tick may come in between.
	if writes := persister.writes - before; writes > 3 {
		t.Errorf("%d commands that were held took %d writes", commands, writes)
	}
}
