package lin

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/anishathalye/porcupine"
)

// explain says for a part that no order explains which reply is the first that none does, and shows what matters to it.
func (p *part) explain(options Options) string {
	p = p.firstWrong(options).withoutNeedlessReads(options)
	steps := slices.SortedStableFunc(slices.Values(p.steps), func(a, b *step) int { return cmp.Compare(a.Call, b.Call) })
	var b strings.Builder
	fmt.Fprintf(&b, "no order of these operations on %s explains their replies:\n", quoted(p.keys))
	for _, s := range steps {
		fmt.Fprintf(&b, "  %s\n", s)
	}
	order := p.longestOrder(options)
	fmt.Fprintf(&b, "the longest order that explains its replies has %d of them:\n", len(order))
	for _, s := range order {
		fmt.Fprintf(&b, "  %s\n", s)
	}
	return b.String()
}

// until returns what was known at an instant: what was called later is left out, what returned later is unknown.
func (p *part) until(instant int64) *part {
	early := &part{keys: p.keys}
	for _, s := range p.steps {
		if s.Call > instant {
			continue
		}
		if s.Outcome == Done && s.Return > instant {
			if s.spec.readOnly {
				continue
			}
			open := *s
			open.Outcome = Unknown
			s = &open
		}
		early.steps = append(early.steps, s)
	}
	return early
}

// firstWrong cuts a part after the first return at which no order is left. What is linearizable is so at every earlier
// instant, so the instant can be found by halving.
func (p *part) firstWrong(options Options) *part {
	var returns []int64
	for _, s := range p.steps {
		if s.Outcome == Done {
			returns = append(returns, s.Return)
		}
	}
	slices.Sort(returns)
	at := sort.Search(len(returns), func(i int) bool { return p.until(returns[i]).check(options) == Violation })
	if at == len(returns) {
		return p // some shorter history was undecided
	}
	return p.until(returns[at])
}

// mostTries bounds how many searches make an explanation shorter.
const mostTries = 60

// withoutNeedlessReads drops the reads without which there is no order either.
func (p *part) withoutNeedlessReads(options Options) *part {
	options.Steps = min(options.Steps, defaultSteps/100)
	tries := 0
	for i := 0; i < len(p.steps) && tries < mostTries; {
		if s := p.steps[i]; !s.spec.readOnly {
			i++
			continue
		}
		tries++
		shorter := &part{keys: p.keys, steps: slices.Delete(slices.Clone(p.steps), i, i+1)}
		if shorter.check(options) == Violation {
			p = shorter
		} else {
			i++
		}
	}
	return p
}

// longestOrder returns the longest order of some of the steps that explains their replies.
func (p *part) longestOrder(options Options) []*step {
	m := p.model(options)
	_, info := porcupine.CheckOperationsVerbose(m.porcupine(), operations(p.steps), 0)
	var longest []int
	for _, orders := range info.PartialLinearizations() {
		for _, order := range orders { // in no fixed order
			if len(order) > len(longest) || len(order) == len(longest) && slices.Compare(order, longest) < 0 {
				longest = order
			}
		}
	}
	steps := make([]*step, len(longest))
	for i, at := range longest {
		steps[i] = p.steps[at]
	}
	return steps
}
