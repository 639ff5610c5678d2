package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// random is a source of draws. Each part of the world has its own, made from the seed and a number, so that a change of
// one part leaves the draws of the others as they were.
type random struct{ *rand.Rand }

// The parts that draw.
const (
	drawsPlan uint64 = iota + 1
	drawsNetwork
	drawsFaults
	drawsWorkload
	drawsOperator
	drawsMachines // and the machine's number above it

	drawsTheme   uint64 = 1 << 32
	drawsOverlap uint64 = 2 << 32
)

func newRandom(seed, part uint64) random { return random{rand.New(rand.NewPCG(seed, part))} }

// chance is true with probability p.
func (r random) chance(p float64) bool { return p > 0 && r.Float64() < p }

// oneIn is true once in n draws.
func (r random) oneIn(n int) bool { return r.IntN(n) == 0 }

// between returns a number from low to high, both included.
func (r random) between(low, high int) int { return low + r.IntN(high-low+1) }

// duration returns a duration in [low, high), evenly.
func (r random) duration(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(r.Int64N(int64(high-low)))
}

// span returns a duration in [low, high) whose order of magnitude is drawn evenly: faults that come every 100 ms and those
// that come every 10 s are both worth trying.
func (r random) span(low, high time.Duration) time.Duration {
	return time.Duration(float64(low) * math.Pow(float64(high)/float64(low), r.Float64()))
}

// wait returns the time to the next of events that come independently, one in mean on average.
func (r random) wait(mean time.Duration) time.Duration {
	return time.Duration(r.ExpFloat64() * float64(mean))
}

// pick returns one of the choices. A choice that is listed twice is drawn twice as often.
func pick[T any](r random, choices ...T) T { return choices[r.IntN(len(choices))] }
