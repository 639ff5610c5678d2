package fsm

import (
	"bytes"
	"slices"
	"testing"
)

// checkInvariants fails the test if the machine's structures disagree with each other.
func checkInvariants(t *testing.T, m *Machine) {
	t.Helper()
	k := &m.keys
	var count, deadlines int
	var size int64
	for g, group := range k.groups {
		if group == nil {
			continue
		}
		inGroup := 0
		for s, p := range group.slots {
			if p == nil {
				continue
			}
			checkPage(t, k, p, g*groupSlots+s, 0)
			inGroup += p.count
		}
		if inGroup == 0 || inGroup != group.count {
			t.Fatalf("group %d counts %d keys and has %d", g, group.count, inGroup)
		}
		count += inGroup
	}
	var last place
	k.walk(0, 0, func(slot int, it item) bool {
		at := placeOf([]byte(it.entry.key))
		if at.slot != slot || at.hash != it.hash {
			t.Fatalf("key %q is in the wrong place", it.entry.key)
		}
		if last.key != nil && !last.before(at) {
			t.Fatalf("key %q is out of order", it.entry.key)
		}
		last = at
		size += it.entry.size()
		if it.entry.deadline != 0 {
			deadlines++
			if d := k.deadlines.heap[it.entry.heapAt-1]; d.entry != it.entry || d.deadline != it.entry.deadline {
				t.Fatalf("key %q: the deadline index knows another entry or deadline", it.entry.key)
			}
		} else if it.entry.heapAt != 0 {
			t.Fatalf("key %q has no deadline and is in the index", it.entry.key)
		}
		return true
	})
	if count != k.count || deadlines != len(k.deadlines.heap) || size != k.bytes {
		t.Fatalf("keyspace says %d keys, %d deadlines, %d bytes; there are %d, %d, %d",
			k.count, len(k.deadlines.heap), k.bytes, count, deadlines, size)
	}
	for i := 1; i < len(k.deadlines.heap); i++ {
		if k.deadlines.heap[i].before(k.deadlines.heap[(i-1)/2]) {
			t.Fatal("the deadline index is no heap")
		}
	}
}

func checkPage(t *testing.T, k *keyspace, p *page, slot, depth int) {
	t.Helper()
	if p.kids == nil {
		if p.count != len(p.items) || p.count == 0 || p.count > pageItemsMax && depth < branchDepthMax {
			t.Fatalf("slot %d: leaf of %d items counts %d", slot, len(p.items), p.count)
		}
		return
	}
	sum := 0
	for i, kid := range p.kids {
		if kid == nil {
			continue
		}
		kid.walk(depth+1, slot, 0, func(_ int, it item) bool {
			if childIndex(it.hash, depth) != i {
				t.Fatalf("slot %d depth %d: key %q is below the wrong child", slot, depth, it.entry.key)
			}
			return true
		})
		checkPage(t, k, kid, slot, depth+1)
		sum += kid.count
	}
	if sum != p.count || p.items != nil {
		t.Fatalf("slot %d: branch counts %d keys and has %d", slot, p.count, sum)
	}
}

// image returns the canonical encoding of a machine.
func image(t testing.TB, m *Machine) []byte {
	t.Helper()
	v := m.View()
	defer v.Release()
	var b bytes.Buffer
	n, err := v.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo: %d of %d bytes, %v", n, b.Len(), err)
	}
	return b.Bytes()
}

// reload returns the machine that Load makes of a machine's image, and checks that nothing was lost.
func reload(t testing.TB, m *Machine) *Machine {
	t.Helper()
	b := image(t, m)
	n, err := Load(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	if !slices.Equal(b, image(t, n)) {
		t.Fatal("the image of a loaded machine differs from the image that it was loaded from")
	}
	return n
}
