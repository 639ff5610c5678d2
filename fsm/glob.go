package fsm

// matchGlob reports whether a string matches a glob-style pattern, byte by byte, as Redis's KEYS
// and SCAN match: '*', '?', '[a-z]', '[^a]' and '\' to escape. Malformed patterns match what they
// match in Redis.
//
// Redis tries every split at each '*'. Going back to the last '*' only finds the same matches, as
// what follows an earlier one has matched at its leftmost place; so the work is bounded by the
// product of the two lengths, whatever the pattern.
func matchGlob(pattern []byte, s string) bool {
	if len(s) == 0 {
		// Redis does not look at the pattern here: even "*" does not match, save where the caller
		// takes it for "everything".
		return len(pattern) == 0
	}
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) {
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
			if size, ok := matchOne(pattern[p:], s[i]); ok {
				p += size
				i++
				continue
			}
		}
		if star < 0 {
			return false
		}
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
