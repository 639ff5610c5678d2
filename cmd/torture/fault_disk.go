package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

func fillOne(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	return a.fill(ctx, r, a.disks[r.IntN(len(a.disks))])
}

func fillLeader(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	i := a.observer.leading()
	if i < 0 {
		return false, nil
	}
	return a.fill(ctx, r, a.disks[i])
}

func fillAll(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	return a.fill(ctx, r, a.disks...)
}

// fill takes all room on some disks for a while.
func (a *arena) fill(ctx context.Context, r *rand.Rand, disks ...disk) (did bool, err error) {
	over := a.standsStill()
	defer func() { over(time.Now().Add(roomNoticed)) }()
	for _, d := range disks {
		err = errors.Join(err, d.fill())
	}
	wait(ctx, between(r, time.Second, 8*time.Second))
	for _, d := range disks {
		err = errors.Join(err, d.free())
	}
	return true, err
}

// roomNoticed bounds how long a node takes to notice that there is room again.
const roomNoticed = time.Second
