package fsm

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"
)

// tightRoom lets replies grow to limit bytes, and remembers what it was asked for.
type tightRoom struct {
	limit int
	asked []int
}

func (r *tightRoom) Grow(size int) bool {
	r.asked = append(r.asked, size)
	return size <= r.limit
}

// roomMachine returns a machine with a long value and a long list of keys.
func roomMachine() *Machine {
	m := New()
	m.Advance(1, 1000)
	apply(m, "set big "+strings.Repeat("x", 1<<20))
	apply(m, "set other "+strings.Repeat("xy", 1<<19))
	for i := range 2000 {
		apply(m, fmt.Sprintf("set key%0100d v", i))
	}
	apply(m, "session open")
	return m
}

// differ reports whether two machines are in different states.
func differ(a, b *Machine) bool {
	_, one := a.Checksum()
	_, other := b.Checksum()
	return one != other
}

// TestP6RefusedRepliesAreNotMade: a reply that there is no memory for is not made, and the command does to the state what it does
// where nobody waits for its reply (P5).
func TestP6RefusedRepliesAreNotMade(t *testing.T) {
	const limit = 150_000
	for _, line := range []string{
		"get big", "mget big big", "keys *", "keys key*", "getrange big 0 -1", "substr big 0 -1",
		"set big v get", "getset big v", "getdel big", "getex big persist", "getex big ex 10", "scan 0 count 2000",
	} {
		m, same := roomMachine(), roomMachine()
		room := &tightRoom{limit: limit}
		w := &Writer{Room: room}
		m.Apply(words(line), w)
		if !w.Refused || cap(w.Buf) > limit {
			t.Errorf("%s: refused %v, with a buffer of %d bytes; want it refused, with at most %d", line, w.Refused, cap(w.Buf), limit)
		}
		written := len(w.Buf)
		if m.Apply(words("incr n"), w); len(w.Buf) != written {
			t.Errorf("%s: something was written after what is missing", line)
		}
		same.Apply(words(line), &Writer{Discard: true})
		apply(same, "incr n")
		if differ(m, same) {
			t.Errorf("%s: the state is another one where the reply was refused (P5)", line)
		}
	}
}

// TestRefusedRepliesAreKept: what a session keeps does not depend on the memory of who asked first.
func TestRefusedRepliesAreKept(t *testing.T) {
	m, same := roomMachine(), roomMachine()
	w := &Writer{Buf: make([]byte, freeReply), Room: &tightRoom{}}
	m.ApplyOnce(1, 1, words("append text abc"), w)
	m.ApplyOnce(1, 2, words("getset big v"), w)
	for sequence, line := range []string{"append text abc", "getset big v"} {
		same.ApplyOnce(1, uint64(sequence+1), words(line), &Writer{Discard: true})
	}
	if !w.Refused || differ(m, same) {
		t.Errorf("refused %v, and the states differ: %v (P5)", w.Refused, differ(m, same))
	}
}

// TestGrowthIsGeometric: a reply of many short strings does not move for each of them, not even where memory is short.
func TestGrowthIsGeometric(t *testing.T) {
	for _, limit := range []int{150_000, 200_000, 1 << 20} {
		room := &tightRoom{limit: limit}
		w := &Writer{Room: room}
		for range 100_000 {
			w.BulkString("a string")
		}
		if moves := 2 * 16 * bits.Len(uint(limit/freeReply)); !w.Refused || len(room.asked) > moves {
			t.Errorf("up to %d bytes: refused %v, asked %d times, want at most %d", limit, w.Refused, len(room.asked), moves)
		}
		if len(w.Buf) < limit*9/10 {
			t.Errorf("refused with %d bytes of %d", len(w.Buf), limit)
		}
	}
}

// TestLongRepliesAskOnce: where it is known how long a reply will be, its buffer does not grow again and again.
func TestLongRepliesAskOnce(t *testing.T) {
	m := roomMachine()
	for _, line := range []string{"get big", "mget big other big", "keys *", "getrange big 1 -2"} {
		room := &tightRoom{limit: 10 << 20}
		w := &Writer{Room: room}
		m.Read(0, words(line), w)
		if want := apply(m, line); string(w.Buf) != want || len(room.asked) != 1 {
			t.Errorf("%s: %d bytes of %d, asked for %d; want to ask once", line, len(w.Buf), len(want), room.asked)
		}
	}
}
