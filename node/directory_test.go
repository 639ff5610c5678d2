package node

import (
	"strings"
	"testing"

	"redoubt/raft"
)

// Whoever connects under an id that no member has is heard until it is known not to be one. It must not leave its mark each time.
func TestP6StrangersDoNotFillTheDirectory(t *testing.T) {
	d := newDirectory()
	isMember := func(id raft.NodeID) bool { return id <= 3 }
	introduce := func(id raft.NodeID) {
		greeting, err := encodeHello([]string{strings.Repeat("h", 100) + ":6379"})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.learn(id, greeting, isMember); err != nil {
			t.Fatal(err)
		}
	}
	for id := range raft.NodeID(10 * maxKnownNodes) {
		introduce(id + 1)
	}
	if got := len(d.clients); got > maxKnownNodes {
		t.Errorf("the directory knows %d nodes, want at most %d", got, maxKnownNodes)
	}
	for id := range raft.NodeID(3) {
		if len(d.all(id+1)) != 1 {
			t.Errorf("the directory has forgotten node %d, a member", id+1)
		}
	}
	if newest := raft.NodeID(10 * maxKnownNodes); len(d.all(newest)) != 1 {
		t.Errorf("the directory does not know node %d, which came last", newest)
	}
}
