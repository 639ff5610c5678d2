package difftest

import (
	"bufio"
	"bytes"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestGeneratorDependsOnSeedAlone(t *testing.T) {
	a, b := NewGenerator(Grammar), NewGenerator(Grammar)
	for seed := range uint64(50) {
		if !reflect.DeepEqual(a.Script(seed, 30), b.Script(seed, 30)) {
			t.Fatalf("seed %d drew two different scripts", seed)
		}
	}
	if reflect.DeepEqual(a.Script(1, 30).Commands, a.Script(2, 30).Commands) {
		t.Error("seeds 1 and 2 drew the same script")
	}
}

// TestGeneratorReachesEveryWord keeps the grammar from having rows that are never drawn.
func TestGeneratorReachesEveryWord(t *testing.T) {
	drawn := map[string]bool{}
	generator := NewGenerator(Grammar)
	for seed := range uint64(1500) {
		for _, c := range generator.Script(seed, 30).Commands {
			for _, word := range c {
				drawn[strings.ToUpper(string(word))] = true
			}
		}
	}
	var check func(parts []part)
	check = func(parts []part) {
		for _, p := range parts {
			if p.kind == wordPart && !drawn[p.text] {
				t.Errorf("%s is never drawn", p.text)
			}
			for _, alternative := range p.alternatives {
				check(alternative)
			}
		}
	}
	for _, r := range generator.rows {
		check(r.parts)
	}
}

// appender is an executor with a bug: the third APPEND to a key is lost.
type appender struct {
	bug     bool
	values  map[string]string
	appends map[string]int
}

func (a *appender) Do(commands []Command, _ int) ([][]byte, error) {
	replies := make([][]byte, len(commands))
	for i, c := range commands {
		replies[i] = []byte("+OK\r\n")
		switch nameOf(c) {
		case "flushall":
			a.values, a.appends = map[string]string{}, map[string]int{}
		case "append":
			key := string(c[1])
			a.appends[key]++
			if !a.bug || a.appends[key] != 3 {
				a.values[key] += string(c[2])
			}
		case "get":
			replies[i] = appendBulkString(nil, []byte(a.values[string(c[1])]))
		}
	}
	return replies, nil
}

func TestShrinkLeavesWhatIsNeeded(t *testing.T) {
	var script Script
	for i := range 40 {
		script.Commands = append(script.Commands,
			words("APPEND", string(rune('a'+i%7)), "x"), words("GET", string(rune('a'+i%5))), words("PING"))
	}
	ours, theirs := &appender{bug: true}, &appender{}
	d, err := Compare(ours, theirs, script)
	if err != nil || d == nil {
		t.Fatalf("the bug was not found: %v", err)
	}
	d, err = Shrink(ours, theirs, d)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Script.Commands) != 4 {
		t.Errorf("not shrunk to three APPEND and a GET:\n%s", d)
	}
}

func TestRules(t *testing.T) {
	list := []byte("*2\r\n$1\r\na\r\n$1\r\nb\r\n")
	tests := []struct {
		command      string
		ours, theirs string
		want         bool
	}{
		{"GET a", "$1\r\nx\r\n", "$1\r\nx\r\n", true},
		{"GET a", "$1\r\nx\r\n", "$1\r\ny\r\n", false},
		{"KEYS *", "*2\r\n$1\r\nb\r\n$1\r\na\r\n", string(list), true},
		{"KEYS *", "*2\r\n$1\r\nb\r\n$1\r\nb\r\n", string(list), false},
		{"MGET a b", "*2\r\n$1\r\nb\r\n$1\r\na\r\n", string(list), false},
		{"RANDOMKEY", "$1\r\na\r\n", "$1\r\nb\r\n", true},
		{"RANDOMKEY", "$1\r\nc\r\n", "$1\r\nb\r\n", false},
		{"RANDOMKEY", "$-1\r\n", "$1\r\nb\r\n", false},
		{"TTL a", ":100\r\n", ":99\r\n", true},
		{"TTL a", ":100\r\n", ":90\r\n", false},
		{"TTL a", ":-1\r\n", ":-2\r\n", false},
		{"PTTL a", ":-1\r\n", ":1\r\n", false},
		{"PTTL a", ":100000\r\n", ":99000\r\n", true},
		{"EXPIRETIME a", ":100\r\n", "$3\r\n100\r\n", false},
		{"OBJECT IDLETIME a", ":0\r\n", ":100\r\n", true},
		{"OBJECT IDLETIME a", ":0\r\n", "$-1\r\n", false},
		{"OBJECT REFCOUNT a", ":0\r\n", ":1\r\n", false},
	}
	for _, test := range tests {
		c, err := parseCommand(test.command)
		if err != nil {
			t.Fatal(err)
		}
		got := agree(c, observation{[]byte(test.ours), list}, observation{[]byte(test.theirs), list})
		if got != test.want {
			t.Errorf("%s: %q and %q agree: %v", test.command, test.ours, test.theirs, got)
		}
	}
}

func TestQuotingIsReversible(t *testing.T) {
	generator := NewGenerator(Grammar)
	for seed := range uint64(200) {
		for _, c := range generator.Script(seed, 30).Commands {
			line := quoteCommand(c)
			got, err := parseCommand(line)
			if err != nil || !reflect.DeepEqual(got, c) {
				t.Fatalf("seed %d: %q is printed as %s, which reads as %q (%v)", seed, c, line, got, err)
			}
		}
	}
	for _, line := range []string{"", `"`, `"a`, `"a\`, `"\x1`, `"\xzz"`, `"a"b`, `"a"*-1`, `"a"*x`, `"a\q"`, `"a"*999999999`} {
		if c, err := parseCommand(line); err == nil {
			t.Errorf("%s is taken as %q", line, c)
		}
	}
}

// replies are some of every type, and the broken ones behind them.
var wholeReplies = []string{
	"+OK\r\n", "-ERR no\r\n", ":12\r\n", "$0\r\n\r\n", "$-1\r\n", "$3\r\na\r\n\r\n", "*-1\r\n", "*0\r\n", "_\r\n", "#t\r\n",
	",1.5\r\n", "(123456789012345678901234567890\r\n", "=7\r\ntxt:abc\r\n", "!3\r\nERR\r\n",
	"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n", "%1\r\n+a\r\n*1\r\n_\r\n", "~2\r\n:1\r\n:2\r\n", ">1\r\n+x\r\n", "|1\r\n+a\r\n:1\r\n+b\r\n",
}

func TestOneReplyIsReadAsItIs(t *testing.T) {
	r := bufio.NewReaderSize(strings.NewReader(strings.Join(wholeReplies, "")), 16)
	for _, want := range wholeReplies {
		got, err := appendReply(nil, r)
		if err != nil || string(got) != want {
			t.Fatalf("%q read as %q (%v)", want, got, err)
		}
	}
	if _, err := appendReply(nil, r); err != io.ErrUnexpectedEOF {
		t.Errorf("at the end: %v", err)
	}
	broken := []string{
		"\r\n", "x\r\n", "+a\n", "$x\r\n", "$-2\r\n", "$3\r\nabcd\r\n", "$9223372036854775807\r\n", "*99999999999\r\n",
		"*1\r\n", "$5\r\nab", strings.Repeat("*1\r\n", 100),
	}
	for _, text := range broken {
		if got, err := appendReply(nil, bufio.NewReader(strings.NewReader(text))); err == nil {
			t.Errorf("%q read as %q", text, got)
		}
	}
}

func FuzzReply(f *testing.F) {
	for _, reply := range wholeReplies {
		f.Add([]byte(reply))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := appendReply(nil, bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		if !bytes.HasPrefix(data, got) {
			t.Errorf("%q read as %q", data, got)
		}
		if parts, ok := elements(got); ok && len(slices.Concat(parts...)) > len(got) {
			t.Errorf("%q has more in its elements %q", got, parts)
		}
	})
}
