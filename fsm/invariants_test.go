package fsm

import (
	"bytes"
	"slices"
	"testing"

	"redoubt/fsm/slab"
)

// checkInvariants fails the test if the machine's structures disagree with each other.
func checkInvariants(t *testing.T, m *Machine) {
	t.Helper()
	checkSessions(t, m)
	k := &m.keys
	c := checker{t: t, k: k, seen: make(map[slab.Handle]bool)}
	for g, h := range k.groups {
		if h == 0 {
			continue
		}
		c.once(h | pageMark)
		p := k.page(h)
		inGroup := 0
		for s := range groupSlots {
			if kid := p.kid(s); kid != 0 {
				inGroup += c.page(kid, g*groupSlots+s, 0)
			}
		}
		if inGroup == 0 || inGroup != p.count() || p.isLeaf() {
			t.Fatalf("group %d counts %d keys and has %d", g, p.count(), inGroup)
		}
		c.count += inGroup
	}
	c.walk()
	for _, b := range k.limbo.batches {
		for _, h := range b.handles {
			c.once(h)
		}
	}
	if c.count != k.count || c.deadlines != k.deadlines.count || c.size != k.bytes {
		t.Fatalf("keyspace says %d keys, %d deadlines, %d bytes; there are %d, %d, %d",
			k.count, k.deadlines.count, k.bytes, c.count, c.deadlines, c.size)
	}
	if c.numbers != k.numbers || c.deadlineSum != k.deadlines.sum {
		t.Fatalf("keyspace sums up integers to %d and deadlines to %d; they are %d, %d", k.numbers, k.deadlines.sum, c.numbers, c.deadlineSum)
	}
	for i := 1; i < k.deadlines.count; i++ {
		if k.deadlines.before(k.deadlines.item(i), k.deadlines.item((i-1)/2)) {
			t.Fatal("the deadline index is no heap")
		}
	}
	if blocks := k.pageHeap.Blocks() + k.recordHeap.Blocks(); blocks != len(c.seen) {
		t.Fatalf("the heaps have %d blocks in use, the keyspace and its limbo %d", blocks, len(c.seen))
	}
}

// checker goes through a keyspace.
type checker struct {
	t *testing.T
	k *keyspace
	// seen are the blocks that were met; those of pages carry a mark.
	seen                 map[slab.Handle]bool
	count, deadlines     int
	size                 int64
	numbers, deadlineSum uint64
}

// once notes that a block was met.
func (c *checker) once(h slab.Handle) {
	if c.seen[h] {
		c.t.Fatalf("block %x is there twice", h)
	}
	c.seen[h] = true
}

// page checks a page below a slot, and returns its count.
func (c *checker) page(h slab.Handle, slot, depth int) int {
	c.t.Helper()
	c.once(h | pageMark)
	k, p := c.k, c.k.page(h)
	if p.isLeaf() {
		if p.count() == 0 || p.count() > leafItemsMax && depth < branchDepthMax || pageSize(p.count()) > len(p) {
			c.t.Fatalf("slot %d: leaf of %d bytes counts %d", slot, len(p), p.count())
		}
		for i := range p.count() {
			it := p.item(i)
			c.once(it.record())
			if tag := tagOf(k.hash(k.record(it.record()).key()), depth); tag != it.tag() {
				c.t.Fatalf("slot %d depth %d: tag %x where %x belongs", slot, depth, it.tag(), tag)
			}
		}
		return p.count()
	}
	sum := 0
	for i := range branchWidth {
		if p.kid(i) == 0 {
			continue
		}
		k.walkPage(k.page(p.kid(i)), depth+1, slot, 0, func(_ int, r record) bool {
			if childIndex(k.hash(r.key()), depth) != i {
				c.t.Fatalf("slot %d depth %d: key %q is below the wrong child", slot, depth, r.key())
			}
			return true
		})
		sum += c.page(p.kid(i), slot, depth+1)
	}
	if sum != p.count() || sum < leafMergeItems {
		c.t.Fatalf("slot %d: branch counts %d keys and has %d", slot, p.count(), sum)
	}
	return sum
}

// walk checks the records.
func (c *checker) walk() {
	c.t.Helper()
	k := c.k
	var last place
	k.walk(0, 0, func(slot int, r record) bool {
		at := placeOf(r.key())
		if at.slot != slot || k.get(at) == nil || &k.get(at)[0] != &r[0] {
			c.t.Fatalf("key %q is in the wrong place", r.key())
		}
		if last.key != nil && !last.before(at) {
			c.t.Fatalf("key %q is out of order", r.key())
		}
		last = at
		c.size += r.logicalSize()
		c.numbers += uint64(r.number())
		c.deadlineSum += uint64(r.deadline())
		if r.has(flagOut) {
			c.once(r.outline().handle)
		}
		if r.has(flagDeadline) {
			c.deadlines++
			if d := k.deadlines.item(int(r.place()) - 1); &k.record(d.record)[0] != &r[0] || d.deadline != r.deadline() {
				c.t.Fatalf("key %q: the deadline index knows another record or deadline", r.key())
			}
		}
		return true
	})
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
