package replica

import (
	"slices"
	"sync"
	"sync/atomic"

	"redoubt/raft"
)

// gate holds reads until the state machine has applied their read index.
type gate struct {
	applied atomic.Uint64

	mu     sync.Mutex
	closed bool
	// waiting are the reads that wait, by their index.
	waiting []*reading
}

// reading is a read on its way from its confirmation to the state it may read. It belongs to one request at a time.
type reading struct {
	gate *gate
	// wake tells the request that result is known and, if the read was confirmed, that the state machine has
	// applied its index; or that it was turned away before.
	wake       func()
	result     raft.ReadResult
	turnedAway bool
	// forwarded: this node follows, and waits for the state until deadline at most (milliseconds of the
	// monotonic clock).
	forwarded bool
	deadline  int64
}

// Confirmed implements raft.Reader. A read that has to wait for its index is woken once, when that is applied.
func (w *reading) Confirmed(result raft.ReadResult) {
	w.result, w.turnedAway = result, false
	if result.Err == nil && w.gate.join(w) {
		return
	}
	w.wake()
}

// join makes a read wait, and reports false if it need not or must not.
func (g *gate) join(w *reading) bool {
	if g.applied.Load() >= w.result.Index {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.applied.Load() >= w.result.Index {
		return false
	}
	if g.closed {
		w.turnedAway = true
		return false
	}
	// Read indexes grow, so the place is the last one nearly always.
	at := len(g.waiting)
	for at > 0 && g.waiting[at-1].result.Index > w.result.Index {
		at--
	}
	g.waiting = slices.Insert(g.waiting, at, w)
	return true
}

// advance lets through whoever waits for index or less.
func (g *gate) advance(index uint64) {
	g.applied.Store(index)
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for n < len(g.waiting) && g.waiting[n].result.Index <= index {
		g.waiting[n].wake()
		n++
	}
	g.waiting = slices.Delete(g.waiting, 0, n)
}

// len returns how many reads wait.
func (g *gate) len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// turnAway ends the waiting of those that are chosen.
func (g *gate) turnAway(chosen func(*reading) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(w *reading) bool {
		if !chosen(w) {
			return false
		}
		w.turnedAway = true
		w.wake()
		return true
	})
}

// close ends all waiting for ever.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.turnAway(func(*reading) bool { return true })
}
