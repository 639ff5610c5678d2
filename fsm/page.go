package fsm

import (
	"bytes"
	"slices"

	"github.com/cespare/xxhash/v2"
)

const (
	// pageItemsMax is how many items a leaf holds before it splits, as long as hash bits are left.
	pageItemsMax = 64
	// pageMergeItems is how few keys a branch holds when it becomes a leaf again. It is well below
	// pageItemsMax, so that a page at the border does not split and merge in turn.
	pageMergeItems = 24
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

// hashKey is the order of keys inside a slot. It is a fixed function, so that iteration order (and
// with it snapshots and SCAN cursors) depends on the keys alone and is the same on every replica.
// The price: somebody who can write keys can choose ones whose hashes collide. Lookups then stay
// logarithmic, but inserting into the crowded leaf moves its items. A seed in the log would end that.
func hashKey(key []byte) uint64 { return xxhash.Sum64(key) }

// place is where a key belongs in the keyspace.
type place struct {
	key  []byte
	hash uint64
	slot int
}

func placeOf(key []byte) place {
	return place{key: key, hash: hashKey(key), slot: Slot(key)}
}

// before reports whether a place comes before another in the order of the keyspace.
func (a place) before(b place) bool {
	if a.slot != b.slot {
		return a.slot < b.slot
	}
	if a.hash != b.hash {
		return a.hash < b.hash
	}
	return bytes.Compare(a.key, b.key) < 0
}

// item is a leaf's reference to an entry, with the hash that orders it.
type item struct {
	hash  uint64
	entry *entry
}

// page is a node of a slot's trie: a branch if kids is set, else a leaf. Pages of an epoch that is
// shared with a View are never changed.
type page struct {
	// count is the number of keys below.
	count int
	kids  *[branchWidth]*page
	// items are sorted by hash and then by key.
	items []item
	epoch uint32
}

// group is a run of slots that is copied as one when a View shares it.
type group struct {
	count int
	epoch uint32
	slots [groupSlots]*page
}

// tree is the keys of a keyspace or of a View, in the order (slot, hash, key).
type tree struct {
	count  int
	groups [groups]*group
}

// childIndex picks the child of a branch at a depth.
func childIndex(hash uint64, depth int) int {
	return int(hash << (depth * branchBits) >> (64 - branchBits))
}

// search finds where a key is or belongs among a leaf's items.
func (p *page) search(hash uint64, key []byte) (at int, found bool) {
	low, high := 0, len(p.items)
	for low < high {
		middle := int(uint(low+high) / 2)
		it := &p.items[middle]
		if it.hash < hash || it.hash == hash && it.entry.key < string(key) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(p.items) && p.items[low].hash == hash && p.items[low].entry.key == string(key)
}

// slotPage returns the root page of a slot, or nil.
func (t *tree) slotPage(slot int) *page {
	if g := t.groups[slot/groupSlots]; g != nil {
		return g.slots[slot%groupSlots]
	}
	return nil
}

// get returns the entry at a place, or nil.
func (t *tree) get(at place) *entry {
	p := t.slotPage(at.slot)
	for depth := 0; p != nil && p.kids != nil; depth++ {
		p = p.kids[childIndex(at.hash, depth)]
	}
	if p == nil {
		return nil
	}
	if i, found := p.search(at.hash, at.key); found {
		return p.items[i].entry
	}
	return nil
}

// walk calls visit for each key from (slot, hash) on, in order, until it returns false.
func (t *tree) walk(slot int, hash uint64, visit func(slot int, it item) bool) {
	for ; slot < Slots; slot++ {
		g := t.groups[slot/groupSlots]
		if g == nil {
			slot |= groupSlots - 1
			hash = 0
			continue
		}
		if !g.slots[slot%groupSlots].walk(0, slot, hash, visit) {
			return
		}
		hash = 0
	}
}

func (p *page) walk(depth, slot int, hash uint64, visit func(slot int, it item) bool) bool {
	if p == nil {
		return true
	}
	if p.kids == nil {
		start := 0
		if hash != 0 {
			start, _ = p.search(hash, nil)
		}
		for _, it := range p.items[start:] {
			if !visit(slot, it) {
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
		if !p.kids[i].walk(depth+1, slot, hash, visit) {
			return false
		}
	}
	return true
}

// nth returns the position of the n-th key, from zero; n must be below count.
func (t *tree) nth(n int) (slot int, it item) {
	for g, group := range t.groups {
		if group == nil || n >= group.count {
			if group != nil {
				n -= group.count
			}
			continue
		}
		for s, p := range group.slots {
			if p == nil || n >= p.count {
				if p != nil {
					n -= p.count
				}
				continue
			}
			return g*groupSlots + s, p.nth(n)
		}
	}
	panic("BUG: fsm: key counts of slots and groups disagree")
}

func (p *page) nth(n int) item {
	if p.kids == nil {
		return p.items[n]
	}
	for _, kid := range p.kids {
		if kid == nil {
			continue
		}
		if n < kid.count {
			return kid.nth(n)
		}
		n -= kid.count
	}
	panic("BUG: fsm: key counts of pages disagree")
}

// splitPage turns a full leaf into a branch. The page must be owned.
func splitPage(p *page, depth int, epoch uint32) {
	kids := new([branchWidth]*page)
	for items := p.items; len(items) > 0; {
		child := childIndex(items[0].hash, depth)
		n := 1
		for n < len(items) && childIndex(items[n].hash, depth) == child {
			n++
		}
		kids[child] = &page{count: n, items: slices.Clone(items[:n]), epoch: epoch}
		items = items[n:]
	}
	p.kids, p.items = kids, nil
}

// mergePage turns a branch with few keys back into a leaf. The page must be owned.
func mergePage(p *page) {
	items := make([]item, 0, p.count)
	p.walk(0, 0, 0, func(_ int, it item) bool {
		items = append(items, it)
		return true
	})
	p.kids, p.items = nil, items
}
