package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"redoubt/internal/sim"
)

// options are the flags.
type options struct {
	seed        uint64
	seeds       int
	workers     int
	checkReplay bool
	keepGoing   bool
	tail        int
}

// totals sum up results.
type totals struct {
	seeds, crashes, partitions, elections, commands, changes int
	violations, undecided, unequal                           int
	simulated                                                time.Duration
}

func (t *totals) add(r sim.Result) {
	t.seeds++
	t.simulated += r.Simulated
	t.crashes += r.Crashes
	t.partitions += r.Partitions
	t.elections += r.Elections
	t.commands += r.Commands
	t.changes += r.Changes
	t.undecided += r.Undecided
	if r.Violation != nil {
		t.violations++
	}
}

// String is the last line of a run.
func (t totals) String() string {
	line := fmt.Sprintf("%d seeds, %.1f simulated hours, %d crashes, %d partitions, %d elections, %d membership changes, %d commands, %d violations, %d unknown",
		t.seeds, t.simulated.Hours(), t.crashes, t.partitions, t.elections, t.changes, t.commands, t.violations, t.undecided)
	if t.unequal > 0 {
		line += fmt.Sprintf(", %d replays that differ", t.unequal)
	}
	return line
}

func (t totals) status() int {
	if t.violations+t.undecided+t.unequal > 0 {
		return 1
	}
	return 0
}

// outcome is what became of one seed.
type outcome struct {
	result  sim.Result
	unequal bool
}

// run runs many seeds, on as many goroutines as there are workers, and prints what they came to.
func run(o options) int {
	seeds := make(chan uint64)
	outcomes := make(chan outcome)
	stop := make(chan struct{})
	go func() {
		defer close(seeds)
		for i := range o.seeds {
			select {
			case seeds <- o.seed + uint64(i):
			case <-stop:
				return
			}
		}
	}()
	var workers sync.WaitGroup
	for range o.workers {
		workers.Go(func() {
			for seed := range seeds {
				outcomes <- runSeed(o, seed)
			}
		})
	}
	go func() {
		workers.Wait()
		close(outcomes)
	}()
	var total totals
	stopped := false
	started, reported := time.Now(), time.Now()
	for out := range outcomes {
		total.add(out.result)
		if out.unequal {
			total.unequal++
			fmt.Printf("replay: seed %d: two runs differ\n", out.result.Seed)
		}
		if out.result.Undecided > 0 {
			fmt.Printf("unknown: seed %d: %d histories could not be judged\n", out.result.Seed, out.result.Undecided)
		}
		if out.result.Violation != nil {
			report(o, out.result)
		}
		if (out.unequal || out.result.Violation != nil) && !o.keepGoing && !stopped {
			stopped = true
			close(stop)
		}
		if time.Since(reported) > 5*time.Second {
			reported = time.Now()
			fmt.Fprintf(os.Stderr, "%d of %d seeds, %.1f a second\n", total.seeds, o.seeds,
				float64(total.seeds)/time.Since(started).Seconds())
		}
	}
	fmt.Println(total)
	return total.status()
}

// runSeed runs a seed, twice if that is to be compared. Nothing is written down in the first place: it costs too much.
func runSeed(o options, seed uint64) outcome {
	if !o.checkReplay {
		return outcome{result: sim.Run(seed, nil)}
	}
	first, second := sim.NewTail(0), sim.NewTail(0)
	result := sim.Run(seed, first)
	again := sim.Run(seed, second)
	silent := sim.Run(seed, nil) // the trace must not change the run
	return outcome{result, first.Sum() != second.Sum() || again.Events != silent.Events}
}

// report prints a violation, and the end of the trace that leads to it: the seed is run again for it.
func report(o options, r sim.Result) {
	fmt.Printf("violation: seed %d: %v\n", r.Seed, r.Violation)
	tail := sim.NewTail(o.tail)
	again := sim.Run(r.Seed, tail)
	fmt.Printf("the last %d of %d lines of its trace (all: go run ./cmd/sim -seed %d):\n%s", min(o.tail, tail.Count()), tail.Count(), r.Seed, tail)
	if again.Violation == nil || *again.Violation != *r.Violation {
		fmt.Printf("replay: seed %d: the second run differs: %v\n", r.Seed, again.Violation)
	}
}
