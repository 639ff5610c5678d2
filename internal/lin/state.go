package lin

import (
	"math"
	"slices"
)

// cell is what one key holds. The zero cell is a key that is not there.
type cell struct {
	present bool
	text    string
	// expires: the key has a deadline, somewhere from from until until. It may be found gone at any instant that is not
	// certainly before it.
	expires     bool
	from, until int64
}

// world is what the keys of one part hold, by the keys' places in it. It is never changed once it was made.
type world []cell

// Before and after every instant.
const (
	never = math.MinInt64
	ever  = math.MaxInt64
)

func (w world) anyExpires(places []int) bool {
	return slices.ContainsFunc(places, func(at int) bool { return w[at].expires })
}

// futures returns the worlds in which the keys at the given places are settled: each one that has a deadline is there and lives on at
// this instant, or is gone for good. The instant lies within call and returned.
func (w world) futures(places []int, call, returned int64) []world {
	worlds := []world{slices.Clone(w)}
	for i, at := range places {
		c := w[at]
		if !c.expires || slices.Contains(places[:i], at) {
			continue
		}
		mayLive, mayBeGone := call <= c.until, returned >= c.from
		for _, settled := range worlds[:len(worlds):len(worlds)] {
			switch {
			case mayLive && mayBeGone:
				gone := slices.Clone(settled)
				gone[at] = cell{}
				worlds = append(worlds, gone)
			case mayBeGone:
				settled[at] = cell{}
			case !mayLive:
				return nil
			}
		}
	}
	return worlds
}
