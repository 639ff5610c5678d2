package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"redoubt/clerk"
	"redoubt/internal/lin"
)

const (
	// clockError bounds how far log time may be from this machine's clock, which all nodes share: they may be paused, but not
	// be wrong.
	clockError = 750 * time.Millisecond
	// mostKept bounds the retired groups that are read again in the end.
	mostKept = 20000
	// checkers judge histories side by side: each waits for the cluster to read the last values.
	checkers = 4
)

// verifier judges the history of every group when it is retired, and its last values again when all is over.
type verifier struct {
	clerk   *clerk.Clerk
	clock   func() int64
	violate func(what string, history []lin.Operation)
	note    func(what string, history []lin.Operation) // of one that could not be judged
	// stoodStill returns for how long log time may not have passed since an instant.
	stoodStill func(since time.Time) time.Duration
	queue      chan *group

	mu                         sync.Mutex
	histories, undecided, lost int
	kept                       []retained
}

// retained is what a retired group must hold for ever.
type retained struct {
	values []lin.Operation // of each key, what sets it to its value
	// unknown are the writes that may still act.
	unknown []lin.Operation
}

func newVerifier(c *clerk.Clerk, clock func() int64, stoodStill func(time.Time) time.Duration, violate, note func(string, []lin.Operation)) *verifier {
	return &verifier{clerk: c, clock: clock, stoodStill: stoodStill, violate: violate, note: note, queue: make(chan *group, 4096)}
}

// run judges groups until the queue is closed. Those that the cluster cannot be asked about until ctx ends count as lost.
func (v *verifier) run(ctx context.Context) {
	var running sync.WaitGroup
	for range checkers {
		running.Go(func() {
			for g := range v.queue {
				v.judge(ctx, g)
			}
		})
	}
	running.Wait()
}

func (v *verifier) judge(ctx context.Context, g *group) {
	last, err := v.read(ctx, g.keys)
	if err != nil {
		v.count(&v.lost)
		return
	}
	history := append(slices.Clone(g.history), last...)
	if !v.check(history) || g.profile.expires {
		return
	}
	v.keep(history, last)
}

// began returns when the first operation of a history was called.
func (v *verifier) began(history []lin.Operation) time.Time {
	now, first := v.clock(), v.clock()
	for _, op := range history {
		first = min(first, op.Call)
	}
	return time.Now().Add(-time.Duration(now - first))
}

// check reports whether a history is fine.
func (v *verifier) check(history []lin.Operation) bool {
	still := v.stoodStill(v.began(history))
	report, err := lin.Check(history, lin.Options{ClockError: clockError.Nanoseconds(), Standstill: still.Nanoseconds()})
	if err != nil {
		v.violate("a history makes no sense: "+err.Error(), history)
		return false
	}
	v.count(&v.histories)
	switch report.Verdict {
	case lin.Violation:
		v.violate(report.Explanation, history)
	case lin.Undecided:
		v.count(&v.undecided)
		v.note(report.Explanation, history)
	}
	return report.Verdict == lin.OK
}

func (v *verifier) count(n *int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	*n++
}

// reads as no client of the run.
const verifierID = -1

// read gets what keys hold, from the leader.
func (v *verifier) read(ctx context.Context, keys []string) ([]lin.Operation, error) {
	var all []lin.Operation
	for _, key := range keys {
		op := lin.Operation{Client: verifierID, Words: []string{"GET", key}, Call: v.clock()}
		value, found, err := v.clerk.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		op.Return = v.clock()
		if found {
			op.Reply = lin.Text(value)
		}
		all = append(all, op)
	}
	return all, nil
}

// keep remembers what keys were last seen to hold.
func (v *verifier) keep(history, last []lin.Operation) {
	var r retained
	for _, op := range history {
		if op.Outcome == lin.Unknown {
			r.unknown = append(r.unknown, op)
		}
	}
	for _, op := range last {
		set := lin.Operation{Client: verifierID, Call: op.Return, Return: op.Return, Unread: true}
		if op.Reply.Kind == lin.KindNull {
			set.Words = []string{"DEL", op.Words[1]}
		} else {
			set.Words = []string{"SET", op.Words[1], op.Reply.Text}
		}
		r.values = append(r.values, set)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.kept) < mostKept {
		v.kept = append(v.kept, r)
	}
}

// again reads all values once more from the leader and from every replica, when nothing is written any more.
func (v *verifier) again(ctx context.Context, replicas map[string]reader) error {
	for _, r := range v.kept {
		var keys []string
		for _, op := range r.values {
			keys = append(keys, op.Words[1])
		}
		last, err := v.read(ctx, keys)
		if err != nil {
			return err
		}
		if !v.check(slices.Concat(r.values, r.unknown, last)) {
			return nil
		}
		for name, replica := range replicas {
			for i, key := range keys {
				reply, err := replica(ctx, key)
				if err != nil {
					return fmt.Errorf("%s: GET %s: %w", name, key, err)
				}
				if !reply.Equal(last[i].Reply) {
					v.violate(fmt.Sprintf("P5: %s holds %s at %s, the leader %s", name, reply, key, last[i].Reply), nil)
					return nil
				}
			}
		}
	}
	return nil
}

// reader reads a key from one replica's state.
type reader func(ctx context.Context, key string) (lin.Reply, error)
