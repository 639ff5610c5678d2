package main

import (
	"testing"
	"time"
)

func TestStandstillsCountOnce(t *testing.T) {
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	all := []standstill{{at(10), at(20)}, {at(12), at(15)}, {at(18), at(25)}, {at(40), at(4000)}}
	for _, test := range []struct {
		name         string
		since, until int
		want         time.Duration
	}{
		{"before all", 0, 9, 0},
		{"side by side", 0, 30, 15},
		{"from the midst", 14, 30, 11},
		{"one that lasts", 30, 50, 10},
		{"between", 25, 40, 0},
		{"all", 0, 41, 16},
	} {
		if got := together(all, at(test.since), at(test.until)); got != test.want*time.Second {
			t.Errorf("%s: %v, want %v", test.name, got, test.want*time.Second)
		}
	}
}
