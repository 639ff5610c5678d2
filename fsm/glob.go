package fsm

// globBudget bounds the work that one command may waste on its pattern, in byte comparisons: a
// fraction of a second. Each string adds to it by its length, so that a pattern that people write
// does not come near the bound, however many keys there are.
const globBudget = 1 << 24

// glob matches strings with a glob-style pattern, byte by byte, as Redis's KEYS and SCAN do: '*',
// '?', '[a-z]', '[^a]' and '\' to escape. Malformed patterns match what they match in Redis.
//
// Redis tries every split at each '*'. Going back to the last '*' only finds the same matches, as
// what follows an earlier one has matched at its leftmost place; so the work is bounded by the
// product of the two lengths. Where both are long that is still too much, so there is a budget too.
type glob struct {
	pattern []byte
	// budget is what may still be wasted. Going through a string once costs nothing.
	budget int
}

func newGlob(pattern []byte) *glob { return &glob{pattern: pattern, budget: globBudget} }

// spent reports whether the budget is used up. What match returned is then not to be trusted.
func (g *glob) spent() bool { return g.budget < 0 }

// match reports whether a string matches the pattern.
func (g *glob) match(s []byte) bool {
	pattern := g.pattern
	if len(s) == 0 {
		// Redis does not look at the pattern here: even "*" does not match, save where the caller
		// takes it for "everything".
		return len(pattern) == 0
	}
	g.budget += 2 * len(s)
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) && g.budget >= 0 {
		if p < len(pattern) && pattern[p] == '*' {
			for p < len(pattern) && pattern[p] == '*' {
				p++
			}
			if p == len(pattern) {
				return true
			}
			star, mark = p, i
			continue
		}
		if p < len(pattern) {
			size, ok := matchOne(pattern[p:], s[i])
			if size > 64 {
				g.budget -= size // A long class is gone through for each byte.
			}
			if ok {
				p += size
				i++
				continue
			}
		}
		if star < 0 {
			return false
		}
		g.budget -= p - star
		mark++
		p, i = star, mark
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne matches a byte with the first element of a pattern that is not empty and does not begin
// with '*'. It returns how much of the pattern the element takes.
func matchOne(pattern []byte, b byte) (size int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		return matchClass(pattern, b)
	case '\\':
		if len(pattern) >= 2 {
			return 2, pattern[1] == b
		}
	}
	return 1, pattern[0] == b
}

// matchClass matches a byte with a class in brackets. A class that is not closed ends with the pattern.
func matchClass(pattern []byte, b byte) (size int, ok bool) {
	at := 1
	negated := at < len(pattern) && pattern[at] == '^'
	if negated {
		at++
	}
	for ; at < len(pattern) && pattern[at] != ']'; at++ {
		switch {
		case pattern[at] == '\\' && at+1 < len(pattern):
			at++
			ok = ok || pattern[at] == b
		case at+2 < len(pattern) && pattern[at+1] == '-':
			// Redis compares signed characters.
			low, high := int8(pattern[at]), int8(pattern[at+2])
			if low > high {
				low, high = high, low
			}
			at += 2
			ok = ok || int8(b) >= low && int8(b) <= high
		default:
			ok = ok || pattern[at] == b
		}
	}
	return min(at+1, len(pattern)), ok != negated
}
