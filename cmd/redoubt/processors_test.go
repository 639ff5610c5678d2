package main

import (
	"slices"
	"testing"
)

func TestHalfOfTheProcessorsUnlessAskedOtherwise(t *testing.T) {
	for _, test := range []struct {
		what          string
		setting, most int
		variable      string
		want          int
	}{
		{"half", 0, 8, "", 4},
		{"half of an odd number", 0, 7, "", 3},
		{"at least one", 0, 1, "", 1},
		{"what the operator tells Go", 0, 8, "8", 8},
		{"a variable that Go passes over", 0, 8, "0", 4},
		{"a variable that is no number", 0, 8, "all", 4},
		{"the setting", 3, 8, "", 3},
		{"the setting before the variable", 3, 2, "2", 3},
	} {
		if got := usualProcessors(test.setting, test.most, test.variable); got != test.want {
			t.Errorf("%s: got %d, want %d", test.what, got, test.want)
		}
	}
}

// Each step says how many processors are in force after it.
func TestHeavyWorkGetsOneProcessorMore(t *testing.T) {
	const (
		begin = iota
		end
		limit
	)
	type step struct{ what, want int }
	for _, test := range []struct {
		what        string
		usual, most int
		steps       []step
		calls       []int
	}{
		{"one after another", 1, 4, []step{{limit, 1}, {begin, 2}, {end, 1}, {begin, 2}, {end, 1}}, []int{1, 2, 1, 2, 1}},
		{"two at once", 2, 4, []step{{limit, 2}, {begin, 3}, {begin, 3}, {end, 3}, {end, 2}}, []int{2, 3, 2}},
		{"while the node loads", 1, 4, []step{{begin, 4}, {limit, 2}, {end, 1}}, []int{2, 1}},
		{"no other processor", 1, 1, []step{{limit, 1}, {begin, 1}, {end, 1}}, nil},
		{"all of them", 4, 4, []step{{limit, 4}, {begin, 4}, {end, 4}}, nil},
		{"more than there are", 8, 4, []step{{begin, 4}, {limit, 8}, {end, 8}}, []int{8}},
	} {
		t.Run(test.what, func(t *testing.T) {
			var calls []int
			p := newProcessors(test.usual, test.most, func(n int) { calls = append(calls, n) })
			var works []func()
			for i, s := range test.steps {
				switch s.what {
				case begin:
					works = append(works, p.heavyWork())
				case end:
					works[0]()
					works = works[1:]
				case limit:
					p.limit()
				}
				if p.used != s.want {
					t.Errorf("step %d: %d processors are used, want %d", i, p.used, s.want)
				}
			}
			if !slices.Equal(calls, test.calls) {
				t.Errorf("Go was told %v, want %v", calls, test.calls)
			}
		})
	}
}
