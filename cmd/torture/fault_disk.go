package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

func fillOne(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	return fill(ctx, r, a.disks[r.IntN(len(a.disks))])
}

func fillLeader(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	i := a.observer.leading()
	if i < 0 {
		return false, nil
	}
	return fill(ctx, r, a.disks[i])
}

func fillAll(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	return fill(ctx, r, a.disks...)
}

// fill takes all room on some disks for a while.
func fill(ctx context.Context, r *rand.Rand, disks ...disk) (did bool, err error) {
	for _, d := range disks {
		err = errors.Join(err, d.fill())
	}
	wait(ctx, between(r, time.Second, 8*time.Second))
	for _, d := range disks {
		err = errors.Join(err, d.free())
	}
	return true, err
}
