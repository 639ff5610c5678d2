package fsm

import (
	"bytes"
	"strings"
	"sync"
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

// TestReadsRunBesideEachOther: under a shared lock any number of reads may run at once. The race
// detector shows whether they change anything they share.
func TestReadsRunBesideEachOther(t *testing.T) {
	m := New()
	m.Advance(1, 1000)
	apply(m, "mset a 1 b 2 c text")
	apply(m, "pexpire b 100")
	lines := []string{"get a", "get c", "randomkey", "scan 0", "keys *", "dbsize", "mget a b c", "ttl b", "object idletime a",
		"touch a", "getrange a 0 0", "strlen a", "exists a b", "type a", "bitcount a", "lcs a c"}
	var readers sync.WaitGroup
	for range 4 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			var w Writer
			for i := range 2000 {
				w.Buf = w.Buf[:0]
				now := int64(1000 + i%200)
				if due := m.Read(now, words(lines[i%len(lines)]), &w); due != (len(w.Buf) == 0) {
					t.Errorf("%s at %d: due %v, reply %q", lines[i%len(lines)], now, due, w.Buf)
				}
				m.Stats()
				m.CountKeysInSlot(Slot([]byte("a")))
			}
		}()
	}
	readers.Wait()
}
