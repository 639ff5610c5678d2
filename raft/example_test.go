package raft_test

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/raft/memnet"
)

// list is a replicated state machine: each command appends a word.
type list struct {
	mu    sync.Mutex
	words []string
	grown sync.Cond
}

func newList() *list {
	l := &list{}
	l.grown.L = &l.mu
	return l
}

// apply consumes what a node delivers until the node stops.
func (l *list) apply(r *raft.Raft, applyCh <-chan raft.ApplyMsg) {
	for {
		select {
		case <-r.Done():
			return
		case message := <-applyCh:
			l.mu.Lock()
			for _, entry := range message.Entries {
				if entry.Kind == core.EntryCommand {
					l.words = append(l.words, string(entry.Data))
				}
			}
			l.mu.Unlock()
			l.grown.Broadcast()
		}
	}
}

// await returns the list once it has n words.
func (l *list) await(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.words) < n {
		l.grown.Wait()
	}
	return strings.Join(l.words, " ")
}

// Three nodes replicate a list. The network loses, delays and reorders messages.
func Example() {
	network := memnet.New(1)
	defer network.Close()
	network.SetFaults(memnet.Faults{MaxDelay: 2 * time.Millisecond, Drop: 0.05, Reorder: 0.1})

	peers := []raft.Peer{{ID: 1}, {ID: 2}, {ID: 3}}
	nodes := make([]*raft.Raft, len(peers))
	lists := make([]*list, len(peers))
	for i, peer := range peers {
		applyCh := make(chan raft.ApplyMsg)
		r, err := raft.Make(peers, peer.ID, raft.NewMemoryPersister(), applyCh,
			raft.WithNetwork(network.Endpoint(peer.ID)),
			raft.WithTimeouts(20*time.Millisecond, 100*time.Millisecond))
		if err != nil {
			fmt.Println(err)
			return
		}
		defer r.Stop()
		nodes[i], lists[i] = r, newList()
		go lists[i].apply(r, applyCh)
	}

	// Whoever leads takes the command; a command that is taken is not yet committed, so wait to see it.
	for n, word := range []string{"safe", "then", "fast"} {
		for started := false; !started; {
			for _, r := range nodes {
				if _, _, isLeader := r.Start([]byte(word)); isLeader {
					started = true
					break
				}
			}
		}
		lists[0].await(n + 1)
	}
	for _, l := range lists {
		fmt.Println(l.await(3))
	}

	// Output:
	// safe then fast
	// safe then fast
	// safe then fast
}
