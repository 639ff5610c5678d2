// Command torture runs a cluster of real processes, does to it what machines and networks do, and checks what its clients were told.
//
//	go run ./cmd/torture -duration 10m
//
// It kills processes, pauses them, cuts and degrades their network, fills their disks and changes their membership, several of these
// at a time, while clients of several kinds write down what they did. Their histories are judged by internal/lin, a few keys at a
// time; in the end everything that was acknowledged is read again, from every node.
//
// The nodes live in network namespaces and have small disks in memory, which needs root, ip and nft. Without, or with
// -containers, the faults that need what is not there are left out, unless -require-all forbids that.
//
// It exits with 1 if a promise was broken or a history could not be judged, and then keeps the data directories, the nodes' logs, the
// trace of faults and the history; with 2 if the surroundings failed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"redoubt/internal/lin"
)

// options are the flags.
type options struct {
	duration   time.Duration
	nodes      int
	seed       uint64
	binary     string
	race       bool
	dir        string
	disk       int
	keep       bool
	requireAll bool
	names      string
	containers string
	check      string
}

// wants reports whether a fault was asked for.
func (o options) wants(fault string) bool {
	if o.names == "" {
		return true
	}
	for name := range strings.SplitSeq(o.names, ",") {
		if name == fault {
			return true
		}
	}
	return false
}

func main() {
	var o options
	flag.DurationVar(&o.duration, "duration", time.Minute, "for how long to harm the cluster")
	flag.IntVar(&o.nodes, "nodes", 3, "how many `nodes` the cluster has")
	flag.Uint64Var(&o.seed, "seed", 0, "the `seed` of the schedule of faults and of the clients; 0: a random one. What the cluster makes of it is never the same twice")
	flag.StringVar(&o.binary, "binary", "", "the server `program`; without it, it is built from the module in the working directory")
	flag.BoolVar(&o.race, "race", false, "build the server with the race detector")
	flag.StringVar(&o.dir, "dir", "", "a new `directory` for the nodes' data and logs; without it, a temporary one")
	flag.IntVar(&o.disk, "disk", 192, "the size of each node's disk in `MiB`")
	flag.BoolVar(&o.keep, "keep", false, "keep the directory also when all is well")
	flag.BoolVar(&o.requireAll, "require-all", false, "fail where a fault is not possible")
	flag.StringVar(&o.names, "faults", "", "only these faults, `names` separated by commas")
	flag.StringVar(&o.containers, "containers", "", "harm these running containers of docker-compose.yml, separated by commas, in place of local processes")
	flag.StringVar(&o.check, "check", "", "judge a history `file` that an earlier run has kept, and do nothing else")
	flag.Parse()
	if flag.NArg() > 0 || o.nodes < 2 || o.nodes > 9 || o.duration <= 0 || o.disk < 32 {
		flag.Usage()
		os.Exit(2)
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()>>1 | 1
	}
	quiet()
	os.Exit(run(o))
}

// run ends with the exit code.
func run(o options) int {
	if o.check != "" {
		return recheck(o.check)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code, err := torture(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		return max(code, 2)
	}
	return code
}

// recheck judges a history again.
func recheck(name string) int {
	file, err := os.Open(name)
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		return 2
	}
	defer file.Close()
	history, err := lin.Read(file)
	if err != nil {
		fmt.Fprintf(os.Stderr, "torture: %s: %v\n", name, err)
		return 2
	}
	report, err := lin.Check(history, lin.Options{ClockError: clockError.Nanoseconds()})
	if err != nil {
		fmt.Fprintf(os.Stderr, "torture: %s: %v\n", name, err)
		return 2
	}
	fmt.Printf("%s%d operations, %d of unknown outcome: %s\n", report.Explanation, report.Operations, report.Unknown, report.Verdict)
	if report.Verdict != lin.OK {
		return 1
	}
	return 0
}

// quiet keeps the client library from telling about every connection that a fault has broken.
func quiet() { log.SetOutput(io.Discard) }
