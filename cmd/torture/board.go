package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"redoubt/internal/lin"
)

const (
	// A group of keys is retired after so many operations or so long, so that its history stays short enough to be searched.
	groupOperations = 120
	groupAge        = 8 * time.Second
	// A journal is one client's alone: there is nothing to search.
	journalOperations = 1000
)

// group is keys that are used together for a while, with what was done to them.
type group struct {
	profile *profile
	keys    []string

	mu       sync.Mutex
	left     int // operations that may still begin
	ends     time.Time
	open     int // operations that have begun and not ended
	finished bool
	history  []lin.Operation
}

// begin takes room for an operation, and reports whether there was any.
func (g *group) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left == 0 || time.Now().After(g.ends) {
		g.left = 0
		return false
	}
	g.left--
	g.open++
	return true
}

// note writes down what came of an operation.
func (g *group) note(op lin.Operation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	if op.Outcome != lin.NotDone {
		g.history = append(g.history, op)
	}
}

func (g *group) retire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left = 0
}

// finish reports, once, that nothing is open and nothing will begin.
func (g *group) finish() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left > 0 || g.open > 0 || g.finished {
		return false
	}
	g.finished = true
	return true
}

// board is the groups in use, one on each place.
type board struct {
	finished func(*group) // gets each group when it was retired and its last operation has ended
	made     atomic.Int64

	mu     sync.Mutex
	places []*group
}

// newBoard has places for the given profiles.
func newBoard(profiles []*profile, finished func(*group)) *board {
	b := &board{finished: finished}
	for _, p := range profiles {
		b.places = append(b.places, b.newGroup(p, groupOperations, groupAge))
	}
	return b
}

// newGroup makes a group of keys that were never used.
func (b *board) newGroup(p *profile, operations int, age time.Duration) *group {
	n := b.made.Add(1)
	g := &group{profile: p, left: operations, ends: time.Now().Add(age)}
	for i := range p.keys {
		g.keys = append(g.keys, fmt.Sprintf("%s:%d:%d", p.name, n, i))
	}
	return g
}

// take begins an operation on some group whose profile suits.
func (b *board) take(random *rand.Rand, suits func(*profile) bool) *group {
	for {
		place := random.IntN(len(b.places))
		b.mu.Lock()
		g := b.places[place]
		b.mu.Unlock()
		if !suits(g.profile) {
			continue
		}
		if g.begin() {
			return g
		}
		b.replace(place, g)
	}
}

// replace puts a new group in the place of a retired one.
func (b *board) replace(place int, old *group) {
	b.mu.Lock()
	if b.places[place] == old {
		b.places[place] = b.newGroup(old.profile, groupOperations, groupAge)
	}
	b.mu.Unlock()
	b.deliver(old)
}

// end notes an operation.
func (b *board) end(g *group, op lin.Operation) {
	g.note(op)
	b.deliver(g)
}

func (b *board) deliver(g *group) {
	if g.finish() {
		b.finished(g)
	}
}

// retireAll ends every group.
func (b *board) retireAll() {
	b.mu.Lock()
	places := b.places
	b.mu.Unlock()
	for _, g := range places {
		g.retire()
		b.deliver(g)
	}
}
