package fsm

import (
	"fmt"
	"math"
	"testing"
)

// read runs a command line as a Read at a reader's clock.
func read(m *Machine, now int64, line string) (reply string, due bool) {
	var w Writer
	due = m.Read(now, words(line), &w)
	return string(w.Buf), due
}

// TestTimeDoesNotGoBack is promise P4: only log time takes a key away, a stamp that goes back moves
// nothing, and a key that was seen expired stays away.
func TestTimeDoesNotGoBack(t *testing.T) {
	m := New()
	m.Advance(1, 10_000)
	apply(m, "set k v px 1000")
	m.Advance(2, 5_000)
	if m.LogTime() != 10_000 {
		t.Fatalf("log time went back to %d", m.LogTime())
	}
	if got := apply(m, "pttl k"); got != ":1000\r\n" {
		t.Errorf("PTTL by log time: %q", got)
	}
	m.Advance(3, 10_999)
	if got := apply(m, "get k"); got != "$1\r\nv\r\n" {
		t.Errorf("a key was gone before its deadline: %q", got)
	}
	m.Advance(4, 11_000)
	m.Advance(5, 10_500)
	if got := apply(m, "get k"); got != "$-1\r\n" {
		t.Errorf("a key came back: %q", got)
	}
	if s := m.Stats(); s.ExpiredKeys != 1 || s.Keys != 0 || s.Expires != 0 || s.DatasetBytes != 0 {
		t.Errorf("after the only key expired: %+v", s)
	}
}

// TestReadNeverExpires: a reader whose clock is ahead of log time is told that an expiry entry is
// due, and gets no reply that log time does not back.
func TestReadNeverExpires(t *testing.T) {
	m := New()
	m.Advance(1, 1000)
	apply(m, "set a 1 px 1000")
	apply(m, "set b 2 px 5000")
	apply(m, "set c 3")
	for _, step := range []struct {
		now   int64
		line  string
		reply string
		due   bool
	}{
		{0, "get a", "$1\r\n1\r\n", false},
		{1999, "get a", "$1\r\n1\r\n", false},
		{2000, "get a", "", true},
		{2000, "get c", "$1\r\n3\r\n", false},
		{2000, "mget c a b", "", true},
		{0, "mget c a b", "*3\r\n$1\r\n3\r\n$1\r\n1\r\n$1\r\n2\r\n", false},
		{2000, "dbsize", "", true},
		{1999, "dbsize", ":3\r\n", false},
		{2000, "keys *", "", true},
		{2000, "scan 0", "", true},
		{2000, "randomkey", "", true},
		{2000, "exists a", "", true},
		{2000, "pttl a", "", true},
		{1500, "pttl a", ":500\r\n", false},
		{500, "pttl a", ":1000\r\n", false},
		{1500, "ttl b", ":5\r\n", false},
		{1499, "ttl b", ":5\r\n", false},
		{1501, "ttl b", ":4\r\n", false},
		{2000, "expiretime b", ":6\r\n", false},
		{2000, "pexpiretime b", ":6000\r\n", false},
		{5000, "object idletime c", ":4\r\n", false},
		{2000, "touch a", "", true},
		{2000, "touch c", ":1\r\n", false},
		{math.MaxInt64, "get c", "$1\r\n3\r\n", false},
		{0, "set c 4", "-ERR command 'set' writes and cannot be read\r\n", false},
		{0, "get", "-ERR wrong number of arguments for 'get' command\r\n", false},
	} {
		before := m.Digest()
		reply, due := read(m, step.now, step.line)
		if reply != step.reply || due != step.due {
			t.Errorf("%s at %d: %q, due %v; want %q, %v", step.line, step.now, reply, due, step.reply, step.due)
		}
		if m.Digest() != before {
			t.Fatalf("%s changed the state", step.line)
		}
	}
	m.Advance(2, 2000)
	if reply, due := read(m, 2000, "dbsize"); reply != ":2\r\n" || due {
		t.Errorf("after the expiry entry: %q, due %v", reply, due)
	}
}

// TestDueReadLeavesEarlierReplies: what is in the buffer already stays when a read is due.
func TestDueReadLeavesEarlierReplies(t *testing.T) {
	m := New()
	m.Advance(1, 1000)
	apply(m, "set a 1 px 1000")
	w := Writer{Buf: []byte("+before\r\n")}
	if due := m.Read(3000, words("mget a a"), &w); !due || string(w.Buf) != "+before\r\n" {
		t.Errorf("due %v, buffer %q", due, w.Buf)
	}
}

// TestExpiryIsBounded: one entry removes a bounded number of due keys; the others are absent all the
// same, and go with the next entries.
func TestExpiryIsBounded(t *testing.T) {
	m := New()
	m.Advance(1, 1000)
	const keys = 2*expirePerEntry + 500
	for i := range keys {
		apply(m, fmt.Sprintf("set k%d v px %d", i, 1+i%10))
	}
	apply(m, "set last v px 5000")
	if m.NextDeadline() != 1001 {
		t.Errorf("next deadline %d", m.NextDeadline())
	}
	for i, want := range []int{keys - expirePerEntry, keys - 2*expirePerEntry, 0} {
		m.Advance(uint64(2+i), 2000)
		if got := m.keys.count - 1; got != want {
			t.Fatalf("after entry %d %d due keys are left, want %d", i, got, want)
		}
		if got := apply(m, "dbsize"); got != ":1\r\n" {
			t.Errorf("DBSIZE while keys wait for removal: %q", got)
		}
		if i == 0 {
			checkWaitingKeyIsAbsent(t, reload(t, m))
		}
	}
	if m.NextDeadline() != 6000 {
		t.Errorf("next deadline %d", m.NextDeadline())
	}
	m.Advance(9, 6000)
	if m.NextDeadline() != math.MaxInt64 {
		t.Errorf("next deadline of an empty keyspace: %d", m.NextDeadline())
	}
	checkInvariants(t, m)
}

// madeOfDeadKey is what commands make of a key that is due: the same as of one that is not there.
var madeOfDeadKey = map[string]string{
	"append %s x": "x", "incr %s": "1", "setrange %s 1 x": "\x00x", "set %s v nx": "v", "set %s v get": "v", "set %s v keepttl": "v",
	"setnx %s v": "v", "msetnx %s v": "v", "setbit %s 8 1": "\x00\x80", "incrbyfloat %s 1.5": "1.5", "getset %s w": "w", "setex %s 10 w": "w",
}

// checkWaitingKeyIsAbsent tries commands on a key that is due and not yet removed.
func checkWaitingKeyIsAbsent(t *testing.T, m *Machine) {
	t.Helper()
	var waiting []string
	d := &m.keys.deadlines
	for i := range d.count {
		if r := d.record(d.item(i)); r.dueAt(m.logTime) {
			waiting = append(waiting, string(r.key()))
		}
	}
	for i, step := range []struct{ line, reply string }{
		{"get %s", "$-1\r\n"}, {"append %s x", ":1\r\n"}, {"incr %s", ":1\r\n"}, {"del %s", ":0\r\n"},
		{"setrange %s 1 x", ":2\r\n"}, {"set %s v xx", "$-1\r\n"}, {"set %s v nx", "+OK\r\n"}, {"set %s v get", "$-1\r\n"},
		{"set %s v keepttl", "+OK\r\n"}, {"persist %s", ":0\r\n"}, {"expire %s 10", ":0\r\n"}, {"rename %s new", "-ERR no such key\r\n"},
		{"rename last %s", "+OK\r\n"}, {"copy %[1]s other", ":0\r\n"}, {"touch %s", ":0\r\n"}, {"ttl %s", ":-2\r\n"},
		{"object encoding %s", "$-1\r\n"}, {"type %s", "+none\r\n"}, {"getdel %s", "$-1\r\n"}, {"getex %s persist", "$-1\r\n"},
		{"setnx %s v", ":1\r\n"}, {"msetnx %s v", ":1\r\n"}, {"exists %s", ":0\r\n"}, {"strlen %s", ":0\r\n"},
		{"setbit %s 8 1", ":0\r\n"}, {"incrbyfloat %s 1.5", "$3\r\n1.5\r\n"}, {"getset %s w", "$-1\r\n"}, {"setex %s 10 w", "+OK\r\n"},
	} {
		key := waiting[len(waiting)-1-i]
		if got := apply(m, fmt.Sprintf(step.line, key)); got != step.reply {
			t.Errorf("%s on a key that waits for removal: %q, want %q", step.line, got, step.reply)
		}
		if want, made := madeOfDeadKey[step.line]; made {
			if got := apply(m, "get "+key); got != fmt.Sprintf("$%d\r\n%s\r\n", len(want), want) {
				t.Errorf("%s on a key that waits for removal makes %q, want %q", step.line, got, want)
			}
		}
		if e := m.keys.get(placeOf([]byte(key))); e != nil && !e.dueAt(m.logTime) && key != "last" {
			if ttl := apply(m, "ttl "+key); ttl != ":-1\r\n" && step.line != "rename last %s" && step.line != "setex %s 10 w" {
				t.Errorf("%s: the dead key's deadline was inherited: ttl %q", step.line, ttl)
			}
		}
	}
	checkInvariants(t, m)
}

// TestTheEndOfTime: the last stamp there is takes every deadline with it and does no harm.
func TestTheEndOfTime(t *testing.T) {
	m := New()
	m.Advance(1, 1000)
	apply(m, "set k v pxat 9223372036854775807")
	apply(m, "set l v")
	m.Advance(2, math.MaxInt64)
	m.Advance(3, math.MinInt64)
	if got := apply(m, "mget k l"); got != "*2\r\n$-1\r\n$1\r\nv\r\n" || m.LogTime() != math.MaxInt64 {
		t.Errorf("at the end of time: %q", got)
	}
	if got := apply(m, "expire l 1"); got != "-ERR invalid expire time in 'expire' command\r\n" {
		t.Errorf("a deadline after the end of time: %q", got)
	}
	if got := apply(m, "ttl l"); got != ":-1\r\n" {
		t.Errorf("ttl at the end of time: %q", got)
	}
	reload(t, m)
}

// TestDeadlinesComeInOrder: keys go in the order (deadline, key), so replicas that remove only some
// of the due keys remove the same ones.
func TestDeadlinesComeInOrder(t *testing.T) {
	g := newGenerator(3, 500)
	m := New()
	m.Advance(1, 1000)
	for range 5000 {
		k := g.key()
		switch g.IntN(4) {
		case 0:
			apply(m, "persist "+k)
		case 1:
			apply(m, "del "+k)
		default:
			apply(m, fmt.Sprintf("set %s v px %d", k, 1+g.IntN(50)))
		}
	}
	checkInvariants(t, m)
	d := &m.keys.deadlines
	var last record
	for d.count > 0 {
		next := d.record(d.item(0))
		if last != nil && (next.deadline() < last.deadline() || next.deadline() == last.deadline() && string(next.key()) <= string(last.key())) {
			t.Fatalf("key %q (%d) came after %q (%d)", next.key(), next.deadline(), last.key(), last.deadline())
		}
		last = next
		d.drop(next)
	}
}
