package slab

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// counting is a Memory that knows how many spans are out.
type counting struct{ out int }

func (c *counting) Take() []byte { c.out++; return bytes.Repeat([]byte{0xa5}, SpanBytes) }
func (c *counting) Give(span []byte) {
	if len(span) != SpanBytes {
		panic("not a span")
	}
	c.out--
}

func TestClasses(t *testing.T) {
	for size := 1; size <= BlockMax; size++ {
		c := classOf(size)
		if int(classBytes[c]) < size || c > 0 && int(classBytes[c-1]) >= size {
			t.Fatalf("size %d is in class %d of %d bytes", size, c, classBytes[c])
		}
		if waste := int(classBytes[c]) - size; waste >= max(unitBytes, size/8+1) {
			t.Fatalf("size %d wastes %d bytes", size, waste)
		}
	}
	if int(classBytes[classCount-1]) != BlockMax {
		t.Fatalf("the largest class has %d bytes", classBytes[classCount-1])
	}
}

// owner is what a user of a heap knows: its blocks and what is in them.
type owner struct {
	t      *testing.T
	heap   *Heap
	blocks map[Handle]block
	order  []Handle
	next   byte
}

type block struct {
	size int
	fill byte
	at   int // in order
}

func newOwner(t *testing.T, memory Memory) *owner {
	return &owner{t: t, heap: NewHeap(memory), blocks: make(map[Handle]block)}
}

func (o *owner) alloc(size int) {
	h, data := o.heap.Alloc(size)
	if _, taken := o.blocks[h]; taken || h == 0 || len(data) < size || len(data) != cap(data) {
		o.t.Fatalf("block %x of %d bytes (taken: %v) for %d", h, len(data), taken, size)
	}
	o.next++
	for i := range data {
		data[i] = o.next
	}
	o.blocks[h] = block{len(data), o.next, len(o.order)}
	o.order = append(o.order, h)
}

func (o *owner) free(h Handle) {
	o.check(h)
	b := o.blocks[h]
	last := o.order[len(o.order)-1]
	moved := o.blocks[last]
	moved.at = b.at
	o.blocks[last], o.order[b.at] = moved, last
	o.order = o.order[:len(o.order)-1]
	delete(o.blocks, h)
	o.heap.Free(h)
}

func (o *owner) check(h Handle) {
	b, data := o.blocks[h], o.heap.Bytes(h)
	if len(data) != b.size || bytes.Count(data, []byte{b.fill}) != b.size {
		o.t.Fatalf("block %x changed", h)
	}
}

func (o *owner) move(h Handle) {
	b, ok := o.blocks[h]
	if !ok {
		o.t.Fatalf("asked to move %x, which is free", h)
	}
	o.free(h)
	o.alloc(b.size)
}

// spanRoom returns the bytes of blocks in spans, and of the spans.
func (o *owner) spanRoom() (used, held int64) {
	held = o.heap.held
	for h, b := range o.blocks {
		if h&largeBit != 0 {
			held -= int64(b.size)
		} else {
			used += int64(b.size)
		}
	}
	return used, held
}

// TestHeapKeepsBlocks: blocks of random sizes, which come, go and are moved, never overlap and keep what is in them.
func TestHeapKeepsBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	memory := &counting{}
	o := newOwner(t, memory)
	for round := range 30 {
		grow := round%3 != 2
		for range 3000 {
			if len(o.order) == 0 || grow == (random.IntN(4) > 0) {
				size := 1 + random.IntN(200)
				if random.IntN(20) == 0 {
					size = 1 + random.IntN(6000)
				}
				o.alloc(size)
			} else {
				o.free(o.order[random.IntN(len(o.order))])
			}
			if random.IntN(4) == 0 {
				o.heap.Evacuate(random.IntN(8), o.move)
			}
		}
		for h := range o.blocks {
			o.check(h)
		}
	}
	for len(o.order) > 0 {
		o.free(o.order[0])
	}
	if _, held := o.spanRoom(); held != stashMax*SpanBytes || memory.out != stashMax {
		t.Errorf("an empty heap holds %d bytes, %d spans", held, memory.out)
	}
}

// TestFragmentationIsBounded: after nine of ten blocks went and others of another size came, at most a quarter of the
// spans' bytes and some spans a class are not in use.
func TestFragmentationIsBounded(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	memory := &counting{}
	o := newOwner(t, memory)
	for _, size := range []int{128, 96, 300, 24, 1000} {
		for range 20_000 {
			o.alloc(size)
		}
		for range 18_000 {
			o.free(o.order[random.IntN(len(o.order))])
			o.heap.Evacuate(4, o.move)
		}
		o.heap.Evacuate(1<<20, o.move)
		used, held := o.spanRoom()
		if allowed := used*4/3 + (2+sparseSpans)*5*SpanBytes + stashMax*SpanBytes; held > allowed {
			t.Errorf("after blocks of %d bytes: %d bytes are in use, %d are held; allowed are %d", size, used, held, allowed)
		}
	}
}

func TestDropGivesEverythingBack(t *testing.T) {
	memory := &counting{}
	o := newOwner(t, memory)
	for i := range 5000 {
		o.alloc(100 + i%5*50)
	}
	for range 3000 {
		o.free(o.order[0])
	}
	calls := 1
	for ; !o.heap.Drop(3); calls++ {
	}
	if memory.out != 0 || calls < 3 {
		t.Errorf("%d spans are still out after %d calls", memory.out, calls)
	}
}

func TestReaderOutlivesGrowth(t *testing.T) {
	heap := NewHeap(nil)
	h, data := heap.Alloc(100)
	data[0] = 7
	reader := heap.Reader
	for range 10_000 {
		heap.Alloc(100)
	}
	if reader.Bytes(h)[0] != 7 || &reader.Bytes(h)[0] != &heap.Bytes(h)[0] {
		t.Error("a copied reader does not find a block any more")
	}
}

func TestNoAllocationPerBlock(t *testing.T) {
	heap := NewHeap(nil)
	heap.Alloc(100)
	if n := testing.AllocsPerRun(1000, func() {
		h, _ := heap.Alloc(100)
		heap.Free(h)
	}); n != 0 {
		t.Errorf("a block costs %v allocations", n)
	}
}

func BenchmarkAllocFree(b *testing.B) {
	heap := NewHeap(nil)
	ring := make([]Handle, 100_000)
	for i := range ring {
		ring[i], _ = heap.Alloc(128)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at := i * 7919 % len(ring)
		heap.Free(ring[at])
		ring[at], _ = heap.Alloc(128)
	}
}
