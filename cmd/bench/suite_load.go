package main

import (
	"fmt"
	"time"
)

// The suites that our own generator measures in turns: a mix of commands, and one client alone.

const ownGenerator = "Our own generator, on the same machine, loads the leader, or the primary. Redis: appendfsync always, asynchronous replicas."

// ratesOf turns counts into the figures that redis-benchmark has too.
func ratesOf(h *histogram, elapsed time.Duration) rates {
	ms := func(d time.Duration) float64 { return d.Seconds() * 1e3 }
	return rates{
		perSecond: perSecond(h.total, elapsed),
		p50:       ms(h.percentile(50)), p99: ms(h.percentile(99)), p999: ms(h.percentile(99.9)),
	}
}

// loadCase is one load and the names of its rows.
type loadCase struct {
	load load
	name string
	note func(of func(row string) *row, system string, t *tally)
}

// compareLoads runs loads in turn on both systems.
func (b *bench) compareLoads(both []system, cases []loadCase) error {
	for i, c := range cases {
		err := b.inTurn(both, func(run int, s system) error {
			b.says.line("%s %d/%d: %s, run %d/%d: %s", b.result.Name, i+1, len(cases), c.name, run+1, b.options.runs, s.name())
			return b.attempt(s, func(leader *process) error {
				l := c.load
				l.address = leader.address
				t, err := l.run(b.ctx)
				if err != nil {
					return err
				}
				c.note(func(name string) *row { return b.result.row(name, "", 0) }, s.key(), t)
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func mixedSuite() suite {
	return suite{
		name: "mixed", title: "90 % GET, 10 % SET", layout: layoutRates, metrics: rateMetrics(),
		about: "Values of 100 bytes, 100,000 keys, both commands on every connection. " + ownGenerator,
		run: func(b *bench) error {
			var cases []loadCase
			for _, at := range [][2]int{{50, 1}, {50, 16}, {256, 1}} {
				s := b.options.shapeOf(at[0], at[1], classicValue)
				cases = append(cases, loadCase{
					name: s.String(),
					load: load{
						connections: s.clients, pipeline: s.pipeline, reads: 0.9,
						valueBytes: classicValue, keys: s.keys, requests: s.requests,
					},
					note: func(of func(string) *row, system string, t *tally) {
						of(fmt.Sprintf("all, %s", s)).addRates(system, ratesOf(&t.all, t.elapsed))
						of(fmt.Sprintf("its GETs, %s", s)).addRates(system, ratesOf(&t.gets, t.elapsed))
						of(fmt.Sprintf("its SETs, %s", s)).addRates(system, ratesOf(&t.sets, t.elapsed))
					},
				})
			}
			return b.loadPair(cases)
		},
	}
}

func loneSuite() suite {
	return suite{
		name: "lone", title: "One client alone", layout: layoutRates, metrics: rateMetrics(),
		about: "One connection, one command at a time: what a round trip and a write cost. " + ownGenerator,
		run: func(b *bench) error {
			var cases []loadCase
			for command, reads := range []float64{0, 1} {
				name := []string{"SET", "GET"}[command]
				cases = append(cases, loadCase{
					name: name,
					load: load{
						connections: 1, pipeline: 1, reads: reads,
						valueBytes: classicValue, keys: b.options.classicKeys(), requests: max(1, b.options.requests/10),
					},
					note: func(of func(string) *row, system string, t *tally) {
						of(name).addRates(system, ratesOf(&t.all, t.elapsed))
					},
				})
			}
			return b.loadPair(cases)
		},
	}
}

// loadPair compares two systems of three members that have the classic keys.
func (b *bench) loadPair(cases []loadCase) error {
	return b.withPair(3, func(both []system) error {
		if err := b.fillBoth(both); err != nil {
			return err
		}
		return b.compareLoads(both, cases)
	})
}
