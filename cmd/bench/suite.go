package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// suite is one thing that can be measured.
type suite struct {
	name, title string
	about       string
	layout      layout
	metrics     []metric
	run         func(*bench) error
}

// suites returns all of them in the order in which they run and are shown.
func suites() []suite {
	return []suite{
		classicSuite(), valuesSuite(), connectionsSuite(), pipelinesSuite(), mixedSuite(), loneSuite(), nodesSuite(),
		costSuite(), memorySuite(), snapshotSuite(), restartSuite(), catchupSuite(), outageSuite(),
	}
}

// chosenSuites reads a list of names; "all" is every suite.
func chosenSuites(list string) ([]suite, error) {
	all := suites()
	if list == "all" {
		return all, nil
	}
	wanted := make(map[string]bool)
	for name := range strings.SplitSeq(list, ",") {
		wanted[strings.TrimSpace(name)] = true
	}
	var chosen []suite
	var names []string
	for _, s := range all {
		names = append(names, s.name)
		if wanted[s.name] {
			chosen = append(chosen, s)
			delete(wanted, s.name)
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("-suite %s: there is no suite %q; there are %s, and all", list, name, strings.Join(names, ", "))
	}
	return chosen, nil
}

// bench is what a suite has at hand while it runs.
type bench struct {
	ctx     context.Context
	options options
	dir     string // for data, on the disk that is measured
	says    *progress
	machine machine
	result  *suiteResult
	ours    starter
	theirs  starter
}

// starter starts a system with a number of members.
type starter struct {
	named
	start func(ctx context.Context, need need) (system, error)
}

// need says what a suite wants of a system.
type need struct {
	dir        string
	nodes      int
	replicaAOF bool // Redis's replicas write a file too, whatever the option says
	savesAsked bool // no snapshot, and no rewrite of Redis's append-only file, but those that are asked for
}

// pair starts both systems, for measurements that take turns. end kills them.
func (b *bench) pair(nodes int) (both []system, end func() error, err error) {
	end = func() error {
		var errs []error
		for _, s := range both {
			errs = append(errs, s.end())
		}
		return errors.Join(errs...)
	}
	for _, from := range []starter{b.ours, b.theirs} {
		s, err := from.start(b.ctx, need{dir: b.dir, nodes: nodes})
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("%s: %w", from.Name, err), end())
		}
		both = append(both, s)
	}
	return both, end, nil
}

// withPair runs a measurement on both systems, which run side by side.
func (b *bench) withPair(nodes int, measure func(both []system) error) error {
	both, end, err := b.pair(nodes)
	if err != nil {
		return err
	}
	return errors.Join(measure(both), end())
}

// oneByOne runs a measurement on each system, of which only one runs at a time.
func (b *bench) oneByOne(want need, measure func(s system) error) error {
	for _, from := range []starter{b.ours, b.theirs} {
		dir, err := newDir(b.dir, "one")
		if err != nil {
			return err
		}
		want.dir = dir
		s, err := from.start(b.ctx, want)
		if err != nil {
			return fmt.Errorf("%s: %w", from.Name, err)
		}
		if err := errors.Join(measure(s), s.end(), removeAll(dir)); err != nil {
			return fmt.Errorf("%s: %w", from.Name, err)
		}
	}
	return nil
}

// inTurn calls f for each run and system; who comes first changes from run to run.
func (b *bench) inTurn(both []system, f func(run int, s system) error) error {
	for run := range b.options.runs {
		for i := range both {
			s := both[(i+run)%len(both)]
			if err := f(run, s); err != nil {
				return fmt.Errorf("%s: %w", s.name(), err)
			}
		}
	}
	return nil
}

// attempts is how often one measurement is tried: a leader may change under a machine's full load.
const attempts = 3

// attempt measures on the leader of a system that is at rest, and does so again if that fails, unless the error is final.
func (b *bench) attempt(s system, measure func(leader *process) error) error {
	var err error
	for range attempts {
		if unsettled := settle(b.ctx, s); unsettled != nil {
			return errors.Join(err, unsettled)
		}
		leader, nobody := s.leader(b.ctx)
		if nobody != nil {
			return errors.Join(err, nobody)
		}
		err = measure(leader)
		if final := (finalError{}); err == nil || b.ctx.Err() != nil || errors.As(err, &final) {
			return err
		}
		b.says.line("%s: trying again after: %v", s.name(), err)
	}
	return err
}

// runSuite measures one suite. What was measured before an error is kept beside it.
func runSuite(ctx context.Context, s suite, b bench) *suiteResult {
	r := &suiteResult{
		Name: s.name, Title: s.title, About: s.about, Layout: s.layout, Metrics: s.metrics,
		Started: time.Now(), Machine: b.machine.look(ctx), Setting: b.options.setting(),
		Systems: []named{b.ours.named, b.theirs.named},
	}
	if reason := r.Machine.NotIdleReason; reason != "" {
		b.says.line("WARNING: the machine is not idle: %s", reason)
	}
	b.ctx, b.result = ctx, r
	if b.options.baseline != "" {
		r.note("The baseline is another build of redoubt, in place of Redis.")
	}
	b.says.line("suite %s", s.name)
	dir, err := newDir(b.dir, s.name)
	if err == nil {
		b.dir = dir
		err = errors.Join(s.run(&b), removeAll(dir))
	}
	if err != nil {
		r.Failed = firstSentence(err.Error())
		if ctx.Err() == nil {
			b.says.line("suite %s failed: %v", s.name, err)
		}
	}
	r.Seconds = time.Since(r.Started).Seconds()
	return r
}

// firstSentence cuts an error for a table's foot; the whole of it is on standard error.
func firstSentence(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	const enough = 300
	return line[:min(len(line), enough)]
}
