package lin

import (
	"hash/maphash"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"
)

// check searches a part for an order that explains it. Stale reads, which may act almost anywhere and so would make the search long, are
// fitted into an order of the rest; one that does not fit becomes part of the search.
func (p *part) check(options Options) Verdict {
	var ordered, stale []*step
	for _, s := range p.steps {
		if s.Stale {
			stale = append(stale, s)
		} else {
			ordered = append(ordered, s)
		}
	}
	for {
		verdict, order := p.decide(ordered, options)
		if verdict != OK || len(stale) == 0 {
			return verdict
		}
		m := p.model(options)
		misfit := m.fit(order, stale)
		if misfit < 0 {
			return OK
		}
		ordered = append(ordered, stale[misfit])
		stale = slices.Delete(slices.Clone(stale), misfit, misfit+1)
	}
}

// decide searches: first under guesses of what became of the writes of unknown outcome, which makes the search short and can only
// miss an order, then, if there is none, without.
func (p *part) decide(steps []*step, options Options) (Verdict, []*step) {
	if guessed, changed := guess(steps); changed {
		if verdict, order := p.search(guessed, options); verdict == OK {
			return OK, order
		}
	}
	return p.search(steps, options)
}

// fit puts stale reads into an order of other steps, each at the first place where its reply is true. It returns the index of one
// that has no place, or of any if the order does not hold with the others in their places; or -1.
func (m *model) fit(order, stale []*step) (misfit int) {
	worlds := []world{make(world, m.keys)}
	placed := make([]bool, len(stale))
	latest := int64(never) // call of those so far: a read that returned earlier was before one of them
	for at := 0; ; at++ {
		for i, s := range stale {
			if placed[i] || s.Return < latest {
				continue
			}
			if after := m.step(worlds, s); len(after) > 0 {
				worlds, placed[i] = after, true
			}
		}
		if at == len(order) {
			return slices.Index(placed, false)
		}
		latest = max(latest, order[at].called())
		if worlds = m.step(worlds, order[at]); len(worlds) == 0 {
			return 0
		}
	}
}

// guess narrows the writes of unknown outcome. One whose value a reply shows had acted before the first such reply returned;
// one whose value no reply shows is taken never to have acted. Both may be wrong where values are not unique or were
// overwritten unseen, so that an order that is found holds, and one that is not found may still exist.
func guess(steps []*step) (guessed []*step, changed bool) {
	for _, s := range steps {
		if s.Outcome != Unknown || s.spec.value == 0 {
			guessed = append(guessed, s)
			continue
		}
		changed = true
		seen := int64(math.MaxInt64)
		for _, other := range steps {
			if other.answered() && other.Return >= s.Call && other.Reply.shows(s.Words[s.spec.value]) {
				seen = min(seen, other.Return)
			}
		}
		if seen != math.MaxInt64 {
			narrowed := *s
			narrowed.Return = seen
			narrowed.narrowed = true
			guessed = append(guessed, &narrowed)
		}
	}
	return guessed, changed
}

// search looks for an order of steps that explains their replies, and returns it.
func (p *part) search(steps []*step, options Options) (Verdict, []*step) {
	m := p.model(options)
	// Without stale reads to fit in, the order is not needed; to have it takes longer.
	if !p.hasStale() || len(steps) == 0 {
		return m.verdict(porcupine.CheckOperations(m.porcupine(), operations(steps))), nil
	}
	result, info := porcupine.CheckOperationsVerbose(m.porcupine(), operations(steps), 0)
	verdict := m.verdict(result == porcupine.Ok)
	if verdict != OK {
		return verdict, nil
	}
	var order []*step
	for _, at := range info.PartialLinearizations()[0][0] {
		order = append(order, steps[at])
	}
	return OK, order
}

func (p *part) hasStale() bool {
	return slices.ContainsFunc(p.steps, func(s *step) bool { return s.Stale })
}

// operations puts steps into porcupine's terms.
func operations(steps []*step) []porcupine.Operation {
	all := make([]porcupine.Operation, len(steps))
	for i, s := range steps {
		all[i] = porcupine.Operation{ClientId: s.Client, Input: s, Call: s.called(), Return: s.returned()}
	}
	return all
}

// called is the earliest instant at which the step may act. A stale read acts anywhere in the past.
func (s *step) called() int64 {
	if s.Stale {
		return never
	}
	return s.Call
}

// returned is the latest.
func (s *step) returned() int64 {
	if s.Outcome == Unknown && !s.narrowed {
		return ever
	}
	return s.Return
}

// model is the machine that a part is compared with, for one search. Its state is the set of worlds that the replies so far allow:
// more than one where a write of unknown outcome met a key that may or may not have been gone.
type model struct {
	keys       int
	left       int // steps until the search is given up
	clockError int64
	standstill int64
	seed       maphash.Seed
}

// model returns a new machine, for one search.
func (p *part) model(options Options) *model {
	return &model{keys: len(p.keys), left: options.Steps, clockError: options.ClockError, standstill: options.Standstill, seed: maphash.MakeSeed()}
}

// verdict says what a search has shown.
func (m *model) verdict(found bool) Verdict {
	switch {
	case found:
		return OK
	case m.left <= 0:
		return Undecided
	}
	return Violation
}

func (m *model) porcupine() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return []world{make(world, m.keys)} },
		Step: func(state, input, _ any) (bool, any) {
			if m.left--; m.left <= 0 {
				return false, nil
			}
			worlds := m.step(state.([]world), input.(*step))
			return len(worlds) > 0, worlds
		},
		Equal: func(a, b any) bool {
			return slices.EqualFunc(a.([]world), b.([]world), slices.Equal[world])
		},
		Hash: func(state any) uint64 { return m.hash(state.([]world)) },
	}
}

// step returns the worlds after a step, without doubles, or none if its reply does not fit any.
func (m *model) step(worlds []world, s *step) []world {
	if len(worlds) == 1 && s.spec.readOnly && !worlds[0].anyExpires(s.at) {
		if m.run(worlds[0], s) {
			return worlds
		}
		return nil
	}
	var after []world
	for _, w := range worlds {
		for _, future := range w.futures(s.at, s.called(), s.returned()) {
			if !m.run(future, s) {
				continue
			}
			if !slices.ContainsFunc(after, func(other world) bool { return slices.Equal(other, future) }) {
				after = append(after, future)
			}
		}
	}
	return after
}

// run lets a step act on a world, and reports whether its reply fits.
func (m *model) run(w world, s *step) bool {
	c := call{
		world: w, at: s.at, words: s.Words,
		called: s.called(), returned: s.returned(), clockError: m.clockError, standstill: m.standstill,
		known: s.answered(), seen: s.Reply,
	}
	reply := s.spec.run(&c)
	return !s.answered() || reply.Equal(s.Reply)
}

func (m *model) hash(worlds []world) uint64 {
	var h maphash.Hash
	h.SetSeed(m.seed)
	for _, w := range worlds {
		for i := range w {
			if w[i].present {
				_ = h.WriteByte(byte(1 + i%250)) // never fails
				_, _ = h.WriteString(w[i].text)
			}
		}
	}
	return h.Sum64()
}
