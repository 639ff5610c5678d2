// Command sim runs simulated clusters and looks for broken promises.
//
//	sim -seed 1 -seeds 2000        runs seeds 1 to 2000, and prints one line in the end
//	sim -seed 1234                 runs one seed and prints all that happens in it
//	sim -seed 1 -seeds 100 -check-replay   runs each seed twice and compares
//
// It exits with 1 if a promise was broken, a history could not be judged, or a replay differed.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"redoubt/internal/sim"
)

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "the first `seed`")
	flag.IntVar(&o.seeds, "seeds", 0, "how many seeds to run; without it, one, with its whole trace on the standard output")
	flag.IntVar(&o.workers, "workers", runtime.NumCPU(), "how many seeds to run at a time")
	flag.BoolVar(&o.checkReplay, "check-replay", false, "run each seed twice and compare")
	flag.BoolVar(&o.keepGoing, "keep-going", false, "go on after a violation or a replay that differs")
	flag.IntVar(&o.tail, "tail", 80, "how many `lines` of the trace to print with a violation")
	flag.Parse()
	debug.SetGCPercent(400) // worlds are small and short-lived
	if flag.NArg() > 0 || o.seeds < 0 || o.workers < 1 || o.tail < 0 {
		flag.Usage()
		os.Exit(2)
	}
	if o.seeds == 0 && !o.checkReplay {
		os.Exit(replay(o.seed))
	}
	o.seeds = max(o.seeds, 1)
	os.Exit(run(o))
}

// replay runs one seed and prints its trace.
func replay(seed uint64) int {
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	result := sim.Run(seed, out)
	var total totals
	total.add(result)
	if result.Violation != nil {
		fmt.Fprintf(out, "violation: seed %d: %v\n", seed, result.Violation)
	}
	fmt.Fprintln(out, total)
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		return 1
	}
	return total.status()
}
