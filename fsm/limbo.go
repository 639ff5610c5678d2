package fsm

import "redoubt/fsm/slab"

const (
	// batchHandles is how many handles of limbo stand in one array.
	batchHandles = 1024
	pageMark     = 1 << 63
)

// limbo is what the keyspace does not hold any more and Views may still read: blocks, in the order in which
// they were dropped, and the heaps of a keyspace that was emptied. It is given back bit by bit once no View from before
// the drop lives, so that no command and no Release takes long.
type limbo struct {
	batches []batch
	retired []retired
}

// batch is handles that were dropped in an epoch; those of pages carry a mark.
type batch struct {
	epoch   uint32
	handles []slab.Handle
}

type retired struct {
	epoch uint32
	heap  *slab.Heap
}

// add takes a block that was dropped in an epoch.
func (l *limbo) add(epoch uint32, h slab.Handle, isPage bool) {
	if isPage {
		h |= pageMark
	}
	last := len(l.batches) - 1
	if last < 0 || l.batches[last].epoch != epoch || len(l.batches[last].handles) == batchHandles {
		l.batches = append(l.batches, batch{epoch, make([]slab.Handle, 0, batchHandles)})
		last++
	}
	l.batches[last].handles = append(l.batches[last].handles, h)
}

// retire takes whole heaps, with all that was dropped of them before.
func (l *limbo) retire(epoch uint32, heaps ...*slab.Heap) {
	l.batches = nil
	for _, heap := range heaps {
		l.retired = append(l.retired, retired{epoch, heap})
	}
}

func (l *limbo) empty() bool { return len(l.batches) == 0 && len(l.retired) == 0 }

// heapBlocks is how many blocks a span of a retired heap counts for in settle.
const heapBlocks = 64

// settle gives back up to about max blocks that no View can read.
func (k *keyspace) settle(max int) {
	l := &k.limbo
	for max > 0 && len(l.retired) > 0 && k.forgotten(l.retired[0].epoch) {
		if l.retired[0].heap.Drop(max/heapBlocks + 1) {
			l.retired[0].heap = nil
			l.retired = l.retired[1:]
		}
		max -= max/heapBlocks*heapBlocks + heapBlocks
	}
	for max > 0 && len(l.batches) > 0 && k.forgotten(l.batches[0].epoch) {
		b := &l.batches[0]
		for ; max > 0 && len(b.handles) > 0; max-- {
			last := len(b.handles) - 1
			if h := b.handles[last]; h&pageMark != 0 {
				k.pageHeap.Free(h &^ pageMark)
			} else {
				k.recordHeap.Free(h)
			}
			b.handles = b.handles[:last]
		}
		if len(b.handles) == 0 {
			b.handles = nil
			l.batches = l.batches[1:]
		}
	}
	if l.empty() {
		*l = limbo{}
	}
}

// forgotten reports whether no View lives that began before an epoch.
func (e *epochs) forgotten(epoch uint32) bool {
	for _, view := range e.views {
		if view < epoch {
			return false
		}
	}
	return true
}

const (
	// tidyBlocks is how many blocks each command gives back or moves at most. A command drops at most a few,
	// so that what waits becomes less.
	tidyBlocks = 8
	// advanceBlocks is the same for an entry of the log.
	advanceBlocks = 64
	// releaseBlocks is how many blocks the end of a View gives back at once.
	releaseBlocks = 4096
)

// tidy gives back what waits for that, and moves blocks of spans that are nearly empty together. What was found
// in the keyspace before is gone then.
func (k *keyspace) tidy(max int) {
	if !k.limbo.empty() {
		k.settle(max)
		return
	}
	if k.shared != 0 {
		return // blocks that Views know stay where they are
	}
	if k.recordHeap.Sparse() {
		k.recordHeap.Evacuate(max, k.moveRecord)
	}
	if k.pageHeap.Sparse() {
		k.pageHeap.Evacuate(max, k.movePage)
	}
}

// moveRecord takes a record to another block.
func (k *keyspace) moveRecord(h slab.Handle) {
	r := k.record(h)
	e := k.edit(k.placeOf(r.key()))
	if e == nil || e.handle != h {
		panic("BUG: fsm: a record is not where its key is")
	}
	size := r.recordSize()
	to, block := k.recordHeap.Alloc(size)
	copy(block, r[:size])
	k.replace(e, to, block, true)
}

// movePage takes a page to another block.
func (k *keyspace) movePage(h slab.Handle) {
	p := k.page(h)
	to, block := k.pageHeap.Alloc(len(p))
	copy(block, p)
	at := k.placeOf(k.someKey(p))
	link := &k.groups[at.slot/groupSlots]
	if *link == h {
		*link = to
		k.pageHeap.Free(h)
		return
	}
	above, i := k.page(*link), at.slot%groupSlots
	for depth := 0; above.kid(i) != h; depth++ {
		above = k.page(above.kid(i))
		if above.isLeaf() {
			panic("BUG: fsm: a page is not where its keys are")
		}
		i = childIndex(at.hash, depth)
	}
	above.setKid(i, to)
	k.pageHeap.Free(h)
}

func (k *keyspace) placeOf(key []byte) place {
	return place{key: key, hash: k.hash(key), slot: Slot(key)}
}

// someKey returns a key below a page.
func (k *keyspace) someKey(p page) []byte {
	for !p.isLeaf() {
		i := 0
		for p.kid(i) == 0 {
			i++
		}
		p = k.page(p.kid(i))
	}
	return k.record(p.item(0).record()).key()
}
