// Command bench measures Redoubt beside Debian's redis-server, on one machine, in turns, and prints tables of medians
// with their ratios.
//
//	go run ./cmd/bench                                   the six classic shapes
//	go run ./cmd/bench -suite all -json docs/bench/figures.json -svg docs/bench
//
// It builds ./cmd/redoubt, starts three nodes, and beside them redis-server with "appendfsync always" and two replicas;
// both get the same load from the same generator. docs/BENCH.md explains the suites and how to read the tables.
//
// It judges nothing. It exits with 1 if a suite could not be measured, and with 2 if the command line is wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

func main() {
	// The kernel ends our processes when the thread that started them ends, so that thread must stay.
	runtime.LockOSThread()
	o, err := parseOptions(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures what is asked for. Tables go to out, progress to says.
func run(ctx context.Context, o options, out, says io.Writer) (err error) {
	if o.draw != "" {
		return redraw(o, out)
	}
	figures := &report{}
	if o.json != "" {
		if figures, err = readReport(o.json); err != nil { // better now than in an hour
			return err
		}
	}
	if err := raiseFileLimit(); err != nil {
		return fmt.Errorf("raising the limit on open files: %w", err)
	}
	dir, err := dataDir(o.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := prepare(ctx, o, dir, newProgress(says))
	if err != nil {
		return err
	}
	var failed []error
	for _, s := range o.suites {
		result := runSuite(ctx, s, b)
		if err := ctx.Err(); err != nil {
			return errors.New("interrupted")
		}
		if result.Failed != "" {
			failed = append(failed, fmt.Errorf("suite %s: %s", s.name, result.Failed))
		}
		fmt.Fprintln(out, result.markdown())
		figures.put(result)
		if err := save(figures, o); err != nil { // after each suite: the next may take an hour
			return err
		}
	}
	return errors.Join(failed...)
}

// dataDir makes a directory of our own. Not in /tmp, which is memory on some machines: this is about the disk.
func dataDir(parent string) (string, error) {
	if parent == "" {
		parent = "/var/tmp"
	}
	dir, err := os.MkdirTemp(parent, "redoubt-bench.")
	if err != nil {
		return "", fmt.Errorf("-dir %s: %w", parent, err)
	}
	return filepath.Abs(dir)
}

// prepare builds what is measured and makes sure that what it is compared with is there.
func prepare(ctx context.Context, o options, dir string, says *progress) (b bench, err error) {
	if _, err := exec.LookPath("redis-benchmark"); err != nil {
		return b, fmt.Errorf("redis-benchmark is needed; .ci/run tools installs it: %w", err)
	}
	surveyed := survey(ctx, dir) // before the compiler makes the machine busy
	binary := o.binary
	if binary == "" {
		says.line("building ./cmd/redoubt")
		if binary, err = buildServer(ctx, dir); err != nil {
			return b, err
		}
	} else if binary, err = exec.LookPath(binary); err != nil {
		return b, fmt.Errorf("-binary: %w", err)
	}
	b = bench{options: o, dir: dir, says: says, machine: surveyed}
	b.ours = clusterStarter("Redoubt", "redoubt", binary, o.server)
	if o.baseline != "" {
		baseline, err := exec.LookPath(o.baseline)
		if err != nil {
			return b, fmt.Errorf("-baseline: %w", err)
		}
		b.theirs = clusterStarter("baseline", "baseline", baseline, o.server)
		return b, nil
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		return b, fmt.Errorf("redis-server is needed; .ci/run tools installs it: %w", err)
	}
	b.theirs = starter{named{"redis", "Redis"}, func(ctx context.Context, n need) (system, error) {
		flags := o.redis
		if n.savesAsked {
			flags = append([]string{"--auto-aof-rewrite-percentage", "0"}, flags...)
		}
		return startRedis(ctx, n.dir, n.nodes-1, o.replicaAOF || n.replicaAOF, flags)
	}}
	return b, nil
}

func clusterStarter(title, key, binary string, flags []string) starter {
	return starter{named{key, title}, func(ctx context.Context, n need) (system, error) {
		args := flags
		if n.savesAsked {
			args = append([]string{"--snapshot-log-bytes", "64gb", "--snapshot-log-entries", "1000000000"}, flags...)
		}
		return startCluster(ctx, title, key, binary, n.dir, n.nodes, args)
	}}
}

// save writes what the flags ask for.
func save(figures *report, o options) error {
	if o.json != "" {
		if err := figures.write(o.json); err != nil {
			return err
		}
	}
	if o.svg != "" {
		return figures.draw(o.svg)
	}
	return nil
}

// redraw shows the figures of an earlier run.
func redraw(o options, out io.Writer) error {
	if _, err := os.Stat(o.draw); err != nil {
		return fmt.Errorf("-draw: %w", err)
	}
	figures, err := readReport(o.draw)
	if err != nil {
		return err
	}
	for _, s := range figures.Suites {
		fmt.Fprintln(out, s.markdown())
	}
	return save(figures, o)
}
