package fsm

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestSessionsExpireByLogTime: a session lives for its time to live after the stamp of the last entry that named it, and
// nothing else renews or ends it.
func TestSessionsExpireByLogTime(t *testing.T) {
	m := New()
	m.Advance(1, 1_000_000)
	apply(m, "session open ttl 10")
	apply(m, "session open ttl 20")
	step := func(index uint64, now int64, session uint64, want string) {
		t.Helper()
		m.Advance(index, now)
		if got := once(m, session, index, "append k x"); got != want+"\r\n" {
			t.Errorf("index %d at %d: %q, want %q", index, now, got, want)
		}
		checkInvariants(t, m)
		m = reload(t, m)
	}
	step(2, 1_009_999, 1, ":1")
	step(3, 1_019_998, 1, ":2")
	step(4, 1_019_999, 2, ":3")
	step(5, 1_000_000, 1, ":4") // a stamp that goes back counts as the last one
	if got, due := read(m, math.MaxInt64, "once status 1 5"); due || !strings.Contains(got, "done") {
		t.Errorf("a reader's clock ended a session: %q", got)
	}
	if got := m.NextDeadline(); got != 1_029_999 {
		t.Errorf("the next deadline is %d", got)
	}
	step(6, 1_029_998, 2, ":5")
	if got, _ := read(m, 0, "once status 1 5"); !strings.Contains(got, "done") {
		t.Errorf("a session ended early: %q", got)
	}
	step(7, 1_029_999, 1, "-"+errNoSession)
	step(8, 1_029_000, 1, "-"+errNoSession)
	if got, _ := read(m, 0, "once status 1 5"); got != "-"+errNoSession+"\r\n" {
		t.Errorf("a session that has expired: %q", got)
	}
	step(9, 1_049_998, 2, "-"+errNoSession)
	if s := m.Stats(); s.Sessions != 0 || s.SessionReplyBytes != 0 || m.NextDeadline() != math.MaxInt64 {
		t.Errorf("after all sessions expired: %+v", s)
	}
	if got := apply(m, "session open"); got != ":3\r\n" {
		t.Errorf("the next session is %q: an id was used again", got)
	}
}

// TestManySessionsExpire: one entry removes so many and no more; those that wait are gone all the same, and replicas agree
// on which they are.
func TestManySessionsExpire(t *testing.T) {
	m := New()
	m.Advance(1, 1_000_000)
	g := rand.New(rand.NewPCG(1, 1))
	const count = 2500
	for range count {
		apply(m, "session open ttl 10")
	}
	for i, id := range g.Perm(count) {
		if i < 900 {
			m.Advance(uint64(i+2), 1_000_000+int64(i/30))
			once(m, uint64(id+1), 1, "incr k")
		}
	}
	other := reload(t, m)
	for entry := range uint64(4) {
		for _, m := range []*Machine{m, other} {
			m.Advance(2000+entry, 1_020_000)
			if left := max(count-int(entry+1)*expirePerEntry, 0); m.sessions.count != left {
				t.Errorf("after entry %d there are %d sessions, want %d", entry, m.sessions.count, left)
			}
			if s := m.Stats(); s.Sessions != 0 {
				t.Errorf("Stats counts %d sessions that are gone", s.Sessions)
			}
			if got := once(m, count, 9, "incr k"); got != "-"+errNoSession+"\r\n" {
				t.Errorf("a session that waits for its removal: %q", got)
			}
			checkInvariants(t, m)
		}
		if m.Digest() != other.Digest() {
			t.Fatalf("entry %d: a replica that was loaded expires other sessions", entry)
		}
	}
}

func TestTooManySessions(t *testing.T) {
	m := New()
	m.sessions.limits.sessions = 3
	m.Advance(1, 1_000_000)
	for want := 1; want <= 3; want++ {
		apply(m, fmt.Sprint("session open ttl ", 10*want))
	}
	const full = "-ERR max number of sessions reached\r\n"
	if got := apply(m, "session open"); got != full {
		t.Errorf("a session too many: %q", got)
	}
	apply(m, "session close 3")
	if got := apply(m, "session open"); got != ":4\r\n" {
		t.Errorf("after one was closed: %q", got)
	}
	m.logTime = 1_010_000 // session 1 is due, and not yet removed
	if got := apply(m, "session open"); got != ":5\r\n" {
		t.Errorf("after one expired: %q", got)
	}
	if got := apply(m, "session open"); got != full {
		t.Errorf("a session too many again: %q", got)
	}
	checkInvariants(t, m)
}

// TestRepliesAreLostOldestFirst: the bounds on kept replies hold, and a command whose reply was lost is not run again.
func TestRepliesAreLostOldestFirst(t *testing.T) {
	m := withSession(t)
	m.sessions.limits = sessionLimits{sessions: 9, perSession: 250, total: 400}
	apply(m, "session open")
	value := strings.Repeat("v", 93) // a reply of 100 bytes, with its head
	apply(m, "set k "+value)
	reply := "$93\r\n" + value + "\r\n"
	lost := "-" + errOnceLost + "\r\n"
	for _, step := range []struct {
		session, sequence uint64
		reply             string
	}{
		{1, 2, reply}, {1, 1, reply}, {1, 2, reply}, {1, 3, reply}, // the third of session 1: its lowest sequence goes
		{1, 1, lost}, {1, 2, reply},
		{2, 1, reply}, {2, 2, reply}, {2, 3, reply}, // the third of session 2 likewise
		{2, 1, lost}, {2, 3, reply},
		{1, 2, reply}, {1, 3, reply}, // now session 1 is the newer one
	} {
		if got := once(m, step.session, step.sequence, "get k"); got != step.reply {
			t.Errorf("%d.%d: %.40q, want %.40q", step.session, step.sequence, got, step.reply)
		}
		checkInvariants(t, m)
	}
	m.sessions.limits.total = 350
	m.View() // from here on everything is copied first
	if got := once(m, 1, 4, "incr n"); got != ":1\r\n" {
		t.Errorf("INCR: %q", got)
	}
	for sequence, want := range map[uint64]string{1: lost, 2: lost, 3: reply} {
		if got := once(m, 2, sequence, "get k"); got != want {
			t.Errorf("2.%d after the total was exceeded: %.40q, want %.40q", sequence, got, want)
		}
	}
	checkInvariants(t, m)
	if s := m.Stats(); s.Sessions != 2 || s.SessionReplyBytes != 304 {
		t.Errorf("Stats: %+v", s)
	}
}

// manySessions returns a machine with the most sessions there may be, all of which have run a command.
func manySessions(tb testing.TB) *Machine {
	tb.Helper()
	m := New()
	m.Advance(1, 1_000_000)
	w := Writer{Discard: true}
	open, incr := words("session open"), words("incr k")
	for id := range uint64(defaultSessionLimits.sessions) {
		m.Apply(open, &w)
		m.ApplyOnce(id+1, 1, incr, &w)
	}
	return m
}

// TestViewOfManySessions: a view of the most sessions there may be costs nothing at once, and what changes under it is copied
// once.
func TestViewOfManySessions(t *testing.T) {
	m := manySessions(t)
	checkInvariants(t, m)
	if n := testing.AllocsPerRun(10, func() { m.View().Release() }); n > 3 {
		t.Errorf("a view takes %v allocations", n)
	}
	want := image(t, m)
	v := m.View()
	w := Writer{Discard: true}
	args := words("set k v")
	m.ApplyOnce(77, 2, args, &w)
	sequence := uint64(2)
	if n := testing.AllocsPerRun(50, func() { sequence++; m.ApplyOnce(77, sequence, args, &w) }); n > 1 {
		t.Errorf("a session that was copied for the view once costs %v allocations for each further command", n)
	}
	for id := uint64(1); id <= 5000; id++ {
		m.ApplyOnce(id*19, 2, args, &w)
		apply(m, fmt.Sprint("session close ", id*7))
	}
	for range 3 {
		m.Advance(m.Index()+1, 5_000_000)
	}
	var got bytes.Buffer
	if _, err := v.WriteTo(&got); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the view shows what came after it (%v)", err)
	}
	v.Release()
	checkInvariants(t, m)
	reload(t, m)
}

// TestSessionsUnderViewsBeside: views of sessions are written out while sessions go on. Under -race this also shows that they
// share nothing unsafely.
func TestSessionsUnderViewsBeside(t *testing.T) {
	m := New()
	g := rand.New(rand.NewPCG(2, 2))
	w := Writer{Discard: true}
	run := func() {
		for range 2000 {
			m.Advance(m.Index()+1, m.LogTime()+int64(g.IntN(20)))
			if g.IntN(10) == 0 {
				m.Apply(words(fmt.Sprint("session open ttl ", 1+g.IntN(30))), &w)
			}
			m.ApplyOnce(m.sessions.lastID-min(uint64(g.IntN(50)), m.sessions.lastID), uint64(1+g.IntN(300)), words("append k x"), &w)
		}
	}
	run()
	for range 5 {
		want := image(t, m)
		v := m.View()
		done := make(chan error)
		go func() {
			var b bytes.Buffer
			_, err := v.WriteTo(&b)
			if err == nil && !bytes.Equal(b.Bytes(), want) {
				err = io.ErrNoProgress
			}
			done <- err
		}()
		run()
		if err := <-done; err != nil {
			t.Errorf("a view shows what came after it (%v)", err)
		}
		v.Release()
		checkInvariants(t, m)
	}
}

func BenchmarkOnce(b *testing.B) {
	m := manySessions(b)
	w := Writer{Discard: true}
	args := [][]byte{[]byte("SET"), []byte("k"), bytes.Repeat([]byte("w"), 100)}
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		m.ApplyOnce(i*7919%100_000+1, i/100_000+2, args, &w)
	}
}
