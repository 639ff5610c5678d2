package main

import "fmt"

// The suites that redis-benchmark measures: requests a second and latency of SET and of GET.

// rateCase is one shape of load and the names of its rows.
type rateCase struct {
	shape shape
	name  string  // of the row, after the command
	x     float64 // where on a chart of lines; 0: bars
}

const (
	classicValue = 100    // bytes of a value
	classicKeys  = 100000 // keys drawn from, or as many as a run has requests if those are fewer
	// No run sends more than this, nor are there keys for more than this: large values are sent less often.
	runBytes = 512 << 20
	keyBytes = 256 << 20
	// Deeper pipelines get so many times more requests, at most.
	pipelineFactor = 16
)

func (o options) classicKeys() int { return min(classicKeys, o.requests) }

// shapeOf fills in what follows from clients, pipeline and the size of values.
func (o options) shapeOf(clients, pipeline, valueBytes int) shape {
	requests := o.requests * min(pipeline, pipelineFactor)
	requests = min(requests, runBytes/valueBytes)
	return shape{clients: clients, pipeline: pipeline, valueBytes: valueBytes, keys: o.classicKeys(), requests: max(requests, clients*pipeline)}
}

func (s shape) String() string { return fmt.Sprintf("c=%d P=%d", s.clients, s.pipeline) }

// compareRates runs the cases in turn on both systems, and writes rows of SETs first, then of GETs.
func (b *bench) compareRates(both []system, cases []rateCase) error {
	commands := []string{"SET", "GET"}
	for _, command := range commands {
		for _, c := range cases {
			b.result.row(command+" "+c.name, command, c.x)
		}
	}
	for i, c := range cases {
		err := b.inTurn(both, func(run int, s system) error {
			b.says.line("%s %d/%d: %s, run %d/%d: %s", b.result.Name, i+1, len(cases), c.name, run+1, b.options.runs, s.name())
			return b.attempt(s, func(leader *process) error {
				found, err := redisBenchmark(b.ctx, leader.address, c.shape, commands...)
				if err != nil {
					return err
				}
				for _, command := range commands {
					b.result.row(command+" "+c.name, command, c.x).addRates(s.key(), found[command])
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fillBoth gives both systems all keys that the load draws from, so that every GET finds one.
func (b *bench) fillBoth(both []system) error {
	for _, s := range both {
		if err := fill(b.ctx, s, b.options.classicKeys(), classicValue, b.says); err != nil {
			return err
		}
	}
	return nil
}

const sameGenerator = "redis-benchmark on the same machine loads the leader, or the primary. Redis: appendfsync always, asynchronous replicas."

func classicSuite() suite {
	return suite{
		name: "classic", title: "Six classic shapes", layout: layoutRates, metrics: rateMetrics(),
		about: "Values of 100 bytes, 100,000 keys; c connections, pipelines of P. " + sameGenerator,
		run: func(b *bench) error {
			var cases []rateCase
			for _, at := range [][2]int{{50, 1}, {50, 16}, {256, 1}} {
				s := b.options.shapeOf(at[0], at[1], classicValue)
				cases = append(cases, rateCase{shape: s, name: s.String()})
			}
			return b.classicPair(3, cases)
		},
	}
}

func valuesSuite() suite {
	return suite{
		name: "values", title: "Values of 16 B to 64 KiB", layout: layoutRates, metrics: rateMetrics(),
		about: "50 connections, no pipeline; at most 256 MiB of keys and 512 MiB sent. " + sameGenerator,
		run: func(b *bench) error {
			sizes := []int{16, 64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10}
			if b.options.short {
				sizes = []int{16, 1 << 10, 64 << 10}
			}
			var cases []rateCase
			for _, size := range sizes {
				s := b.options.shapeOf(50, 1, size)
				// So few keys that the SETs before a GET have overwritten nearly all that an earlier size left.
				s.keys = max(1, min(s.keys, s.requests/8, keyBytes/size))
				cases = append(cases, rateCase{shape: s, name: sizeName(size), x: float64(size)})
			}
			return b.withPair(3, func(both []system) error { return b.compareRates(both, cases) })
		},
	}
}

// sizeName is "64 B" or "4 KiB".
func sizeName(bytes int) string {
	if bytes >= 1<<10 {
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d B", bytes)
}

func connectionsSuite() suite {
	return suite{
		name: "connections", title: "1 to 1,000 connections", layout: layoutRates, metrics: rateMetrics(),
		about: "Values of 100 bytes, 100,000 keys, no pipeline. " + sameGenerator,
		run: func(b *bench) error {
			counts := []int{1, 5, 10, 50, 100, 250, 500, 1000}
			if b.options.short {
				counts = []int{1, 50, 1000}
			}
			var cases []rateCase
			for _, n := range counts {
				s := b.options.shapeOf(n, 1, classicValue)
				if n < 10 {
					s.requests = max(n, s.requests/5) // few clients are slow
				}
				cases = append(cases, rateCase{shape: s, name: fmt.Sprintf("c=%d", n), x: float64(n)})
			}
			return b.classicPair(3, cases)
		},
	}
}

func pipelinesSuite() suite {
	return suite{
		name: "pipelines", title: "Pipelines of 1 to 128", layout: layoutRates, metrics: rateMetrics(),
		about: "Values of 100 bytes, 100,000 keys, 50 connections. " + sameGenerator,
		run: func(b *bench) error {
			depths := []int{1, 2, 4, 8, 16, 32, 64, 128}
			if b.options.short {
				depths = []int{1, 16, 128}
			}
			var cases []rateCase
			for _, depth := range depths {
				cases = append(cases, rateCase{
					shape: b.options.shapeOf(50, depth, classicValue), name: fmt.Sprintf("P=%d", depth), x: float64(depth),
				})
			}
			return b.classicPair(3, cases)
		},
	}
}

// classicPair compares two systems of so many members that have the classic keys.
func (b *bench) classicPair(nodes int, cases []rateCase) error {
	return b.withPair(nodes, func(both []system) error {
		if err := b.fillBoth(both); err != nil {
			return err
		}
		return b.compareRates(both, cases)
	})
}

func nodesSuite() suite {
	return suite{
		name: "nodes", title: "1, 3 and 5 nodes", layout: layoutRates, metrics: rateMetrics(),
		about: "Values of 100 bytes, 100,000 keys. Redis has a primary and 0, 2 or 4 replicas. All processes share the machine. " + sameGenerator,
		run: func(b *bench) error {
			sizes := []int{1, 3, 5}
			if b.options.short {
				sizes = []int{1, 3}
			}
			for _, size := range sizes {
				var cases []rateCase
				for _, pipeline := range []int{1, 16} {
					s := b.options.shapeOf(50, pipeline, classicValue)
					cases = append(cases, rateCase{shape: s, name: fmt.Sprintf("%d nodes, %s", size, s)})
				}
				if err := b.classicPair(size, cases); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
