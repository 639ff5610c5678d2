package main

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// histogram counts durations in buckets that are 1.6 % wide, from a nanosecond to about a minute.
type histogram struct {
	counts [buckets]uint32
	total  uint64
	max    time.Duration
}

const (
	subBits = 6 // 64 buckets for each power of two
	subs    = 1 << subBits
	maxBits = 36 // 2^36 ns is 69 s; what is longer counts as that
	buckets = (maxBits - subBits + 1) * subs
)

// bucketOf returns the bucket of a duration in nanoseconds.
func bucketOf(nanos uint64) int {
	nanos = min(nanos, 1<<maxBits-1)
	if nanos < subs {
		return int(nanos)
	}
	shift := bits.Len64(nanos) - subBits - 1
	return shift<<subBits + int(nanos>>shift)
}

// upperEnd is the longest duration of a bucket.
func upperEnd(bucket int) time.Duration {
	if bucket < 2*subs {
		return time.Duration(bucket)
	}
	shift := bucket>>subBits - 1
	return time.Duration((bucket&(subs-1)|subs)+1)<<shift - 1
}

func (h *histogram) record(d time.Duration) {
	h.counts[bucketOf(uint64(max(d, 0)))]++
	h.total++
	h.max = max(h.max, d)
}

func (h *histogram) add(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.max = max(h.max, other.max)
}

// percentile returns a duration that a share of all does not exceed, to the width of a bucket: the nearest rank. It is
// zero if nothing was recorded.
func (h *histogram) percentile(percent float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	const rounding = 1e-6 // 99.9 % of 10,000 is 9,990, whatever floating point makes of it
	rank := max(1, uint64(math.Ceil(percent*float64(h.total)/100-rounding)))
	seen := uint64(0)
	for i, n := range h.counts {
		if seen += uint64(n); seen >= rank {
			return min(upperEnd(i), h.max)
		}
	}
	return h.max
}

// median returns the middle of the samples, or the mean of the middle two. It is zero without samples.
func median(samples []float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
