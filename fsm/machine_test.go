package fsm

import (
	"bytes"
	"strings"
	"testing"
)

// words splits a command line at blanks.
func words(line string) [][]byte {
	var args [][]byte
	for _, word := range strings.Fields(line) {
		args = append(args, []byte(word))
	}
	return args
}

// apply runs a command line and returns its RESP2 reply.
func apply(m *Machine, line string) string {
	var w Writer
	m.Apply(words(line), &w)
	return string(w.Buf)
}

func TestSetGetDel(t *testing.T) {
	m := New()
	m.Advance(1, 1000)
	for _, step := range []struct{ line, reply string }{
		{"get k", "$-1\r\n"},
		{"SET k v", "+OK\r\n"},
		{"gEt k", "$1\r\nv\r\n"},
		{"set k 17", "+OK\r\n"},
		{"get k", "$2\r\n17\r\n"},
		{"del k k nokey", ":1\r\n"},
		{"get k", "$-1\r\n"},
		{"get", "-ERR wrong number of arguments for 'get' command\r\n"},
		{"foo bar baz", "-ERR unknown command 'foo', with args beginning with: 'bar' 'baz' \r\n"},
	} {
		if got := apply(m, step.line); got != step.reply {
			t.Errorf("%s: reply %q, want %q", step.line, got, step.reply)
		}
	}
}

func TestBatchGivesBackWhatWasAppended(t *testing.T) {
	data := AppendBatchHeader(nil)
	data = AppendCommand(data, 0, 0, words("set k v"))
	data = AppendCommand(data, 7, 300, words("get k"))
	b, err := DecodeBatch(data)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for {
		c, ok, err := b.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		if (c.Session == 7) != (c.Sequence == 300) {
			t.Errorf("session %d with sequence %d", c.Session, c.Sequence)
		}
		lines = append(lines, string(bytes.Join(c.Args, []byte(" "))))
	}
	if got := strings.Join(lines, "\n"); got != "set k v\nget k" {
		t.Errorf("commands %q", got)
	}
}
