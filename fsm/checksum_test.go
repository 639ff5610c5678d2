package fsm

import (
	"fmt"
	"testing"
)

// sumOf returns the checksum of a machine.
func sumOf(m *Machine) uint64 {
	_, sum := m.Checksum()
	return sum
}

// TestChecksumFollowsFromTheState: after any history the sum is the same on a replica that discards replies, has views open, or
// was loaded from an image of the state.
func TestChecksumFollowsFromTheState(t *testing.T) {
	g := newGenerator(3, 300)
	leader, follower := New(), New()
	var views []*View
	for index := uint64(1); index <= 600; index++ {
		entry := AppendBatchHeader(nil)
		for range g.IntN(20) {
			entry = AppendCommand(entry, uint64(g.IntN(6)), uint64(g.IntN(200)), g.command())
		}
		if g.IntN(20) == 0 {
			entry = AppendCommand(entry, 0, 0, words(fmt.Sprint("session open ttl ", 1+g.IntN(4))))
		}
		now := 1_000_000 + int64(index)*9
		var replies Writer
		applyEntry(t, leader, index, now, entry, &replies)
		applyEntry(t, follower, index, now, entry, &Writer{Discard: true})
		if i, sum := leader.Checksum(); i != index || sum != sumOf(follower) {
			t.Fatalf("index %d: the follower's sum differs", index)
		}
		switch g.IntN(20) {
		case 0:
			if follower = reload(t, follower); sumOf(follower) != sumOf(leader) {
				t.Fatalf("index %d: the sum of a loaded machine differs", index)
			}
			views = nil
		case 1:
			views = append(views, follower.View())
		case 2:
			for _, v := range views {
				v.Release()
			}
			views = nil
		}
	}
	checkInvariants(t, leader)
	apply(leader, "flushall")
	checkInvariants(t, leader)
}

// TestChecksumShowsDivergence: what two replicas may come to disagree in shows in the first sum after it, or, where only the
// contents of one of many values differ, in one of the next thousand.
func TestChecksumShowsDivergence(t *testing.T) {
	build := func() *Machine {
		m := New()
		m.Advance(1, 1_000_000)
		for i := range 1000 {
			apply(m, fmt.Sprintf("set key%d value%d", i, i))
		}
		apply(m, "mset n 5 due x big "+string(make([]byte, 3000)))
		apply(m, "pexpire due 5000")
		apply(m, "session open")
		once(m, 1, 1, "append log x")
		once(m, 1, 2, "get key1")
		m.Advance(2, 1_000_100)
		return m
	}
	recordOf := func(m *Machine, key string) record { return m.keys.get(placeOf([]byte(key))) }
	dataOf := func(m *Machine, key string) []byte { return m.keys.data(recordOf(m, key)) }
	for _, test := range []struct {
		name    string
		sums    int
		diverge func(m *Machine)
	}{
		{"a command applied twice", 1, func(m *Machine) { apply(m, "append log x") }},
		{"an increment applied twice", 1, func(m *Machine) { apply(m, "incr n") }},
		{"a lost key", 1, func(m *Machine) { apply(m, "del key77") }},
		{"another deadline", 1, func(m *Machine) { apply(m, "pexpire due 5001") }},
		{"no deadline", 1, func(m *Machine) { apply(m, "persist due") }},
		{"another log time", 1, func(m *Machine) { m.logTime++ }},
		{"a lost session", 1, func(m *Machine) { apply(m, "session close 1") }},
		{"a session too many", 1, func(m *Machine) { apply(m, "session open") }},
		{"another reply kept", 1, func(m *Machine) { m.sessions.get(1).done[1].reply = "$6\r\nvalue2\r\n" }},
		{"a session not renewed", 1, func(m *Machine) { m.sessions.get(1).active-- }},
		{"another value", 1000, func(m *Machine) { dataOf(m, "key77")[0] ^= 1 }},
		{"another time of the last write", 1000, func(m *Machine) { recordOf(m, "key77")[headBytes-touchedBits/8]++ }},
		{"another name", 1000, func(m *Machine) { apply(m, "rename key77 key88888"); apply(m, "set key88888 value77") }},
		{"one bit of a long value", 10_000, func(m *Machine) { dataOf(m, "big")[1500] ^= 1 }},
	} {
		good, bad := build(), build()
		test.diverge(bad)
		seen := 0
		for i := range uint64(test.sums) {
			good.index, bad.index = 2+i, 2+i
			if sumOf(good) != sumOf(bad) {
				seen++
			}
		}
		if seen == 0 {
			t.Errorf("%s does not show in %d sums", test.name, test.sums)
		}
	}
	if a, b := build(), build(); sumOf(a) != sumOf(b) {
		t.Error("equal machines have different sums")
	}
}

func BenchmarkChecksum(b *testing.B) {
	m, _ := filled(b)
	for b.Loop() {
		m.index++
		m.Checksum()
	}
}
