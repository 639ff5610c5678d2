package raft_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/raft/memnet"
)

// list is a replicated state machine: each command adds a word, unless it is there. So a command may come twice.
type list struct {
	mu    sync.Mutex
	words []string
	grown chan struct{}
}

func newList() *list { return &list{grown: make(chan struct{}, 1)} }

// apply consumes what a node delivers until the node stops.
func (l *list) apply(r *raft.Raft, applyCh <-chan raft.ApplyMsg) {
	for {
		select {
		case <-r.Done():
			return
		case message := <-applyCh:
			for _, entry := range message.Entries {
				if entry.Kind == core.EntryCommand {
					l.add(string(entry.Data))
				}
			}
		}
	}
}

func (l *list) add(word string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.words, word) {
		l.words = append(l.words, word)
	}
	select {
	case l.grown <- struct{}{}:
	default:
	}
}

func (l *list) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.words, " ")
}

// await reports whether the list has a word within a time that is long enough where nothing is lost.
func (l *list) await(word string) bool {
	patience := time.After(200 * time.Millisecond)
	for !strings.Contains(l.String(), word) {
		select {
		case <-l.grown:
		case <-patience:
			return false
		}
	}
	return true
}

// start gives a command to whoever leads. Nobody may: during an election.
func start(nodes []*raft.Raft, command string) {
	for _, r := range nodes {
		if _, _, isLeader := r.Start([]byte(command)); isLeader {
			return
		}
	}
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

	// A command that is taken is not yet committed, and is lost if its leader is replaced: so wait to see it, or start it again.
	for _, word := range []string{"safe", "then", "fast"} {
		for seen := false; !seen; seen = lists[0].await(word) {
			start(nodes, word)
		}
	}
	for _, l := range lists {
		for !l.await("fast") {
		}
		fmt.Println(l)
	}

	// Output:
	// safe then fast
	// safe then fast
	// safe then fast
}
