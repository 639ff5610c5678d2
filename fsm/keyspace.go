package fsm

import "redoubt/fsm/slab"

// keyspace is the keys of a machine. What is shared with a View is copied before it is changed: pages carry the epoch they
// were made in, and an owned leaf's items say whether their records were made since. What a View may still read is given
// back when it is released (limbo.go).
//
// There is not one pointer a key in it: pages and records are blocks of two heaps, found by handles.
type keyspace struct {
	tree
	epochs
	memory Memory
	// pageHeap and recordHeap hold the blocks that the tree reads.
	pageHeap, recordHeap *slab.Heap
	limbo                limbo
	deadlines            deadlineIndex
	// bytes is the logical size of all records.
	bytes int64
	// numbers is the sum of all values that are held as integers, modulo 2^64, for Checksum.
	numbers uint64
	// edited is the record that is being changed: one at a time.
	edited entry
	// scratch holds a record while it is taken to another place.
	scratch []byte
}

// Memory is where a machine's keys are: it gives out spans of bytes and takes them back (slab.Memory).
type Memory = slab.Memory

func newKeyspace(memory Memory) keyspace {
	k := keyspace{epochs: epochs{epoch: 1}, memory: memory}
	k.hash = hashKey
	k.empty()
	return k
}

// empty begins with no keys.
func (k *keyspace) empty() {
	k.pageHeap, k.recordHeap = slab.NewHeap(k.memory), slab.NewHeap(k.memory)
	k.tree = tree{pages: &k.pageHeap.Reader, records: &k.recordHeap.Reader, hash: k.hash}
	k.deadlines = deadlineIndex{records: k.records}
	k.bytes, k.numbers = 0, 0
}

// clear removes all keys. Their memory goes back bit by bit.
func (k *keyspace) clear() {
	k.limbo.retire(k.epoch, k.pageHeap, k.recordHeap)
	k.empty()
}

// view returns the tree for reading beside what happens to the keyspace from now on.
func (k *keyspace) view() tree {
	t := k.tree
	pages, records := *t.pages, *t.records
	t.pages, t.records = &pages, &records
	return t
}

// spot is where a leaf hangs, for changing. The pages above it are owned.
type spot struct {
	parent page
	link   int
	// leaf is an owned page at a depth below its slot, or nil if there is none yet.
	leaf  page
	depth int
}

// descend owns the pages above a place, and the leaf with room for items more. It adds change to the keys counted above the leaf.
func (k *keyspace) descend(at place, change, items int) spot {
	g := &k.groups[at.slot/groupSlots]
	if *g == 0 {
		*g, _ = k.newPage(groupSlots, false)
	}
	s := spot{link: at.slot % groupSlots}
	*g, s.parent = k.own(*g, groupSlots)
	s.parent.setCount(s.parent.count()+change, false)
	for s.parent.kid(s.link) != 0 {
		h := s.parent.kid(s.link)
		p := k.page(h)
		if p.isLeaf() {
			s.own(k, p.count()+items)
			break
		}
		h, p = k.own(h, branchWidth)
		s.parent.setKid(s.link, h)
		p.setCount(p.count()+change, false)
		if p.count() < leafMergeItems {
			k.merge(&s, p, p.count()-change)
			break
		}
		s.parent, s.link = p, childIndex(at.hash, s.depth)
		s.depth++
	}
	return s
}

// own makes the leaf at a spot one that no View knows, with room for so many items.
func (s *spot) own(k *keyspace, items int) {
	h := s.parent.kid(s.link)
	s.leaf = k.page(h)
	shared := s.leaf.epoch() <= k.shared
	if !shared && pageSize(items) <= len(s.leaf) {
		return
	}
	old := s.leaf
	h, s.leaf = k.newPage(items, true)
	n := old.count()
	copy(s.leaf[pageHead:], old[pageHead:pageSize(n)])
	s.leaf.setCount(n, true)
	if shared {
		for i := range n {
			s.leaf.setItem(i, s.leaf.item(i)&^freshBit)
		}
	}
	k.dropPage(s.parent.kid(s.link))
	s.parent.setKid(s.link, h)
}

// newPage makes a page without keys.
func (k *keyspace) newPage(links int, leaf bool) (slab.Handle, page) {
	h, block := k.pageHeap.Alloc(pageSize(links))
	p := page(block)
	p.setEpoch(k.epoch)
	p.setCount(0, leaf)
	if !leaf {
		clear(p[pageHead:])
	}
	return h, p
}

// own returns a group or a branch, or a copy if it is shared, for changing.
func (k *keyspace) own(h slab.Handle, width int) (slab.Handle, page) {
	p := k.page(h)
	if p.epoch() > k.shared {
		return h, p
	}
	copied, clone := k.newPage(width, false)
	copy(clone, p[:pageSize(width)])
	clone.setEpoch(k.epoch)
	k.dropPage(h)
	return copied, clone
}

// dropPage gives a page back that the tree does not hold any more.
func (k *keyspace) dropPage(h slab.Handle) {
	if k.page(h).epoch() > k.shared {
		k.pageHeap.Free(h)
	} else {
		k.limbo.add(k.epoch, h, true)
	}
}

// dropBlock gives a block of records back that the tree does not hold any more.
func (k *keyspace) dropBlock(h slab.Handle, owned bool) {
	if owned {
		k.recordHeap.Free(h)
	} else {
		k.limbo.add(k.epoch, h, false)
	}
}

// owns reports whether no View knows the record of an item of an owned leaf.
func (k *keyspace) owns(it item) bool { return k.shared == 0 || it.fresh() }

// insertRecord adds a record, made from fields, whose key is not there yet, in a block of at least room bytes.
func (k *keyspace) insertRecord(at place, f *fields, room int) *entry {
	s := k.descend(at, 1, 1)
	if s.leaf == nil {
		var h slab.Handle
		h, s.leaf = k.newPage(1, true)
		s.parent.setKid(s.link, h)
	}
	h, block := k.recordHeap.Alloc(max(f.size(), room))
	f.put(block)
	i, _ := k.search(s.leaf, s.depth, at)
	n := s.leaf.count()
	copy(s.leaf[pageSize(i+1):pageSize(n+1)], s.leaf[pageSize(i):pageSize(n)])
	s.leaf.setItem(i, newItem(tagOf(at.hash, s.depth), h, true))
	s.leaf.setCount(n+1, true)
	if n+1 > leafItemsMax && s.depth < branchDepthMax {
		k.split(&s)
		s = k.descend(at, 0, 0)
		i, _ = k.search(s.leaf, s.depth, at)
	}
	k.count++
	k.bytes += record(block).logicalSize()
	k.numbers += uint64(record(block).number())
	k.edited = entry{record: block, handle: h, leaf: s.leaf, at: i}
	return &k.edited
}

// split turns a full leaf into a branch.
func (k *keyspace) split(s *spot) {
	h, branch := k.newPage(branchWidth, false)
	n := s.leaf.count()
	branch.setCount(n, false)
	for from := 0; from < n; {
		child := int(s.leaf.item(from).tag() >> (tagBits - branchBits))
		to := from + 1
		for to < n && int(s.leaf.item(to).tag()>>(tagBits-branchBits)) == child {
			to++
		}
		kid, leaf := k.newPage(to-from, true)
		for i := from; i < to; i++ {
			it := s.leaf.item(i)
			hash := k.hash(k.record(it.record()).key())
			leaf.setItem(i-from, newItem(tagOf(hash, s.depth+1), it.record(), it.fresh()))
		}
		leaf.setCount(to-from, true)
		branch.setKid(child, kid)
		from = to
	}
	k.dropPage(s.parent.kid(s.link))
	s.parent.setKid(s.link, h)
}

// merge turns an owned branch with few keys, at a spot, back into a leaf with so many items.
func (k *keyspace) merge(s *spot, branch page, items int) {
	h, leaf := k.newPage(items, true)
	k.gather(leaf, branch, s.depth)
	if leaf.count() != items {
		panic("BUG: fsm: a branch counts keys that it has not")
	}
	k.dropPage(s.parent.kid(s.link))
	s.parent.setKid(s.link, h)
	s.leaf = leaf
}

// gather moves the items below a branch to a leaf at a depth, and drops the pages that they were in.
func (k *keyspace) gather(leaf, branch page, depth int) {
	for child := range branchWidth {
		kid := branch.kid(child)
		if kid == 0 {
			continue
		}
		p := k.page(kid)
		if !p.isLeaf() {
			k.gather(leaf, p, depth)
			k.dropPage(kid)
			continue
		}
		fresh, n := p.epoch() > k.shared, leaf.count()
		for i := range p.count() {
			it := p.item(i)
			hash := k.hash(k.record(it.record()).key())
			leaf.setItem(n+i, newItem(tagOf(hash, depth), it.record(), fresh && it.fresh()))
		}
		leaf.setCount(n+p.count(), true)
		k.dropPage(kid)
	}
}

// remove takes a key out that is there.
func (k *keyspace) remove(at place) {
	h, owned := k.unlink(at)
	r := k.record(h)
	if r.has(flagOut) {
		k.dropOutline(r.outline())
	}
	k.dropBlock(h, owned)
}

// unlink takes a key out of the tree and of the deadline index. The caller drops its blocks.
func (k *keyspace) unlink(at place) (h slab.Handle, owned bool) {
	s := k.descend(at, -1, 0)
	i, found := 0, false
	if s.leaf != nil {
		i, found = k.search(s.leaf, s.depth, at)
	}
	if !found {
		panic("BUG: fsm: removed key is not in its page")
	}
	it, n := s.leaf.item(i), s.leaf.count()
	h, owned = it.record(), k.owns(it)
	copy(s.leaf[pageSize(i):], s.leaf[pageSize(i+1):pageSize(n)])
	s.leaf.setCount(n-1, true)
	k.trim(&s)
	if g := &k.groups[at.slot/groupSlots]; k.page(*g).count() == 0 {
		k.dropPage(*g)
		*g = 0
	}
	r := k.record(h)
	if r.place() != 0 {
		k.deadlines.drop(r)
	}
	k.count--
	k.bytes -= r.logicalSize()
	k.numbers -= uint64(r.number())
	return h, owned
}

// trim gives a leaf that lost an item a smaller block if its own is much too large, and none if it is empty.
func (k *keyspace) trim(s *spot) {
	n, h := s.leaf.count(), s.parent.kid(s.link)
	switch {
	case n == 0:
		k.dropPage(h)
		s.parent.setKid(s.link, 0)
	case 2*pageSize(n) <= len(s.leaf):
		smaller, leaf := k.newPage(n, true)
		copy(leaf[pageHead:], s.leaf[pageHead:pageSize(n)])
		leaf.setCount(n, true)
		k.dropPage(h)
		s.parent.setKid(s.link, smaller)
		s.leaf = leaf
	}
}

// rename gives a key, which is there, another name, which is not.
func (k *keyspace) rename(from, to place, touched int64) {
	h, owned := k.unlink(from)
	r := k.record(h)
	k.scratch = append(k.scratch[:0], r[:r.recordSize()]...)
	k.dropBlock(h, owned)
	f := record(k.scratch).fields()
	deadline := f.deadline
	f.key, f.touched, f.deadline, f.place = to.key, touched, 0, 0
	k.setDeadline(k.insertRecord(to, &f, 0), deadline)
}
