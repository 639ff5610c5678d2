package main

import (
	"errors"
	"time"
)

// What the suites about many keys share: memory, snapshot, restart, catchup.

const manyKeys = "Keys of 16 bytes, values of 100. One system runs at a time. "

// eachCount fills each system with each number of keys, and measures.
func (b *bench) eachCount(want need, measure func(s system, keys int, name string) error) error {
	for _, keys := range b.options.keys {
		name := grouped(int64(keys)) + " keys"
		err := b.oneByOne(want, func(s system) error {
			b.says.line("%s: %s: %s", b.result.Name, name, s.name())
			if err := fill(b.ctx, s, keys, classicValue, b.says); err != nil {
				return err
			}
			return measure(s, keys, name)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rest lets a system lie idle, so that what it was given to do is behind it.
func (b *bench) rest() error {
	select {
	case <-b.ctx.Done():
		return b.ctx.Err()
	case <-time.After(b.options.quiet):
		return nil
	}
}

// underLoad describes SETs on a leader that has many keys.
func (b *bench) underLoad(leader *process, keys int) load {
	return load{address: leader.address, connections: 50, pipeline: 1, valueBytes: classicValue, keys: keys, rate: b.options.rate}
}

// loadDuring runs the load for a while, then beside an event, and returns what came of both.
func (b *bench) loadDuring(l load, event func(r *running) error) (before, during *tally, err error) {
	r, err := l.start(b.ctx)
	if err != nil {
		return nil, nil, err
	}
	if err = b.rest(); err == nil {
		r.next()
		err = event(r)
		r.next()
	}
	tallies, loadErr := r.finish()
	if err := errors.Join(loadErr, err); err != nil {
		return nil, nil, err
	}
	return tallies[0], tallies[len(tallies)-2], nil
}

// loadMetrics are those of a load before and during an event.
func loadMetrics(event string, more ...metric) []metric {
	return append([]metric{
		{Key: "seconds", Name: event, Unit: "s", LessIsBetter: true},
		{Key: "before", Name: "SETs before", Unit: "requests/s"},
		{Key: "during", Name: "SETs meanwhile", Unit: "requests/s"},
		{Key: "share", Name: "SETs meanwhile", Unit: "% of before"},
		{Key: "p99_before", Name: "p99 before", Unit: "ms", LessIsBetter: true},
		{Key: "p99_during", Name: "p99 meanwhile", Unit: "ms", LessIsBetter: true},
		{Key: "p999_during", Name: "p99.9 meanwhile", Unit: "ms", LessIsBetter: true},
	}, more...)
}

// noteLoads writes down a load before and during an event.
func (r *row) noteLoads(system string, took time.Duration, before, during *tally) {
	usual, meanwhile := ratesOf(&before.all, before.elapsed), ratesOf(&during.all, during.elapsed)
	r.add(system, "seconds", took.Seconds())
	r.add(system, "before", usual.perSecond)
	r.add(system, "during", meanwhile.perSecond)
	if usual.perSecond > 0 {
		r.add(system, "share", 100*meanwhile.perSecond/usual.perSecond)
	}
	r.add(system, "p99_before", usual.p99)
	r.add(system, "p99_during", meanwhile.p99)
	r.add(system, "p999_during", meanwhile.p999)
}
