package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const progressInterval = 5 * time.Second

// progress prints a line now and then until ctx ends.
func (a *arena) progress(ctx context.Context, s *session) {
	var before int64
	for {
		wait(ctx, progressInterval)
		if ctx.Err() != nil {
			return
		}
		a.measure()
		done := s.tally.done.Load()
		s.verifier.mu.Lock()
		histories, undecided := s.verifier.histories, s.verifier.undecided
		s.verifier.mu.Unlock()
		a.observer.mu.Lock()
		leader, changes := a.observer.leader+1, a.observer.changes
		a.observer.mu.Unlock()
		a.mu.Lock()
		faults := 0
		for _, n := range a.counts {
			faults += n
		}
		a.mu.Unlock()
		fmt.Printf("%5.0f s  %d operations (%d/s), %d unknown  %d faults  leader %d after %d changes  longest without a write %v  %d histories judged, %d undecided\n",
			time.Since(a.start).Seconds(), done, (done-before)/int64(progressInterval/time.Second), s.tally.unknown.Load(),
			faults, leader, changes, s.longest(), histories, undecided)
		before = done
	}
}

// longest is the longest time without an acknowledged write.
func (s *session) longest() time.Duration {
	return time.Duration(s.tally.gap.Load()).Round(10 * time.Millisecond)
}

// summary is the last line.
func (a *arena) summary(s *session) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	total := 0
	var counts []string
	for _, name := range slices.Sorted(maps.Keys(a.counts)) {
		total += a.counts[name]
		counts = append(counts, fmt.Sprintf("%s %d", name, a.counts[name]))
	}
	v := s.verifier
	return fmt.Sprintf("torture: seed %d, %v, %d faults (%s), %d leader changes, longest without a write %v, and %v after the last fault, at most %d MiB a node; "+
		"%d operations done, %d not done, %d unknown; %d histories linearizable, %d read again on %d nodes; %d violations, %d undecided, %d not judged",
		a.options.seed, time.Since(a.start).Round(time.Second), total, strings.Join(counts, ", "), a.observer.changes, s.longest(), a.recovery.Round(10*time.Millisecond), a.memory>>10,
		s.tally.done.Load(), s.tally.notDone.Load(), s.tally.unknown.Load(),
		v.histories-v.undecided, len(v.kept), len(a.nodes), len(a.violations), v.undecided, v.lost)
}
