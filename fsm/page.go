package fsm

import (
	"bytes"
	"encoding/binary"

	"redoubt/fsm/slab"
)

// page is a node of the tree of keys: a group of slots, a branch below a slot, or a leaf with items.
//
//	page  := epoch(4) count(4 bytes; the highest bit is set in a leaf) (kid(8)* | item(8)*)
//	item  := tag(24 bits) fresh(1 bit) record(39 bits)
//
// The count is the number of keys below. A kid is the handle of a page, or zero. Items are sorted by hash and then by key.
// A tag is what follows in the hash behind the bits that chose the leaf. Fresh: no View that the leaf's epoch
// is behind of knows the record. Pages of an epoch that is shared with a View are never changed.
type page []byte

const (
	pageHead  = 8
	leafBit   = 1 << 31
	linkBytes = 8
	tagBits   = 24
	freshBit  = 1 << slab.HandleBits
)

const (
	// leafItemsMax is how many items a leaf holds before it splits, as long as hash bits are left.
	leafItemsMax = 64
	// leafMergeItems is how few keys a branch holds when it becomes a leaf again. It is well below
	// leafItemsMax, so that a page at the border does not split and merge in turn.
	leafMergeItems = 24
	// branchBits of the hash choose the child of a branch, highest bits first.
	branchBits  = 3
	branchWidth = 1 << branchBits
	// branchDepthMax is the depth at which the 64 bits of the hash are used up. A leaf there grows
	// without splitting.
	branchDepthMax = 64 / branchBits
	// groupSlots is how many slots share a group.
	groupSlots = 128
	groups     = Slots / groupSlots
)

// item is a leaf's reference to a record.
type item uint64

func newItem(tag uint64, record slab.Handle, fresh bool) item {
	it := item(tag<<(64-tagBits)) | item(record)
	if fresh {
		it |= freshBit
	}
	return it
}

func (it item) tag() uint64         { return uint64(it >> (64 - tagBits)) }
func (it item) fresh() bool         { return it&freshBit != 0 }
func (it item) record() slab.Handle { return slab.Handle(it & (freshBit - 1)) }

// tagOf returns the tag of a hash in a leaf at a depth.
func tagOf(hash uint64, depth int) uint64 { return hash << (depth * branchBits) >> (64 - tagBits) }

// childIndex picks the child of a branch at a depth.
func childIndex(hash uint64, depth int) int {
	return int(hash << (depth * branchBits) >> (64 - branchBits))
}

func (p page) epoch() uint32         { return binary.LittleEndian.Uint32(p) }
func (p page) setEpoch(epoch uint32) { binary.LittleEndian.PutUint32(p, epoch) }
func (p page) isLeaf() bool          { return p[7]&(leafBit>>24) != 0 }
func (p page) count() int            { return int(binary.LittleEndian.Uint32(p[4:]) &^ leafBit) }

// setCount sets the number of keys of a page, and what the page is.
func (p page) setCount(n int, leaf bool) {
	word := uint32(n)
	if leaf {
		word |= leafBit
	}
	binary.LittleEndian.PutUint32(p[4:], word)
}

func (p page) link(i int) uint64       { return binary.LittleEndian.Uint64(p[pageHead+i*linkBytes:]) }
func (p page) setLink(i int, n uint64) { binary.LittleEndian.PutUint64(p[pageHead+i*linkBytes:], n) }

func (p page) kid(i int) slab.Handle         { return slab.Handle(p.link(i)) }
func (p page) setKid(i int, kid slab.Handle) { p.setLink(i, uint64(kid)) }
func (p page) item(i int) item               { return item(p.link(i)) }
func (p page) setItem(i int, it item)        { p.setLink(i, uint64(it)) }

// pageSize returns the bytes of a page with so many kids or items.
func pageSize(links int) int { return pageHead + links*linkBytes }

// tree is the keys of a keyspace or of a View, in the order (slot, hash, key).
type tree struct {
	count  int
	groups [groups]slab.Handle
	// pages and records find the blocks of both.
	pages, records *slab.Reader
	// hash is the order of keys inside a slot.
	hash func(key []byte) uint64
}

func (t *tree) page(h slab.Handle) page     { return t.pages.Bytes(h) }
func (t *tree) record(h slab.Handle) record { return t.records.Bytes(h) }

// data returns the value of a record that is no integer. It must not be changed, and is gone when the record is.
func (t *tree) data(r record) []byte {
	if r.has(flagOut) {
		o := r.outline()
		return t.records.Bytes(o.handle)[:o.length:o.length]
	}
	from, n := r.valueAt()
	return r[from : from+n : from+n]
}

// seek returns the first of the items of a leaf at a depth whose hash is not below one.
func (t *tree) seek(p page, depth int, hash uint64) int {
	tag := tagOf(hash, depth)
	low, high := 0, p.count()
	for low < high {
		middle := int(uint(low+high) / 2)
		it := p.item(middle)
		if it.tag() < tag || it.tag() == tag && t.hash(t.record(it.record()).key()) < hash {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// search finds where a key is or belongs among the items of a leaf at a depth. It looks at the records of items with the
// key's tag only, and at few of them, however many there are.
func (t *tree) search(p page, depth int, at place) (i int, found bool) {
	tag := tagOf(at.hash, depth)
	low, high := 0, p.count()
	for low < high {
		middle := int(uint(low+high) / 2)
		it := p.item(middle)
		before := it.tag() < tag
		if it.tag() == tag {
			key := t.record(it.record()).key()
			if bytes.Equal(key, at.key) {
				return middle, true
			}
			h := t.hash(key)
			before = h < at.hash || h == at.hash && bytes.Compare(key, at.key) < 0
		}
		if before {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, false
}

// slotPage returns the root page of a slot, or nil.
func (t *tree) slotPage(slot int) page {
	if g := t.groups[slot/groupSlots]; g != 0 {
		if root := t.page(g).kid(slot % groupSlots); root != 0 {
			return t.page(root)
		}
	}
	return nil
}

// get returns the record at a place, or nil.
func (t *tree) get(at place) record {
	w := way{hash: at.hash, page: t.slotPage(at.slot)}
	for w.descend(t) {
	}
	if w.page == nil {
		return nil
	}
	if i, found := t.search(w.page, w.depth, at); found {
		return t.record(w.page.item(i).record())
	}
	return nil
}

// way is how far the lookup of a key has come.
type way struct {
	hash  uint64
	page  page
	depth int
}

// descend goes from a branch to the page below it, and reports whether it did.
func (w *way) descend(t *tree) bool {
	if w.page == nil || w.page.isLeaf() {
		return false
	}
	kid := w.page.kid(childIndex(w.hash, w.depth))
	if kid == 0 {
		w.page = nil
		return false
	}
	w.page = t.page(kid)
	w.depth++
	return true
}

// walk calls visit for each key from (slot, hash) on, in order, until it returns false.
func (t *tree) walk(slot int, hash uint64, visit func(slot int, r record) bool) {
	for ; slot < Slots; slot++ {
		if t.groups[slot/groupSlots] == 0 {
			slot |= groupSlots - 1
		} else if p := t.slotPage(slot); p != nil && !t.walkPage(p, 0, slot, hash, visit) {
			return
		}
		hash = 0
	}
}

// walkPage is walk below a page of a slot.
func (t *tree) walkPage(p page, depth, slot int, hash uint64, visit func(slot int, r record) bool) bool {
	if p.isLeaf() {
		n := p.count()
		i := 0
		if hash != 0 {
			i = t.seek(p, depth, hash)
		}
		for ; i < n; i++ {
			if !visit(slot, t.record(p.item(i).record())) {
				return false
			}
		}
		return true
	}
	first := childIndex(hash, depth)
	for i := first; i < branchWidth; i++ {
		if i > first {
			hash = 0
		}
		if kid := p.kid(i); kid != 0 && !t.walkPage(t.page(kid), depth+1, slot, hash, visit) {
			return false
		}
	}
	return true
}

// nth returns the position of the n-th key, from zero; n must be below count.
func (t *tree) nth(n int) (slot int, r record) {
	for g, group := range t.groups {
		if group == 0 {
			continue
		}
		p := t.page(group)
		if n >= p.count() {
			n -= p.count()
			continue
		}
		width := groupSlots
		for slot = g * groupSlots; ; {
			i := 0
			i, n = t.kidOf(p, width, n)
			if width == groupSlots {
				slot += i
			}
			width = branchWidth
			if p = t.page(p.kid(i)); p.isLeaf() {
				return slot, t.record(p.item(n).record())
			}
		}
	}
	panic("BUG: fsm: key counts of the groups and of the keyspace disagree")
}

// kidOf returns the kid that the n-th key of a page is below, and the key's number there.
func (t *tree) kidOf(p page, width, n int) (kid, rest int) {
	for i := range width {
		if k := p.kid(i); k != 0 {
			count := t.page(k).count()
			if n < count {
				return i, n
			}
			n -= count
		}
	}
	panic("BUG: fsm: key counts of pages disagree")
}
