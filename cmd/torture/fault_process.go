package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// claimOne claims a node drawn from all.
func (a *arena) claimOne(r *rand.Rand) node { return a.claimIndex(r.IntN(len(a.nodes))) }

// claimLeader claims the node that leads.
func (a *arena) claimLeader() node { return a.claimIndex(a.observer.leading()) }

// claimIndex claims a node, or returns nil if another fault has it, or the index is -1.
func (a *arena) claimIndex(i int) node {
	if i < 0 || !a.nodes[i].claim() {
		return nil
	}
	return a.nodes[i]
}

func killOne(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	return kill(ctx, a.claimOne(r), between(r, 0, 5*time.Second))
}

func killLeader(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	return kill(ctx, a.claimLeader(), between(r, 0, 5*time.Second))
}

func kill(ctx context.Context, n node, down time.Duration) (bool, error) {
	if n == nil {
		return false, nil
	}
	defer n.release()
	if err := n.kill(); err != nil {
		return false, err
	}
	wait(ctx, down)
	return true, n.start()
}

// killAgain kills a node in the middle of its recovery.
func killAgain(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	n := a.claimOne(r)
	if n == nil {
		return false, nil
	}
	defer n.release()
	for range 2 + r.IntN(4) {
		if err := errors.Join(n.kill(), n.start()); err != nil {
			return false, err
		}
		wait(ctx, between(r, 5*time.Millisecond, 800*time.Millisecond))
	}
	return true, nil
}

// killAll is a power cut of every machine that no other fault has.
func killAll(ctx context.Context, a *arena, r *rand.Rand) (did bool, err error) {
	for i := range a.nodes {
		if n := a.claimIndex(i); n != nil {
			defer n.release()
			did = true
			err = errors.Join(err, n.kill())
			defer func() { err = errors.Join(err, n.start()) }()
		}
	}
	wait(ctx, between(r, 0, time.Second))
	return did, err
}

func pauseOne(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	return pause(ctx, a.claimOne(r), between(r, 200*time.Millisecond, 6*time.Second))
}

// pauseLeader lets a leader sleep past an election and serve at once when it wakes.
func pauseLeader(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	return pause(ctx, a.claimLeader(), between(r, 700*time.Millisecond, 5*time.Second))
}

func pause(ctx context.Context, n node, d time.Duration) (bool, error) {
	if n == nil {
		return false, nil
	}
	defer n.release()
	if err := n.freeze(); err != nil {
		return false, err
	}
	wait(ctx, d)
	return true, n.thaw()
}

// stutter makes a node slow.
func stutter(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	n := a.claimOne(r)
	if n == nil {
		return false, nil
	}
	defer n.release()
	for range 20 + r.IntN(40) {
		if err := n.freeze(); err != nil {
			return false, err
		}
		wait(ctx, between(r, 10*time.Millisecond, 150*time.Millisecond))
		if err := n.thaw(); err != nil {
			return false, err
		}
		wait(ctx, between(r, 5*time.Millisecond, 50*time.Millisecond))
	}
	return true, nil
}

// rollingRestart stops one node after the other in good order.
func rollingRestart(ctx context.Context, a *arena, r *rand.Rand) (did bool, err error) {
	for _, i := range r.Perm(len(a.nodes)) {
		n := a.claimIndex(i)
		if n == nil || ctx.Err() != nil {
			continue
		}
		did = true
		over := a.handsOver() // if it leads
		if err := n.stop(); err != nil {
			a.violate("a planned stop: "+err.Error(), nil)
		}
		over()
		err := n.start()
		n.release()
		if err != nil {
			return did, err
		}
		back, cancel := context.WithTimeout(ctx, between(r, time.Second, 5*time.Second))
		_ = eventually(back, func() error { _, err := a.observer.ask(back, i); return err })
		cancel()
	}
	return did, nil
}
