package fsm

import (
	"fmt"
	"testing"
)

// TestHashCollisions: keys whose hashes collide in all bits that pages split by are kept and found.
func TestHashCollisions(t *testing.T) {
	k := newKeyspace(nil)
	k.hash = func([]byte) uint64 { return 42 }
	k.empty()
	var places []place
	for i := range 500 {
		at := place{key: fmt.Appendf(nil, "%03d", i*7%500), hash: 42, slot: 7}
		k.insert(at, 0, 0)
		places = append(places, at)
	}
	last := ""
	k.walk(0, 0, func(_ int, r record) bool {
		if string(r.key()) <= last {
			t.Fatalf("%q after %q", r.key(), last)
		}
		last = string(r.key())
		return true
	})
	for i, at := range places {
		r := k.get(at)
		if r == nil || string(r.key()) != string(at.key) {
			t.Fatalf("key %q is not found", at.key)
		}
		k.remove(at)
		if k.get(at) != nil || k.count != len(places)-1-i {
			t.Fatalf("key %q is still there", at.key)
		}
	}
}

// TestKeyspaceAgainstMap compares a machine with a plain map while keys of one slot come by the
// thousand and go again, so that pages split and merge, with and without views.
func TestKeyspaceAgainstMap(t *testing.T) {
	g := newGenerator(7, 0)
	m := New()
	m.Advance(1, 1000)
	model := make(map[string]string)
	for round := range 12 {
		var v *View
		if round%3 == 1 {
			v = m.View()
		}
		for range 3000 {
			key := fmt.Sprintf("{tag}%d", g.IntN(4000))
			// Odd rounds mostly delete, even rounds mostly add.
			if g.IntN(10) < 2+6*(round%2) {
				_, there := model[key]
				if got := apply(m, "del "+key); (got == ":1\r\n") != there {
					t.Fatalf("round %d: DEL %s: %q, there before: %v", round, key, got, there)
				}
				delete(model, key)
				continue
			}
			model[key] = g.value()
			m.Apply([][]byte{[]byte("set"), []byte(key), []byte(model[key])}, &Writer{Discard: true})
		}
		if v != nil {
			v.Release()
		}
		checkInvariants(t, m)
		if m.keys.count != len(model) || m.CountKeysInSlot(Slot([]byte("tag"))) != len(model) {
			t.Fatalf("round %d: %d keys, the model has %d", round, m.keys.count, len(model))
		}
		for key, value := range model {
			if got, want := apply(m, "get "+key), fmt.Sprintf("$%d\r\n%s\r\n", len(value), value); got != want {
				t.Fatalf("round %d: GET %s: %q, want %q", round, key, got, want)
			}
		}
	}
	apply(m, "flushall")
	checkInvariants(t, m)
}
