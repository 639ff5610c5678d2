package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// others are the links of all nodes but one.
func (a *arena) others(i int) []link {
	var all []link
	for j, l := range a.links {
		if j != i {
			all = append(all, l)
		}
	}
	return all
}

// filtered puts rules in force for a while, by node, and takes them away again.
func (a *arena) filtered(ctx context.Context, d time.Duration, rules map[int][]string) (did bool, err error) {
	for i, l := range a.links {
		if len(rules[i]) > 0 {
			err = errors.Join(err, l.filter(rules[i]...))
		}
	}
	if err == nil {
		wait(ctx, d)
	}
	return true, errors.Join(err, a.openAll())
}

// openAll lets everything through everywhere.
func (a *arena) openAll() (err error) {
	a.relink()
	for _, l := range a.links {
		err = errors.Join(err, l.open())
	}
	return err
}

func networkTime(r *rand.Rand) time.Duration {
	return between(r, 300*time.Millisecond, 6*time.Second)
}

// cutPair cuts the link between two nodes, which others may still reach both of.
func cutPair(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	pair := r.Perm(len(a.links))[:2]
	i, j := pair[0], pair[1]
	return a.filtered(ctx, networkTime(r), map[int][]string{i: deaf(a.links[j]), j: deaf(a.links[i])})
}

func isolateOne(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	return a.isolate(ctx, r, r.IntN(len(a.links)))
}

// isolateLeader cuts a leader off from its peers; its clients still reach it.
func isolateLeader(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	return a.isolate(ctx, r, a.observer.leading())
}

func (a *arena) isolate(ctx context.Context, r *rand.Rand, i int) (bool, error) {
	if i < 0 {
		return false, nil
	}
	rules := map[int][]string{i: deaf(a.others(i)...)}
	for j := range a.links {
		if j != i {
			rules[j] = deaf(a.links[i])
		}
	}
	return a.filtered(ctx, networkTime(r), rules)
}

// deafLeader lets a leader speak and not hear.
func deafLeader(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	i := a.observer.leading()
	if i < 0 {
		return false, nil
	}
	return a.filtered(ctx, networkTime(r), map[int][]string{i: deaf(a.others(i)...)})
}

// muteLeader lets a leader hear and not be heard.
func muteLeader(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	i := a.observer.leading()
	if i < 0 {
		return false, nil
	}
	rules := make(map[int][]string)
	for j := range a.links {
		if j != i {
			rules[j] = deaf(a.links[i])
		}
	}
	return a.filtered(ctx, networkTime(r), rules)
}

// splitAll cuts every link.
func splitAll(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	rules := make(map[int][]string)
	for i := range a.links {
		rules[i] = deaf(a.others(i)...)
	}
	return a.filtered(ctx, between(r, 300*time.Millisecond, 3*time.Second), rules)
}

// loss drops packets everywhere.
func loss(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	rules := make(map[int][]string)
	for i := range a.links {
		rules[i] = lossy(2+r.IntN(30), a.others(i)...)
	}
	return a.filtered(ctx, networkTime(r), rules)
}

// narrowLinks gives a node little bandwidth from the others.
func narrowLinks(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	i := r.IntN(len(a.links))
	return a.filtered(ctx, networkTime(r), map[int][]string{i: narrow(5+r.IntN(200), a.others(i)...)})
}

// flap opens and cuts the links of a node again and again.
func flap(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	i := r.IntN(len(a.links))
	for range 3 + r.IntN(6) {
		rules := map[int][]string{i: deaf(a.others(i)...)}
		if _, err := a.filtered(ctx, between(r, 50*time.Millisecond, time.Second), rules); err != nil {
			return true, err
		}
		wait(ctx, between(r, 50*time.Millisecond, time.Second))
	}
	return true, nil
}
