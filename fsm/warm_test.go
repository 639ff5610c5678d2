package fsm

import (
	"bytes"
	"fmt"
	"testing"
)

// TestWarmChangesNothing: whatever keys there are, at whatever depth, and whatever is asked for.
func TestWarmChangesNothing(t *testing.T) {
	m := New()
	m.Advance(1, 1000)
	m.Warm([][]byte{[]byte("none"), nil})
	for i := range 3000 { // of one slot, so that there are branches
		apply(m, fmt.Sprintf("set {tag}%d %d", i, i))
	}
	m.Apply([][]byte{[]byte("set"), []byte("large"), bytes.Repeat([]byte("x"), 100_000)}, &Writer{Discard: true})
	apply(m, "set other o ex 100")
	v := m.View()
	defer v.Release()
	before := image(t, m)
	keys := [][]byte{nil, []byte("large"), []byte("other"), []byte("none"), []byte("{tag}none")}
	for i := range 4000 {
		keys = append(keys, fmt.Appendf(nil, "{tag}%d", i))
	}
	m.Warm(keys)
	if !bytes.Equal(image(t, m), before) {
		t.Error("Warm changed the state")
	}
	checkInvariants(t, m)
	if n := testing.AllocsPerRun(10, func() { m.Warm(keys) }); n > 0 {
		t.Errorf("Warm allocates %v times", n)
	}
}

// TestWarmFindsRecords: keys that are there are read, others are not.
func TestWarmFindsRecords(t *testing.T) {
	m := New()
	m.Advance(1, 1000)
	for i := range 3000 {
		apply(m, fmt.Sprintf("set {tag}%d %d", i, i))
	}
	there, missing := [][]byte{[]byte("{tag}1"), []byte("{tag}2999")}, [][]byte{[]byte("none"), []byte("nobody"), []byte("{tag}none"), []byte("{tag}nobody")}
	if m.Warm(there) == 0 {
		t.Error("records that are there were not read")
	}
	if m.Warm(missing) != 0 {
		t.Error("records of keys that are not there were read")
	}
}

func TestKeysToWarm(t *testing.T) {
	batch := AppendBatchHeader(nil)
	for _, words := range []string{"set a 1", "flushall", "del b c d", "append e x"} {
		batch = AppendCommand(batch, 7, 1, bytes.Fields([]byte(words)))
	}
	room := make([][]byte, 0, 8)
	for _, test := range []struct {
		dst  [][]byte
		data []byte
		want string
	}{
		{room, batch, "[a b e]"},
		{room[:0:2], batch, "[a b]"},
		{nil, batch, "[]"},
		{room, batch[:len(batch)-1], "[a b e]"},
		{room, batch[:3], "[]"},
		{room, nil, "[]"},
		{room, []byte{99}, "[]"},
		{room, AppendCheckedBatchHeader(nil, 1, 2), "[]"},
	} {
		if got := fmt.Sprintf("%s", AppendKeysToWarm(test.dst, test.data)); got != test.want {
			t.Errorf("of %q with room for %d: %s, want %s", test.data, cap(test.dst), got, test.want)
		}
	}
}
