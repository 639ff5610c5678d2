package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

func outageSuite() suite {
	return suite{
		name: "outage", title: "Time without service", layout: layoutSpread,
		about: "Four clients write all the time, each a SET at a time, to whoever takes it. The longest time without an acknowledgement " +
			"from the event on. A leader that is killed (kill -9) stays down meanwhile; Redis without Sentinel waits for an operator then. As planned: RAFT TRANSFER; FAILOVER.",
		metrics: []metric{{Key: "outage", Name: "time without service", Unit: "ms", LessIsBetter: true}},
		run: func(b *bench) error {
			return b.oneByOne(need{nodes: 3, replicaAOF: true}, func(s system) error {
				if s.failsOver() {
					if err := b.outages(s, "kill -9 of the leader", b.killLeader); err != nil {
						return err
					}
				}
				return b.outages(s, "planned transfer", func(s system) (func() error, error) {
					return func() error { return nil }, s.transfer(b.ctx)
				})
			})
		},
	}
}

// killLeader kills the leader and returns how to bring it back.
func (b *bench) killLeader(s system) (restore func() error, err error) {
	leader, err := s.leader(b.ctx)
	if err != nil {
		return nil, err
	}
	return leader.start, leader.kill()
}

// outages measures an event some times.
func (b *bench) outages(s system, name string, event func(system) (restore func() error, err error)) error {
	r := b.result.row(name, "", 0)
	for i := range b.options.kills {
		b.says.part(fmt.Sprintf("outage: %s: %s", s.name(), name), float64(i)/float64(b.options.kills))
		var took time.Duration
		err := b.attempt(s, func(*process) (err error) {
			took, err = b.outage(s, event)
			return err
		})
		if err != nil {
			return err
		}
		r.add(s.key(), "outage", took.Seconds()*1e3)
	}
	return nil
}

const (
	probes = 4
	// calm is for how long clients write before an event, and after it once they are served again.
	calm = 500 * time.Millisecond
	// outageLimit is how long service may be away.
	outageLimit = 30 * time.Second
)

// outage measures one event: the longest silence that begins or lasts after it.
func (b *bench) outage(s system, event func(system) (restore func() error, err error)) (time.Duration, error) {
	ctx, stop := context.WithCancel(b.ctx)
	var addresses []string
	for _, p := range s.members() {
		addresses = append(addresses, p.address)
	}
	w := &silence{}
	var done sync.WaitGroup
	for i := range probes {
		done.Go(func() { probe(ctx, addresses, i, w) })
	}
	defer func() { stop(); done.Wait() }()
	if err := eventually(ctx, outageLimit, "clients are served before an event", func() error { return w.servedFor(calm) }); err != nil {
		return 0, err
	}
	w.mark()
	restore, err := event(s)
	if err != nil {
		return 0, err
	}
	err = eventually(ctx, outageLimit, "clients are served after an event", func() error { return w.servedFor(calm) })
	stop()
	done.Wait()
	if err = errors.Join(err, restore()); err != nil {
		return 0, finalError{err} // an outage that is too long is a result, and no reason to try again
	}
	return w.longest(), nil
}
