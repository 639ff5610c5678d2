package fsm

import (
	"strings"
	"testing"
)

func TestMatchGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", false}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "abbd", false},
		{"*a*b*", "xxaxxbxx", true}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"abc*", "abc", true}, {"abc**", "abc", true},
		{"[a-c]x", "bx", true}, {"[c-a]x", "bx", true}, {"[^a-c]x", "bx", false}, {"[^a-c]x", "dx", true}, {"[ab", "a", true},
		{"[ab", "c", false}, {"[", "[", false}, {"[^", "x", true}, {`[\]]`, "]", true}, {`\*`, "*", true}, {`\*`, "x", false},
		{`a\`, `a\`, true}, {"[a-]", "-", false}, {"[a-]", "a", true}, {"[]", "x", false}, {"*[a]", "bbba", true}, {"?", "\xff", true},
		{"[\x80-\xff]", "\xf0", true}, {"a*a*b", "aaab", true}, {"*ab", "aab", true},
	} {
		if got := matchGlob([]byte(c.pattern), c.s); got != c.want {
			t.Errorf("%q against %q: %v", c.pattern, c.s, got)
		}
	}
}

// TestMatchGlobIsBounded: patterns that make Redis try every split end at once here.
func TestMatchGlobIsBounded(t *testing.T) {
	pattern := []byte(strings.Repeat("*a", 1000) + "b")
	if matchGlob(pattern, strings.Repeat("a", 20000)) {
		t.Error("matched")
	}
}
