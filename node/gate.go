package node

import (
	"sync"
	"sync/atomic"
)

// gate lets readers wait until the state machine has applied an index.
type gate struct {
	applied atomic.Uint64

	mu      sync.Mutex
	passed  sync.Cond
	closed  bool
	waiting int
	// turned counts the times that whoever waited was turned away.
	turned int
}

func newGate() *gate {
	g := &gate{}
	g.passed.L = &g.mu
	return g
}

// advance lets through whoever waits for index or less.
func (g *gate) advance(index uint64) {
	g.applied.Store(index)
	g.mu.Lock()
	if g.waiting > 0 {
		g.passed.Broadcast()
	}
	g.mu.Unlock()
}

// wait blocks until index is applied. It reports false if the gate was closed, or the waiting turned away, first.
func (g *gate) wait(index uint64) bool {
	if g.applied.Load() >= index {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting++
	for turned := g.turned; g.applied.Load() < index && !g.closed && g.turned == turned; {
		g.passed.Wait()
	}
	g.waiting--
	return g.applied.Load() >= index
}

// turnAway ends the waiting of those who wait now.
func (g *gate) turnAway() {
	g.mu.Lock()
	g.turned++
	g.mu.Unlock()
	g.passed.Broadcast()
}

// close ends all waiting.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.passed.Broadcast()
}
