package lin

import (
	"fmt"
	"slices"
	"strings"
)

// Verdict is what a check found.
type Verdict uint8

const (
	// OK: some order of the operations explains every reply.
	OK Verdict = iota
	// Violation: no order does.
	Violation
	// Undecided: the search was given up after Options.Steps. It shows nothing.
	Undecided
)

func (v Verdict) String() string {
	switch v {
	case OK:
		return "linearizable"
	case Violation:
		return "not linearizable"
	case Undecided:
		return "undecided"
	}
	return fmt.Sprintf("Verdict(%d)", v)
}

// Options adjust a check. The zero value means the defaults.
type Options struct {
	// Steps bounds the search of each part. Default: 500,000, which takes about a second and 100 MB for parts of a hundred operations.
	Steps int
	// ClockError, if not zero, says that Call and Return are nanoseconds of a clock, and by how many nanoseconds a time to
	// live, as log time counts it, may differ from that clock's. Then a key with a deadline must not be gone earlier, nor
	// (save in stale reads) be there later. With zero, it may be gone at any time.
	ClockError int64
	// Standstill is by how many nanoseconds more a key may be there later, because log time could not pass for so long.
	Standstill int64
}

const defaultSteps = 500_000

// Report is a verdict with its reason.
type Report struct {
	Verdict Verdict
	// Operations counts those that were judged, Unknown those of them without a known outcome, Parts the groups of keys.
	Operations, Unknown, Parts int
	// Undecided counts parts.
	Undecided int
	// Explanation says why, in lines for a reader, unless the verdict is OK.
	Explanation string
}

// Check judges a history of any order. It fails if the history itself makes no sense or holds a command that is not modelled. The same
// history and options give the same report.
func Check(history []Operation, options Options) (Report, error) {
	if options.Steps <= 0 {
		options.Steps = defaultSteps
	}
	merged, differing, err := mergeAttempts(history)
	if err != nil {
		return Report{}, err
	}
	parts, err := split(merged)
	if err != nil {
		return Report{}, err
	}
	report := Report{Operations: len(merged), Parts: len(parts)}
	for _, op := range merged {
		if op.Outcome == Unknown {
			report.Unknown++
		}
	}
	var wrong, unclear *part
	for _, p := range parts {
		switch p.check(options) {
		case Violation:
			wrong = smaller(wrong, p)
		case Undecided:
			report.Undecided++
			unclear = smaller(unclear, p)
		}
	}
	switch {
	case differing != nil:
		report.Verdict = Violation
		report.Explanation = fmt.Sprintf("one envelope was answered in two ways:\n  %s\n  %s\n", differing.first, differing.second)
	case wrong != nil:
		report.Verdict, report.Explanation = Violation, wrong.explain(options)
	case unclear != nil:
		report.Verdict = Undecided
		report.Explanation = fmt.Sprintf("the search of %d operations on %s was given up after %d steps\n",
			len(unclear.steps), quoted(unclear.keys), options.Steps)
	}
	return report, nil
}

func smaller(a, b *part) *part {
	if a == nil || len(b.steps) < len(a.steps) {
		return b
	}
	return a
}

func quoted(keys []string) string {
	words := make([]string, len(keys))
	for i, key := range keys {
		words[i] = fmt.Sprintf("%q", key)
	}
	return strings.Join(words, ", ")
}

// part is the operations on keys that no other part touches.
type part struct {
	keys  []string // sorted
	steps []*step
}

// step is one operation, looked up and placed.
type step struct {
	Operation
	spec spec
	at   []int // places of the command's keys among the part's
	// narrowed: the outcome is unknown, and guessed to be done by Return.
	narrowed bool
}

// split groups operations by keys that they name together.
func split(history []Operation) ([]*part, error) {
	table := specs()
	groups := make(groups)
	var steps []*step
	var keysOf [][]string
	for _, op := range history {
		s, err := specOf(table, op.Words)
		if err != nil {
			return nil, err
		}
		if op.Stale && !s.readOnly {
			return nil, fmt.Errorf("lin: a stale operation that writes: %s", op)
		}
		if op.Outcome == Unknown && s.readOnly {
			continue
		}
		keys := s.keys(op.Words)
		for _, key := range keys {
			groups.join(keys[0], key)
		}
		steps, keysOf = append(steps, &step{Operation: op, spec: s}), append(keysOf, keys)
	}
	parts := make(map[string]*part)
	var all []*part
	for i, s := range steps {
		root := groups.root(keysOf[i][0])
		p, ok := parts[root]
		if !ok {
			p = &part{}
			parts[root] = p
			all = append(all, p)
		}
		p.steps = append(p.steps, s)
		p.keys = append(p.keys, keysOf[i]...)
	}
	for _, p := range all {
		slices.Sort(p.keys)
		p.keys = slices.Compact(p.keys)
	}
	for i, s := range steps {
		p := parts[groups.root(keysOf[i][0])]
		for _, key := range keysOf[i] {
			at, _ := slices.BinarySearch(p.keys, key)
			s.at = append(s.at, at)
		}
	}
	return all, nil
}

// groups is a union-find forest of keys.
type groups map[string]string

func (g groups) root(key string) string {
	above, ok := g[key]
	if !ok || above == key {
		return key
	}
	root := g.root(above)
	g[key] = root
	return root
}

func (g groups) join(a, b string) {
	if a, b := g.root(a), g.root(b); a != b {
		g[b] = a
	}
}
