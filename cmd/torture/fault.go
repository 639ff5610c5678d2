package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// schedule is a sequence of faults, drawn one after the other. Several schedules run side by side, so that faults of different
// kinds overlap.
type schedule uint8

const (
	onProcesses schedule = iota
	onNetwork
	onDisks
	onMembers
	schedules // how many there are
)

// ability is what a fault needs of the surroundings.
type ability uint8

const (
	canNothing ability = iota
	canFilter          // packet filters in the nodes' networks
	canFill            // small disks
	canRejoin          // data directories and settings of nodes can be changed
)

// fault is a way to harm the cluster. It heals what it has done before it returns, also when ctx ends early.
type fault struct {
	name     string
	schedule schedule
	needs    ability
	// weight is how often it is drawn, relative to the others of its schedule.
	weight int
	// run harms. It reports false if there was nothing to harm now. An error is one of the surroundings: what the cluster does
	// wrong is a violation.
	run func(ctx context.Context, a *arena, r *rand.Rand) (did bool, err error)
}

// faults is the catalogue.
func faults() []fault {
	return []fault{
		{"kill", onProcesses, canNothing, 5, killOne},
		{"kill-leader", onProcesses, canNothing, 5, killLeader},
		{"kill-again", onProcesses, canNothing, 2, killAgain},
		{"kill-all", onProcesses, canNothing, 2, killAll},
		{"pause", onProcesses, canNothing, 3, pauseOne},
		{"pause-leader", onProcesses, canNothing, 4, pauseLeader},
		{"stutter", onProcesses, canNothing, 2, stutter},
		{"rolling-restart", onProcesses, canNothing, 2, rollingRestart},

		{"cut", onNetwork, canFilter, 3, cutPair},
		{"isolate", onNetwork, canFilter, 2, isolateOne},
		{"isolate-leader", onNetwork, canFilter, 3, isolateLeader},
		{"deaf-leader", onNetwork, canFilter, 3, deafLeader},
		{"mute-leader", onNetwork, canFilter, 3, muteLeader},
		{"split", onNetwork, canFilter, 1, splitAll},
		{"loss", onNetwork, canFilter, 3, loss},
		{"narrow", onNetwork, canFilter, 2, narrowLinks},
		{"flap", onNetwork, canFilter, 2, flap},

		{"full-disk", onDisks, canFill, 3, fillOne},
		{"full-disk-leader", onDisks, canFill, 3, fillLeader},
		{"full-disks", onDisks, canFill, 1, fillAll},

		{"transfer", onMembers, canNothing, 6, transfer},
		{"replace", onMembers, canRejoin, 3, replaceOne},
		{"replace-leader", onMembers, canRejoin, 1, replaceLeader},
		{"wiped-disk", onMembers, canRejoin, 2, wipedDisk},
	}
}

// breaks are how long each schedule rests between two faults.
var breaks = [schedules][2]time.Duration{
	onProcesses: {500 * time.Millisecond, 5 * time.Second},
	onNetwork:   {500 * time.Millisecond, 6 * time.Second},
	onDisks:     {3 * time.Second, 12 * time.Second},
	onMembers:   {time.Second, 6 * time.Second},
}

// between draws a time.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)+1))
}

// torment runs the faults of one schedule until ctx ends: first each once, in an order that is drawn, then any by its weight.
func (a *arena) torment(ctx context.Context, s schedule, r *rand.Rand) error {
	var first, any []fault
	for _, f := range a.faults {
		if f.schedule == s {
			first = append(first, f)
			for range f.weight {
				any = append(any, f)
			}
		}
	}
	r.Shuffle(len(first), func(i, j int) { first[i], first[j] = first[j], first[i] })
	for len(any) > 0 {
		wait(ctx, between(r, breaks[s][0], breaks[s][1]))
		if ctx.Err() != nil {
			return nil
		}
		next := any[r.IntN(len(any))]
		if len(first) > 0 {
			next, first = first[0], first[1:]
		}
		if err := a.strike(ctx, next, r); err != nil {
			return err
		}
	}
	return nil
}

// strike runs one fault, when nothing wants calm.
func (a *arena) strike(ctx context.Context, f fault, r *rand.Rand) error {
	a.calm.RLock()
	defer a.calm.RUnlock()
	if f.schedule == onNetwork {
		a.relink()
	}
	a.tell("%s", f.name)
	did, err := f.run(ctx, a, r)
	if did {
		a.count(f.name)
	}
	a.tell("%s is over", f.name)
	return err
}

const (
	// calmInterval is how long faults go on before the cluster is given time to recover.
	calmInterval = 20 * time.Second
	// recoveryLimit is how long that may take. Elections take a second or two; the rest is for a machine with much else to do.
	recoveryLimit = 20 * time.Second
)

// demandRecovery ends all faults now and then, and waits until writes are acknowledged again.
func (a *arena) demandRecovery(ctx context.Context, t *tally) {
	for {
		wait(ctx, calmInterval)
		if ctx.Err() != nil {
			return
		}
		a.calm.Lock()
		began := t.now()
		for t.lastWrite.Load() < began && ctx.Err() == nil && t.now()-began < recoveryLimit.Nanoseconds() {
			wait(ctx, 10*time.Millisecond)
		}
		took := time.Duration(t.now() - began)
		a.tell("calm: a write after %v", took)
		if t.lastWrite.Load() < began && ctx.Err() == nil {
			a.violate(fmt.Sprintf("no write was acknowledged within %v after the last fault", recoveryLimit), nil)
		}
		a.mu.Lock()
		a.recovery = max(a.recovery, took)
		a.mu.Unlock()
		a.calm.Unlock()
	}
}
