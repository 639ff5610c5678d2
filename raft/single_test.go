package raft_test

import (
	"testing"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
)

// deadline is how long a test waits for what must happen soon, on a busy machine.
const deadline = 10 * time.Second

// next returns the next command entry that a node delivers.
func next(t *testing.T, applyCh <-chan raft.ApplyMsg) raft.Committed {
	t.Helper()
	limit := time.After(deadline)
	for {
		select {
		case message := <-applyCh:
			for _, c := range message.Entries {
				if c.Kind == core.EntryCommand {
					return c
				}
			}
		case <-limit:
			t.Fatal("a committed command was not delivered")
		}
	}
}

// startWhenLeading proposes a command as soon as the node leads.
func startWhenLeading(t *testing.T, r *raft.Raft, command string) (index uint64) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	limit := time.After(deadline)
	for {
		if index, _, ok := r.Start([]byte(command)); ok {
			return index
		}
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatal("a node that is a majority by itself did not become leader")
		}
	}
}

func TestASingleNodeRemembersAcrossARestart(t *testing.T) {
	persister := raft.NewMemoryPersister()
	peers := []raft.Peer{{ID: 1}}
	make1 := func() (*raft.Raft, chan raft.ApplyMsg) {
		applyCh := make(chan raft.ApplyMsg)
		r, err := raft.Make(peers, 1, persister, applyCh, raft.WithTimeouts(20*time.Millisecond, 60*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		return r, applyCh
	}
	r, applyCh := make1()
	go func() { startWhenLeading(t, r, "one") }()
	first := next(t, applyCh)
	if string(first.Data) != "one" {
		t.Fatalf("delivered %q, want %q", first.Data, "one")
	}
	term, leads := r.GetState()
	if !leads || term != first.Term {
		t.Fatalf("GetState says term %d, leader %v; the entry was committed in term %d", term, leads, first.Term)
	}
	r.Stop()
	if _, _, ok := r.Start([]byte("late")); ok {
		t.Error("a stopped node takes commands")
	}

	r, applyCh = make1()
	defer r.Stop()
	again := next(t, applyCh)
	if again.Index != first.Index || string(again.Data) != "one" {
		t.Fatalf("after a restart entry %d is %q, want entry %d, %q", again.Index, again.Data, first.Index, "one")
	}
	index, err := r.ReadIndex()
	for err == raft.ErrNotLeader {
		index, err = r.ReadIndex()
	}
	if err != nil || index < first.Index {
		t.Fatalf("read index %d, %v does not cover entry %d", index, err, first.Index)
	}
}
