package fsm

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// replyParts splits a RESP2 reply of bulk strings into the strings.
func replyParts(reply string) []string {
	var parts []string
	lines := strings.Split(reply, "\r\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "$") {
			parts = append(parts, lines[i+1])
		}
	}
	return parts
}

// TestScanReturnsWhatStays: a key that is there during the whole iteration is returned, and none
// twice, whatever is written and deleted meanwhile, also when all keys share a slot.
func TestScanReturnsWhatStays(t *testing.T) {
	for _, tag := range []string{"", "{tag}"} {
		for seed := range uint64(3) {
			g := newGenerator(seed, 0)
			m := New()
			m.Advance(1, 1000)
			for i := range 1500 {
				apply(m, fmt.Sprintf("set %sstays%d v", tag, i))
				apply(m, fmt.Sprintf("set %sgoes%d v", tag, i))
			}
			seen := make(map[string]int)
			cursor, calls := "0", 0
			for {
				parts := replyParts(apply(m, "scan "+cursor+" count "+strconv.Itoa(1+g.IntN(60))))
				cursor = parts[0]
				calls++
				if len(parts) > 62 {
					t.Fatalf("a call with COUNT of at most 60 returned %d keys", len(parts)-1)
				}
				for _, key := range parts[1:] {
					seen[key]++
				}
				if cursor == "0" {
					break
				}
				if n, err := strconv.ParseInt(cursor, 10, 64); err != nil || n <= 0 {
					t.Fatalf("cursor %q does not fit a client's number", cursor)
				}
				for range 40 {
					apply(m, fmt.Sprintf("del %sgoes%d", tag, g.IntN(1500)))
					apply(m, fmt.Sprintf("set %snew%d v", tag, g.IntN(10000)))
				}
				if calls%40 == 0 {
					m = reload(t, m) // as after a failover to another node
				}
			}
			for i := range 1500 {
				if n := seen[fmt.Sprintf("%sstays%d", tag, i)]; n != 1 {
					t.Fatalf("tag %q seed %d: key stays%d was returned %d times", tag, seed, i, n)
				}
			}
		}
	}
}

func TestScanOptions(t *testing.T) {
	m := New()
	m.Advance(1, 1000)
	apply(m, "mset a 1 ab 2 b 3 due 4")
	apply(m, "pexpire due 500")
	m.logTime = 1500 // due, and not yet removed
	for _, step := range []struct{ line, keys string }{
		{"scan 0 count 100", "a ab b"},
		{"scan 0 match a* count 100", "a ab"},
		{"scan 0 type string match ?b count 100", "ab"},
		{"scan 0 type STRING count 100", "a ab b"},
		{"scan 0 type list count 100", ""},
		{"scan 9223372036854775807", ""},
		{"scan 18446744073709551615", ""},
		{"scan 0 count 9223372036854775807", "a ab b"},
	} {
		parts := replyParts(apply(m, step.line))
		keys := parts[1:]
		sort.Strings(keys)
		if got := strings.Join(keys, " "); parts[0] != "0" || got != step.keys {
			t.Errorf("%s: cursor %s, keys %q; want %q", step.line, parts[0], got, step.keys)
		}
	}
	if got := apply(m, "dbsize"); got != ":3\r\n" {
		t.Errorf("DBSIZE counts a due key: %q", got)
	}
	if got := replyParts(apply(m, "keys *")); len(got) != 3 {
		t.Errorf("KEYS shows a due key: %q", got)
	}
	for slot, want := range map[int]string{
		Slot([]byte("due")): "*0\r\n", // its key is due
		Slot([]byte("a")):   "*1\r\n$1\r\na\r\n",
		-1:                  "*0\r\n", // there is no such slot
		Slots:               "*0\r\n",
	} {
		var w Writer
		if m.KeysInSlot(slot, 9, &w); string(w.Buf) != want {
			t.Errorf("slot %d: keys %q, want %q", slot, w.Buf, want)
		}
		if count := m.CountKeysInSlot(slot); count != len(replyParts(want)) {
			t.Errorf("slot %d: %d keys are counted, want those of %q", slot, count, want)
		}
	}
	if s := m.Stats(); s.Keys != 3 || s.Expires != 0 {
		t.Errorf("Stats counts a due key: %+v", s)
	}
}

func TestRandomKeyFindsAllLivingKeys(t *testing.T) {
	m := New()
	m.Advance(1, 1000)
	if got := apply(m, "randomkey"); got != "$-1\r\n" {
		t.Errorf("RANDOMKEY of nothing: %q", got)
	}
	apply(m, "mset a 1 {a}b 2 c 3 due1 4 due2 5 {a}due3 5")
	for _, key := range []string{"due1", "due2", "{a}due3"} {
		apply(m, "pexpire "+key+" 500")
	}
	m.logTime = 1500
	seen := make(map[string]bool)
	for range 300 {
		seen[replyParts(apply(m, "randomkey"))[0]] = true
	}
	if len(seen) != 3 || !seen["a"] || !seen["{a}b"] || !seen["c"] {
		t.Errorf("300 random keys were %v", seen)
	}
	apply(m, "del a {a}b c")
	if got := apply(m, "randomkey"); got != "$-1\r\n" {
		t.Errorf("RANDOMKEY with due keys only: %q", got)
	}
}
