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
		if got := newGlob([]byte(c.pattern)).match([]byte(c.s)); got != c.want {
			t.Errorf("%q against %q: %v", c.pattern, c.s, got)
		}
	}
}

// TestMatchGlobIsBounded: patterns that make Redis try every split end at once here, and long ones
// that go back over long keys end with an error.
func TestMatchGlobIsBounded(t *testing.T) {
	g := newGlob([]byte(strings.Repeat("*a", 1000) + "b"))
	if g.match([]byte(strings.Repeat("a", 20000))) || g.spent() {
		t.Error("a pattern with many stars matched, or took too long")
	}
	m := New()
	m.Advance(1, 1)
	m.Apply([][]byte{[]byte("set"), []byte(strings.Repeat("a", 1<<18)), nil}, &Writer{Discard: true})
	for _, pattern := range []string{"*" + strings.Repeat("a", 1<<17) + "b", "*[" + strings.Repeat("b", 1<<17) + "]*"} {
		for _, line := range []string{"keys " + pattern, "scan 0 match " + pattern} {
			if got := apply(m, line); got != "-"+errPattern+"\r\n" {
				t.Errorf("%.20s…: %.40q", line, got)
			}
		}
	}
}
