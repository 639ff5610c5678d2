package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	suites     []suite
	runs       int
	requests   int
	keys       []int
	kills      int
	quiet      time.Duration
	rate       float64
	short      bool
	replicaAOF bool
	binary     string
	baseline   string
	server     []string // flags for our nodes
	redis      []string // flags for Redis
	dir        string
	json       string
	svg        string
	draw       string
}

// The usual counts, and those of -short.
var (
	usual = counts{runs: 5, requests: 100000, keys: "1000000,10000000", kills: 30, quiet: 5 * time.Second}
	brief = counts{runs: 3, requests: 20000, keys: "20000", kills: 3, quiet: time.Second}
)

type counts struct {
	runs, requests int
	keys           string
	kills          int
	quiet          time.Duration
}

// parseOptions reads and checks the command line. Complaints and help go to out.
func parseOptions(args []string, out io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, "usage: go run ./cmd/bench [flags]\n\nMeasures Redoubt beside Debian's redis-server. docs/BENCH.md explains the suites.\n\n")
		flags.PrintDefaults()
	}
	list := flags.String("suite", "classic", "which `suites`, separated by commas, or all: "+suiteNames())
	flags.BoolVar(&o.short, "short", false, "fewer and smaller: "+brief.String()+", fewer points on a chart")
	flags.IntVar(&o.runs, "runs", usual.runs, "how often each measurement is made; the table shows `medians`")
	flags.IntVar(&o.requests, "requests", usual.requests, "requests of a run without pipeline; deeper pipelines get up to 16 times more")
	keys := flags.String("keys", usual.keys, "how many `keys` the suites memory, snapshot, restart and catchup fill, separated by commas")
	flags.IntVar(&o.kills, "kills", usual.kills, "how often the suite outage takes the leader away, each way")
	flags.DurationVar(&o.quiet, "quiet", usual.quiet, "how long the suites memory, snapshot and catchup watch before the event")
	flags.Float64Var(&o.rate, "rate", 0, "SETs a second of the suites snapshot and catchup, in all; 0: as fast as replies come")
	aof := flags.String("replica-aof", "no", "`yes or no`: do Redis's replicas write an append-only file? no is in Redis's favour")
	flags.StringVar(&o.binary, "binary", "", "measure this redoubt `program`; without it, ./cmd/redoubt is built")
	flags.StringVar(&o.baseline, "baseline", "", "compare with this redoubt `program`, in place of Redis: before and after a change")
	server := flags.String("server-flags", "", "`flags` for our nodes, separated by spaces")
	redis := flags.String("redis-flags", "", "`flags` for redis-server, separated by spaces")
	flags.StringVar(&o.dir, "dir", "", "a `directory` on the disk to measure; without it, a temporary one in /var/tmp")
	flags.StringVar(&o.json, "json", "", "put the figures into this `file`; suites that were not run stay as they are there")
	flags.StringVar(&o.svg, "svg", "", "draw the figures into this `directory`, a picture for each suite and a page with all tables; "+
		"with -json, of all suites that are in the file")
	flags.StringVar(&o.draw, "draw", "", "measure nothing: print, and with -svg draw, the figures in this `file`")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	o.server, o.redis = strings.Fields(*server), strings.Fields(*redis)
	if o.short {
		o.shorten(flags, keys)
	}
	return o, errors.Join(o.readLists(*list, *keys, *aof), o.check())
}

// shorten puts the brief counts in place of those that were not given.
func (o *options) shorten(flags *flag.FlagSet, keys *string) {
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if !given["runs"] {
		o.runs = brief.runs
	}
	if !given["requests"] {
		o.requests = brief.requests
	}
	if !given["keys"] {
		*keys = brief.keys
	}
	if !given["kills"] {
		o.kills = brief.kills
	}
	if !given["quiet"] {
		o.quiet = brief.quiet
	}
}

func (o *options) readLists(list, keys, aof string) (err error) {
	if o.suites, err = chosenSuites(list); err != nil {
		return err
	}
	for text := range strings.SplitSeq(keys, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > maxKeys {
			return fmt.Errorf("-keys %s: %q is no number from 1 to %d", keys, text, maxKeys)
		}
		o.keys = append(o.keys, n)
	}
	if aof != "yes" && aof != "no" {
		return fmt.Errorf("-replica-aof %s: must be yes or no", aof)
	}
	o.replicaAOF = aof == "yes"
	return nil
}

const (
	maxKeys  = 100_000_000
	maxCount = 1_000_000_000
)

func (o *options) check() error {
	for _, f := range []struct {
		name  string
		value int
	}{{"runs", o.runs}, {"requests", o.requests}, {"kills", o.kills}} {
		if f.value < 1 || f.value > maxCount {
			return fmt.Errorf("-%s %d: must be from 1 to %d", f.name, f.value, maxCount)
		}
	}
	if o.quiet <= 0 || o.quiet > time.Hour {
		return fmt.Errorf("-quiet %v: must be more than nothing and at most an hour", o.quiet)
	}
	if !(o.rate >= 0 && o.rate <= maxCount) {
		return fmt.Errorf("-rate %v: must be from 0 to %d", o.rate, maxCount)
	}
	if o.draw != "" && o.json != "" {
		return errors.New("-draw and -json: nothing is measured that could be put into a file")
	}
	return nil
}

func (c counts) String() string {
	return fmt.Sprintf("-runs %d -requests %d -keys %s -kills %d -quiet %v", c.runs, c.requests, c.keys, c.kills, c.quiet)
}

func suiteNames() string {
	var names []string
	for _, s := range suites() {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// setting says in the head of a table how it was measured.
func (o options) setting() string {
	text := fmt.Sprintf("medians of %d runs, %s requests each", o.runs, grouped(int64(o.requests)))
	if o.rate > 0 {
		text += fmt.Sprintf(", at %s SETs a second where a load runs beside something", grouped(int64(o.rate)))
	}
	if o.replicaAOF {
		text += ", append-only files on Redis's replicas too"
	}
	if len(o.server) > 0 {
		text += ", nodes with " + strings.Join(o.server, " ")
	}
	if len(o.redis) > 0 {
		text += ", redis-server with " + strings.Join(o.redis, " ")
	}
	return text
}
