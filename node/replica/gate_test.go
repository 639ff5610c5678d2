package replica

import (
	"testing"

	"redoubt/raft"
)

// waiter is a reading with a count of its wake-ups.
type waiter struct {
	reading
	woken int
}

func newWaiter(g *gate) *waiter {
	w := &waiter{}
	w.gate, w.wake = g, func() { w.woken++ }
	return w
}

func TestGateLetsReadsThroughOnlyWhenTheIndexIsApplied(t *testing.T) {
	var g gate
	g.advance(3)
	w := newWaiter(&g)
	if w.Confirmed(raft.ReadResult{Index: 3}); w.woken != 1 {
		t.Fatal("a read of an index that is applied was not let through")
	}
	waiters := make([]*waiter, 8)
	for _, i := range []int{5, 0, 7, 1, 2, 6, 4, 3} { // in no order
		waiters[i] = newWaiter(&g)
		waiters[i].Confirmed(raft.ReadResult{Index: uint64(4 + i)})
	}
	for index := uint64(3); index <= 12; index++ {
		g.advance(index)
		for i, w := range waiters {
			want := 0
			if uint64(4+i) <= index {
				want = 1
			}
			if w.woken != want || w.turnedAway {
				t.Fatalf("at index %d the read of index %d was woken %d times, want %d: it would have read a state older than its read index",
					index, 4+i, w.woken, want)
			}
		}
	}
}

func TestGateTurnsAwayTheChosenAndNobodyAfterItsEnd(t *testing.T) {
	var g gate
	stays, goes := newWaiter(&g), newWaiter(&g)
	stays.Confirmed(raft.ReadResult{Index: 1})
	goes.Confirmed(raft.ReadResult{Index: 1})
	g.turnAway(func(w *reading) bool { return w == &goes.reading })
	if goes.woken != 1 || !goes.turnedAway || stays.woken != 0 {
		t.Fatalf("chosen: woken %d times, turned away %t; other: woken %d times", goes.woken, goes.turnedAway, stays.woken)
	}
	g.close()
	late := newWaiter(&g)
	late.Confirmed(raft.ReadResult{Index: 1})
	for _, w := range []*waiter{stays, late} {
		if w.woken != 1 || !w.turnedAway {
			t.Fatal("a closed gate claims that the index was applied, or lets a read wait for ever")
		}
	}
}
