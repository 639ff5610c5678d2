package resp

import (
	"fmt"
	"testing"
)

// TestSplitInline: the words of an inline command are those that redis-server finds.
func TestSplitInline(t *testing.T) {
	for line, want := range map[string]string{
		``:                               `[]`,
		"  \t ":                          `[]`,
		`PING`:                           `["PING"]`,
		"  set\ta   b\r":                 `["set" "a" "b"]`,
		`set a "b c"`:                    `["set" "a" "b c"]`,
		`set a 'b c'`:                    `["set" "a" "b c"]`,
		`set a ""`:                       `["set" "a" ""]`,
		`""`:                             `[""]`,
		`"\x41\x4a\x4G\n\r\t\b\a\\\"\q"`: `["AJx4G\n\r\t\b\a\\\"q"]`,
		`'it\'s' '\n'`:                   `["it's" "\\n"]`,
		`foo"bar"`:                       `["foobar"]`,
		`foo'bar' x`:                     `["foobar" "x"]`,
		`"a"b`:                           `unbalanced`,
		`'a'b`:                           `unbalanced`,
		`"a`:                             `unbalanced`,
		`'a`:                             `unbalanced`,
		`a"`:                             `unbalanced`,
		`"a\"`:                           `unbalanced`,
		`"\`:                             `unbalanced`,
		`a\x41`:                          `["a\\x41"]`,
		"a\vb \v\f c":                    `["a\vb" "c"]`,
		"'a'\v'b'":                       `["a" "b"]`,
		"a\x00b":                         `["a\x00b"]`,
	} {
		words, _, ok := splitInline([]byte(line), nil, nil)
		got := fmt.Sprintf("%q", words)
		if !ok {
			got = "unbalanced"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

// TestSplitInlineKeepsEarlierWords: a buffer that must grow leaves the words of earlier commands alone.
func TestSplitInlineKeepsEarlierWords(t *testing.T) {
	var words [][]byte
	var buf []byte
	for i := range 100 {
		var ok bool
		if words, buf, ok = splitInline(fmt.Appendf(nil, "echo 'word number %d'", i), words, buf); !ok {
			t.Fatal("unbalanced")
		}
	}
	for i := range 100 {
		if got, want := string(words[2*i+1]), fmt.Sprintf("word number %d", i); got != want {
			t.Fatalf("word %d is %q, want %q", i, got, want)
		}
	}
}
