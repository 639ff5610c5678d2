package fsm

import "slices"

// keyspace is the keys of a machine. What is shared with a View is copied before it is changed:
// groups, pages, entries and arrays carry the epoch they were made in, and everything up to the
// epoch of the newest living View is shared.
type keyspace struct {
	tree
	deadlines deadlineIndex
	// epoch stamps what is made now. It grows with each View.
	epoch uint32
	// shared is the epoch of the newest living View, or zero.
	shared uint32
	// views are the epochs of the living Views.
	views []uint32
	// bytes is the logical size of all entries.
	bytes int64
}

func newKeyspace() keyspace { return keyspace{epoch: 1} }

// share makes a copy of the tree that later changes do not show in.
func (k *keyspace) share() (t tree, epoch uint32) {
	epoch = k.epoch
	k.views = append(k.views, epoch)
	k.shared = epoch
	k.epoch++
	return k.tree, epoch
}

// unshare ends the copy that was made at an epoch.
func (k *keyspace) unshare(epoch uint32) {
	i := slices.Index(k.views, epoch)
	if i < 0 {
		panic("BUG: fsm: view released twice")
	}
	k.views = slices.Delete(k.views, i, i+1)
	k.shared = 0
	if len(k.views) > 0 {
		k.shared = slices.Max(k.views)
	}
}

// ownGroup returns the group of a slot for changing. It makes one if there is none.
func (k *keyspace) ownGroup(slot int) *group {
	at := &k.groups[slot/groupSlots]
	switch {
	case *at == nil:
		*at = &group{epoch: k.epoch}
	case (*at).epoch <= k.shared:
		clone := **at
		clone.epoch = k.epoch
		*at = &clone
	}
	return *at
}

// ownPage returns the page, or a copy if it is shared, for changing.
func (k *keyspace) ownPage(p *page) *page {
	if p.epoch > k.shared {
		return p
	}
	clone := &page{count: p.count, epoch: k.epoch}
	if p.kids != nil {
		kids := *p.kids
		clone.kids = &kids
	} else {
		clone.items = append(make([]item, 0, len(p.items)+1), p.items...)
	}
	return clone
}

// ownEntry returns the entry of an owned leaf's item, or a copy if it is shared, for changing.
func (k *keyspace) ownEntry(it *item) *entry {
	if it.entry.epoch > k.shared {
		return it.entry
	}
	clone := *it.entry
	clone.epoch = k.epoch
	it.entry = &clone
	if clone.heapAt != 0 {
		k.deadlines.replace(&clone)
	}
	return &clone
}

// edit returns the entry that get found at a place, for changing by the setters below.
func (k *keyspace) edit(at place, found *entry) *entry {
	if found.epoch > k.shared {
		// An entry that no View knows hangs in pages that no View knows.
		return found
	}
	g := k.ownGroup(at.slot)
	link := &g.slots[at.slot%groupSlots]
	for depth := 0; ; depth++ {
		*link = k.ownPage(*link)
		if (*link).kids == nil {
			break
		}
		link = &(*link).kids[childIndex(at.hash, depth)]
	}
	i, ok := (*link).search(at.hash, at.key)
	if !ok {
		panic("BUG: fsm: edited key is not in its page")
	}
	return k.ownEntry(&(*link).items[i])
}

// insert adds a key that is not there yet, with an empty raw string as its value.
func (k *keyspace) insert(at place) *entry {
	e := &entry{key: string(at.key), kind: kindString, encoding: encodingRaw, epoch: k.epoch, dataEpoch: k.epoch}
	k.insertEntry(at, e)
	return e
}

// insertEntry adds an entry whose key is not there yet.
func (k *keyspace) insertEntry(at place, e *entry) {
	g := k.ownGroup(at.slot)
	link := &g.slots[at.slot%groupSlots]
	depth := 0
	for ; *link != nil; depth++ {
		*link = k.ownPage(*link)
		p := *link
		p.count++
		if p.kids == nil {
			break
		}
		link = &p.kids[childIndex(at.hash, depth)]
	}
	if *link == nil {
		*link = &page{count: 1, items: []item{{at.hash, e}}, epoch: k.epoch}
	} else {
		p := *link
		i, _ := p.search(at.hash, at.key)
		p.items = slices.Insert(p.items, i, item{at.hash, e})
		if len(p.items) > pageItemsMax && depth < branchDepthMax {
			splitPage(p, depth, k.epoch)
		}
	}
	g.count++
	k.count++
	k.bytes += e.size()
}

// remove takes a key out that get found at a place.
func (k *keyspace) remove(at place, found *entry) {
	if found.heapAt != 0 {
		k.deadlines.remove(found)
	}
	g := k.ownGroup(at.slot)
	link := &g.slots[at.slot%groupSlots]
	for depth := 0; ; depth++ {
		*link = k.ownPage(*link)
		p := *link
		p.count--
		if p.count == 0 {
			*link = nil
			break
		}
		if p.kids != nil && p.count < pageMergeItems {
			mergePage(p)
		}
		if p.kids == nil {
			i, ok := p.search(at.hash, at.key)
			if !ok {
				panic("BUG: fsm: removed key is not in its page")
			}
			p.items = slices.Delete(p.items, i, i+1)
			p.count = len(p.items)
			break
		}
		link = &p.kids[childIndex(at.hash, depth)]
	}
	g.count--
	if g.count == 0 {
		k.groups[at.slot/groupSlots] = nil
	}
	k.count--
	k.bytes -= found.size()
}

// clear removes all keys.
func (k *keyspace) clear() {
	k.tree = tree{}
	k.deadlines = deadlineIndex{}
	k.bytes = 0
}

// setDeadline changes when an edited or inserted entry is gone; zero means never.
func (k *keyspace) setDeadline(e *entry, deadline int64) {
	k.deadlines.set(e, deadline)
}

// setInteger makes an integer the value of an edited or inserted entry.
func (k *keyspace) setInteger(e *entry, n int64) {
	k.bytes -= int64(len(e.data))
	e.kind, e.encoding, e.number, e.data = kindString, encodingInt, n, nil
}

// setBytes makes a copy of data the value of an edited or inserted entry, in an encoding other than
// an integer. It reuses the old array if no View knows it and it is not much too long.
func (k *keyspace) setBytes(e *entry, data []byte, enc encoding) {
	k.bytes += int64(len(data)) - int64(len(e.data))
	if e.dataEpoch > k.shared && cap(e.data) >= len(data) && cap(e.data) <= 2*len(data)+64 {
		e.data = append(e.data[:0], data...)
	} else {
		e.data = append(make([]byte, 0, len(data)), data...)
		e.dataEpoch = k.epoch
	}
	e.kind, e.encoding, e.number = kindString, enc, 0
}

// takeBytes makes data itself the value of an edited or inserted entry. The caller gives data away.
func (k *keyspace) takeBytes(e *entry, data []byte, enc encoding) {
	k.bytes += int64(len(data)) - int64(len(e.data))
	e.data, e.dataEpoch = data, k.epoch
	e.kind, e.encoding, e.number = kindString, enc, 0
}

// appendBytes appends to the value of an edited or inserted raw entry, in amortised constant time
// per byte also while Views live: they never look past the end of their slice.
func (k *keyspace) appendBytes(e *entry, data []byte) {
	old := cap(e.data)
	e.data = append(e.data, data...)
	if cap(e.data) != old {
		e.dataEpoch = k.epoch
	}
	k.bytes += int64(len(data))
}

// ownBytes returns the value of an edited or inserted raw entry for changing in place, grown with
// zeros to at least size bytes.
func (k *keyspace) ownBytes(e *entry, size int) []byte {
	if e.dataEpoch <= k.shared {
		e.data = append(make([]byte, 0, max(size, len(e.data))), e.data...)
		e.dataEpoch = k.epoch
	}
	if grow := size - len(e.data); grow > 0 {
		e.data = slices.Grow(e.data, grow)
		clear(e.data[len(e.data):size])
		e.data = e.data[:size]
		k.bytes += int64(grow)
	}
	return e.data
}

// copyValue makes a copy of another entry's value the value of an edited or inserted entry.
func (k *keyspace) copyValue(e, from *entry) {
	if from.isInteger() {
		k.setInteger(e, from.number)
		e.encoding = encodingIntCopy
		return
	}
	k.takeBytes(e, slices.Clone(from.data), from.encoding)
}
