package sim

import (
	"testing"
	"time"
)

// TestSeeds lives some worlds. `go run ./cmd/sim -seed 1 -seeds 2000` lives more.
func TestSeeds(t *testing.T) {
	const limit = 5 * time.Second
	started := time.Now()
	var total Result
	seeds := 0
	for seed := uint64(1); seed <= 60 && time.Since(started) < limit; seed++ {
		result := Run(seed, nil)
		if result.Violation != nil {
			t.Errorf("seed %d: %v\nSee all of it: go run ./cmd/sim -seed %d", seed, result.Violation, seed)
		}
		if result.Undecided > 0 {
			t.Errorf("seed %d: %d histories could not be judged", seed, result.Undecided)
		}
		seeds++
		total.Crashes += result.Crashes
		total.Elections += result.Elections
		total.Commands += result.Commands
	}
	t.Logf("%d seeds, %d crashes, %d elections, %d commands", seeds, total.Crashes, total.Elections, total.Commands)
	if total.Crashes == 0 || total.Elections < seeds || total.Commands < 10*seeds {
		t.Errorf("hardly anything happened: %+v", total)
	}
}

// TestASeedHasOneCourse runs seeds twice with their traces and once without: a run that cannot be repeated explains nothing.
func TestASeedHasOneCourse(t *testing.T) {
	for seed := uint64(101); seed <= 104; seed++ {
		first, second := NewTail(40), NewTail(40)
		one, two, silent := Run(seed, first), Run(seed, second), Run(seed, nil)
		if first.Sum() != second.Sum() {
			t.Errorf("seed %d: two traces differ; their ends:\n%s\n%s", seed, first, second)
		}
		if one.Events != two.Events || one.Events != silent.Events {
			t.Errorf("seed %d: %d, %d and, without a trace, %d events", seed, one.Events, two.Events, silent.Events)
		}
	}
}

// TestEventsHappenInOrder checks that events of one instant happen in the order in which they were scheduled.
func TestEventsHappenInOrder(t *testing.T) {
	var q eventQueue
	var got []int
	for i, at := range []time.Duration{30, 10, 20, 10, 30, 10, 20} {
		q.push(at, func() { got = append(got, i) })
	}
	for len(q.heap) > 0 {
		e := q.pop()
		e.do()
	}
	want := []int{1, 3, 5, 2, 6, 0, 4}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("events happened in the order %v, want %v", got, want)
		}
	}
}
