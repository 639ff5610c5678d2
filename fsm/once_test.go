package fsm

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
)

// once runs a command line as a sequence of a session and returns its RESP2 reply.
func once(m *Machine, session, sequence uint64, line string) string {
	var w Writer
	m.ApplyOnce(session, sequence, words(line), &w)
	return string(w.Buf)
}

// withSession returns a machine at log time 1,000,000 in which session 1 is open.
func withSession(t *testing.T) *Machine {
	t.Helper()
	m := New()
	m.Advance(1, 1_000_000)
	if got := apply(m, "session open"); got != ":1\r\n" {
		t.Fatalf("SESSION OPEN: %q", got)
	}
	return m
}

// TestOnceRunsOnce: a repeated sequence gives the reply of its first run, also if that was an error, and changes nothing.
func TestOnceRunsOnce(t *testing.T) {
	m := withSession(t)
	for _, step := range []struct {
		sequence    uint64
		line, reply string
	}{
		{1, "append k a", ":1"},
		{1, "append k a", ":1"},
		{3, "append k b", ":2"},
		{2, "incr k", "-ERR value is not an integer or out of range"},
		{4, "set k 7", "+OK"},
		{2, "incr k", "-ERR value is not an integer or out of range"},
		{5, "incr k", ":8"},
		{5, "incr k", ":8"},
		{3, "append k b", ":2"},
		{6, "nosuch", "-ERR unknown command 'nosuch', with args beginning with: "},
		{7, "get k", "$1\r\n8"},
		{8, "getdel k", "$1\r\n8"},
		{7, "get k", "$1\r\n8"},
		{9, "get k", "$-1"},
		{0, "append k c", "-" + errSequence},
		{10, "session open", ":2"},
		{10, "session open", ":2"},
		{11, "session close 1", ":1"},
		{11, "session close 1", "-" + errNoSession},
	} {
		if got := once(m, 1, step.sequence, step.line); got != step.reply+"\r\n" {
			t.Errorf("%d %s: %q, want %q", step.sequence, step.line, got, step.reply)
		}
		m = reload(t, m)
	}
	for _, session := range []uint64{1, 3, math.MaxUint64} {
		if got := once(m, session, 12, "append k x"); got != "-"+errNoSession+"\r\n" {
			t.Errorf("a command of session %d, which is not there: %q", session, got)
		}
	}
	if once(m, 0, 1, "append k a") != ":1\r\n" || once(m, 0, 1, "append k a") != ":2\r\n" {
		t.Error("without a session a command is not simply run")
	}
	checkInvariants(t, m)
}

// TestOnceWindow: the 128 sequences up to the highest one may come in any order and each runs once; one below them is
// never run, whether it was before or not.
func TestOnceWindow(t *testing.T) {
	expired := "-" + errOnceExpired
	for _, test := range []struct {
		name  string
		steps string // "sequence reply", where the command is APPEND k x
	}{
		{"from the first on", "1 :1; 128 :2; 1 :1; 2 :3; 129 :4; 1 EXPIRED; 2 :3; 130 :5; 2 EXPIRED; 3 :6"},
		{"a gap is filled", "1000 :1; 873 :2; 872 EXPIRED; 873 :2; 999 :3; 1001 :4; 873 EXPIRED; 874 :5; 874 :5; 1000 :1"},
		{"a leap leaves all behind", "5 :1; 6 :2; 134 :3; 5 EXPIRED; 6 EXPIRED; 7 :4; 134 :3"},
		{"the highest sequences", "18446744073709551615 :1; 18446744073709551488 :2; 18446744073709551487 EXPIRED; 18446744073709551615 :1"},
	} {
		m := withSession(t)
		for _, step := range strings.Split(test.steps, "; ") {
			var sequence uint64
			var want string
			fmt.Sscan(step, &sequence, &want)
			if want == "EXPIRED" {
				want = expired
			}
			if got := once(m, 1, sequence, "append k x"); got != want+"\r\n" {
				t.Errorf("%s: %d: %q, want %q", test.name, sequence, got, want)
			}
			checkInvariants(t, m)
			m = reload(t, m)
		}
	}
}

func TestOnceStatus(t *testing.T) {
	m := withSession(t)
	once(m, 1, 200, "append k x")
	once(m, 1, 201, "incr k")
	once(m, 1, 202, "getrange k 5 9")
	once(m, 1, 203, "get n")
	var w Writer
	m.Apply([][]byte{[]byte("set"), []byte("big"), make([]byte, sessionReplyMax)}, &w)
	once(m, 1, 204, "get big")
	for _, step := range []struct{ line, reply string }{
		{"once status 1 200", "*2|$4|done|:1"},
		{"once status 1 201", "*2|$4|done|-ERR value is not an integer or out of range"},
		{"once status 1 202", "*2|$4|done|$0|"},
		{"once status 1 203", "*2|$4|done|$-1"},
		{"once status 1 204", "*2|$4|done|-" + errOnceLost},
		{"ONCE Status 1 76", "*1|$7|expired"},
		{"once status 1 77", "*1|$14|unknown-to-log"},
		{"once status 1 205", "*1|$14|unknown-to-log"},
		{"once status 2 1", "-" + errNoSession},
		{"once status 0 1", "-" + errSessionID},
		{"once status 1 0", "-" + errSequence},
		{"once status 1 01", "-" + errSequence},
		{"once status 1 +1", "-" + errSequence},
		{"once status 1 18446744073709551616", "-" + errSequence},
		{"once status x 1", "-" + errSessionID},
		{"once status 1", "-ERR wrong number of arguments for 'once|status' command"},
		{"once 1 5 set k v", "-ERR unknown subcommand '1'. Try ONCE HELP."},
	} {
		want := strings.ReplaceAll(step.reply, "|", "\r\n") + "\r\n"
		want = strings.ReplaceAll(want, "once\r\nstatus", "once|status")
		if got, due := read(m, math.MaxInt64, step.line); due || got != want {
			t.Errorf("%s: %q, want %q", step.line, got, want)
		}
	}
	if got := once(m, 1, 300, "once status 1 203"); got != "*2\r\n$4\r\ndone\r\n$-1\r\n" {
		t.Errorf("ONCE STATUS as a sequence: %q", got)
	}
	checkInvariants(t, m)
}

func TestSessionCommands(t *testing.T) {
	transcript(t, 2, `
		session open            => :1
		SESSION Open TTL 1      => :2
		session open ttl 604800 => :3
		session close 2         => :1
		session close 2         => :0
		session close 9         => :0
		session open            => :4
		session open ttl 0      => -ERR TTL must be from 1 to 604800 seconds
		session open ttl 604801 => -ERR TTL must be from 1 to 604800 seconds
		session open ttl x      => -ERR value is not an integer or out of range
		session open ttl        => -ERR syntax error
		session open 60         => -ERR syntax error
		session open ex 60      => -ERR syntax error
		session close           => -ERR wrong number of arguments for 'session|close' command
		session close x         => -ERR session must be an unsigned 64-bit integer above zero
		session close -1        => -ERR session must be an unsigned 64-bit integer above zero
		session                 => -ERR wrong number of arguments for 'session' command
		session list            => -ERR unknown subcommand 'list'. Try SESSION HELP.
		flushall                => +OK
		session close 3         => :1
		session help extra      => -ERR wrong number of arguments for 'session|help' command
	`)
	for _, line := range []string{"session help", "once help"} {
		if reply, _ := read(New(), 0, line); !strings.HasPrefix(reply, "*8\r\n+"+strings.ToUpper(line[:4])) {
			t.Errorf("%s: %q", line, reply)
		}
	}
	if reply, _ := read(New(), 0, "session open"); !strings.HasPrefix(reply, "-ERR command 'session|open' writes") {
		t.Errorf("SESSION OPEN as a read: %q", reply)
	}
}

// TestOnceDeadlines: a relative deadline counts from the stamp of the entry that ran the command first.
func TestOnceDeadlines(t *testing.T) {
	m := withSession(t)
	once(m, 1, 1, "set k v px 5000")
	m.Advance(2, 1_003_000)
	once(m, 1, 1, "set k v px 5000")
	if got := apply(m, "pexpiretime k"); got != ":1005000\r\n" {
		t.Errorf("a repetition moved the deadline: %q", got)
	}
	m.Advance(3, 1_005_000)
	once(m, 1, 1, "set k v px 5000")
	if got := apply(m, "get k"); got != "$-1\r\n" {
		t.Errorf("a repetition brought an expired key back: %q", got)
	}
}

// TestOnceKeepsTheSameForAll: a replica keeps the same bytes whether its client speaks RESP2 or RESP3 or there is none, and
// what it replies at first is what it replies to a repetition.
func TestOnceKeepsTheSameForAll(t *testing.T) {
	big := strings.Repeat("x", sessionReplyMax)
	lines := []string{
		"session open", "set k v", "get k", "get none", "incrbyfloat f 1.5", "mget k none f", "lcs k k idx",
		"mset a 1 b 2 c 3 d 4", "randomkey", "bitfield k overflow fail incrby u2 0 3 get u8 0", "hello", "incr k", "randomkey", "randomkey", "scan 0", "keys *",
		"set big " + big, "set big y get", "append big " + big[:sessionReplyMax-10], "get big", "mget k big none", "append big " + big, "mget k big none big k",
		"lcs k k idx withmatchlen minmatchlen 1", "object help", "touch k", "once status 1 3", "session close 7",
	}
	writers := []Writer{{Proto: 2}, {Proto: 3}, {Discard: true}}
	machines := []*Machine{withSession(t), withSession(t), withSession(t)}
	for i, line := range lines {
		for j, m := range machines {
			m.Advance(uint64(i+2), int64(i))
			if j == 0 {
				read(m, 0, "randomkey") // what one of them is asked beside the log must not show
			}
			w, plain := writers[j], writers[j]
			w.Buf, plain.Buf = []byte("before"), []byte("before")
			if args := words(line); Lookup(args[0]) != nil && !Lookup(args[0]).Writes() && string(args[0]) != "session" && line != "randomkey" {
				m.Apply(args, &plain)
			} else {
				plain.Buf = nil
			}
			m.ApplyOnce(1, uint64(i+1), words(line), &w)
			if plain.Buf != nil && !bytes.Equal(plain.Buf, w.Buf) {
				t.Errorf("%s: under ONCE the reply is %.80q, without it %.80q", line, w.Buf, plain.Buf)
			}
			if w.final != nil || w.Proto != writers[j].Proto || w.Discard != writers[j].Discard {
				t.Fatalf("%.80s: the writer was changed", line)
			}
			again := writers[j]
			again.Buf = []byte("before")
			m.ApplyOnce(1, uint64(i+1), words(line), &again)
			if s := m.sessions.get(1); s.done[i].reply == "" {
				if want := "before-" + errOnceLost + "\r\n"; !again.Discard && string(again.Buf) != want {
					t.Errorf("%.80s: a repetition gives %.80q, want %q", line, again.Buf, want)
				}
			} else if !bytes.Equal(w.Buf, again.Buf) {
				t.Errorf("%.80s: first %.80q, then %.80q", line, w.Buf, again.Buf)
			}
			if again.Discard != (string(again.Buf) == "before") {
				t.Errorf("%.80s: discard %v, and the reply is %.80q", line, again.Discard, again.Buf)
			}
			checkInvariants(t, m)
		}
		if a, b, c := machines[0].Digest(), machines[1].Digest(), machines[2].Digest(); a != b || b != c {
			t.Fatalf("%.80s: replicas differ by what their clients speak", line)
		}
	}
}

// TestOnceWithoutAClientTakesNoMemory: a replica does not make a long reply that nobody waits for.
func TestOnceWithoutAClientTakesNoMemory(t *testing.T) {
	m := withSession(t)
	m.Apply([][]byte{[]byte("set"), []byte("k"), make([]byte, 64<<20)}, &Writer{Discard: true})
	args := words("mget k k k k k k k k k k k k k k k k")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m.ApplyOnce(1, 1, args, &Writer{Discard: true})
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes for a reply that nobody reads", n)
	}
}
