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
	defer a.standsStill(roomNoticed)()
	for _, d := range disks {
		err = errors.Join(err, d.fill())
	}
	wait(ctx, between(r, time.Second, 8*time.Second))
	for _, d := range disks {
		err = errors.Join(err, d.free())
	}
	return true, err
}

// standstill is a time without room for the log: no entry says that time passes, so keys that are due may still be read.
type standstill struct{ from, to time.Time }

// roomNoticed bounds how long a node takes to notice that there is room again.
const roomNoticed = time.Second

// standsStill notes that a standstill of log time begins. What it returns notes its end, which nodes take so long to notice.
func (a *arena) standsStill(noticed time.Duration) (over func()) {
	from := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	at := len(a.standstills)
	a.standstills = append(a.standstills, standstill{from, from.Add(time.Hour)})
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.standstills[at].to = time.Now().Add(noticed)
	}
}

// stoodStill returns for how long at most log time has stood still since an instant.
func (a *arena) stoodStill(since time.Time) (sum time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for _, s := range a.standstills {
		from, to := s.from, s.to
		if from.Before(since) {
			from = since
		}
		if to.After(now) {
			to = now
		}
		sum += max(0, to.Sub(from))
	}
	return sum
}
