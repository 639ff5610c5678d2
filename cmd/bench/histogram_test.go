package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsHoldWhatTheySay(t *testing.T) {
	for _, nanos := range []uint64{0, 1, 63, 64, 65, 127, 128, 129, 1000, 1 << 20, 1<<20 + 12345, 1<<maxBits - 1} {
		bucket := bucketOf(nanos)
		if bucket < 0 || bucket >= buckets {
			t.Fatalf("%d ns is in bucket %d of %d", nanos, bucket, buckets)
		}
		end := uint64(upperEnd(bucket))
		if end < nanos || float64(end-nanos) > float64(nanos)/subs {
			t.Errorf("%d ns is in a bucket that ends at %d", nanos, end)
		}
		if bucketOf(end) != bucket || bucket+1 < buckets && bucketOf(end+1) != bucket+1 {
			t.Errorf("the end of bucket %d, %d ns, is not where the next begins", bucket, end)
		}
	}
	if got := bucketOf(1 << 50); got != buckets-1 {
		t.Errorf("a very long time is in bucket %d, want the last", got)
	}
}

func TestPercentilesAreTheNearestRank(t *testing.T) {
	var h histogram
	if h.percentile(99) != 0 {
		t.Error("nothing has a percentile")
	}
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10000 {
		d := time.Duration(random.ExpFloat64() * float64(time.Millisecond))
		all = append(all, d)
		h.record(d)
	}
	slices.Sort(all)
	for _, percent := range []float64{0.01, 50, 99, 99.9, 100} {
		want := all[int(percent/100*float64(len(all)))-1]
		if got := h.percentile(percent); got < want || float64(got) > float64(want)*(1+2.0/subs) {
			t.Errorf("p%v is %v, want %v", percent, got, want)
		}
	}
	var sum histogram
	sum.add(&h)
	sum.add(&h)
	if sum.total != 2*h.total || sum.percentile(99) != h.percentile(99) || sum.max != h.max {
		t.Error("twice the same has other percentiles")
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		samples []float64
		want    float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 9, 2}, 3}} {
		before := slices.Clone(test.samples)
		if got := median(test.samples); got != test.want {
			t.Errorf("the median of %v is %v, want %v", test.samples, got, test.want)
		}
		if !slices.Equal(before, test.samples) {
			t.Errorf("the samples were changed: %v", test.samples)
		}
	}
}
