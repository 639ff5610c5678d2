package vfs

import (
	"math/rand/v2"
	"slices"
	"sort"
)

// Loss says what a crash does to changes that were not synced.
type Loss uint8

const (
	// LoseAll keeps only what was synced: the strictest disk that is still honest.
	LoseAll Loss = iota
	// LoseSome keeps any subset: sectors of 512 bytes each in any of the versions that they went
	// through, any of the lengths that a file had, any set of name changes that is consistent name by name.
	LoseSome
	// LoseNone keeps everything, as when only the process dies: what was not synced is there, and can
	// still be lost when the machine stops later.
	LoseNone
)

// CrashOptions choose what survives a crash.
type CrashOptions struct {
	Loss Loss
	// Rand draws the subset for LoseSome.
	Rand *rand.Rand
	// TornSectors lets LoseSome keep only the first bytes of a sector's newest version.
	TornSectors bool
}

// CrashClone returns a new file system with what the options leave of this one, as if the machine
// had stopped at this instant. This one is not changed. The clone keeps the capacity, and has no
// locks, no fault function and, save for LoseNone, nothing that is not durable.
func (m *Mem) CrashClone(opts CrashOptions) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	to := NewMem()
	to.zero = m.zero // Never written, so it can be shared.
	to.capacity = m.capacity
	if opts.Loss == LoseNone {
		m.copyTo(to)
		return to
	}
	c := &crash{from: m, to: to, opts: opts, entries: make(map[*node]map[string]*node)}
	c.chooseNames()
	to.root = c.clone(m.root)
	return to
}

// copyTo makes to an exact copy.
func (m *Mem) copyTo(to *Mem) {
	copies := make(map[*node]*node)
	var copyNode func(n *node) *node
	copyNode = func(n *node) *node {
		if n == nil || copies[n] != nil {
			return copies[n]
		}
		c := &node{
			current: n.current.clone(m.zero), stable: n.stable.clone(m.zero),
			pending: slices.Clone(n.pending), // The bytes of a change never change.
			dropped: n.dropped,
		}
		copies[n] = c
		if n.isDir() {
			c.live, c.durable = make(map[string]*node), make(map[string]*node)
			for name, child := range n.live {
				c.live[name] = copyNode(child)
			}
			for name, child := range n.durable {
				c.durable[name] = copyNode(child)
			}
		}
		return c
	}
	to.root, to.used = copyNode(m.root), m.used
	for _, change := range m.names {
		parts := slices.Clone(change.parts)
		for i, p := range parts {
			parts[i].dir, parts[i].target = copyNode(p.dir), copyNode(p.target)
		}
		to.names = append(to.names, &nameChange{parts: parts})
	}
}

// crash is the making of one clone.
type crash struct {
	from, to *Mem
	opts     CrashOptions
	// entries are the surviving entries of each directory that had pending changes.
	entries map[*node]map[string]*node
}

// chooseNames draws the directory entries that survive. A change of a name stands on the earlier
// changes of that name: it survives only if they all do.
func (c *crash) chooseNames() {
	type place struct {
		dir  *node
		name string
	}
	lost := make(map[place]bool)
	for _, change := range c.from.names {
		keep := c.opts.Loss == LoseSome && c.opts.Rand.IntN(2) == 0
		for _, p := range change.parts {
			keep = keep && !lost[place{p.dir, p.name}]
		}
		for _, p := range change.parts {
			if !keep {
				lost[place{p.dir, p.name}] = true
				continue
			}
			p.setIn(c.survivors(p.dir))
		}
	}
}

func (c *crash) survivors(dir *node) map[string]*node {
	entries, ok := c.entries[dir]
	if !ok {
		entries = make(map[string]*node, len(dir.durable))
		for name, n := range dir.durable {
			entries[name] = n
		}
		c.entries[dir] = entries
	}
	return entries
}

// clone copies what survives of a node. Directories are walked in the order of their names, so
// that the draws do not depend on map order.
func (c *crash) clone(n *node) *node {
	if !n.isDir() {
		return c.cloneFile(n)
	}
	entries, ok := c.entries[n]
	if !ok {
		entries = n.durable
	}
	dir := newDir()
	for _, name := range sortedNames(entries) {
		child := c.clone(entries[name])
		dir.live[name], dir.durable[name] = child, child
	}
	return dir
}

func (c *crash) cloneFile(n *node) *node {
	im := n.stable.clone(c.from.zero)
	if c.opts.Loss == LoseSome && len(n.pending) > 0 {
		c.losePart(n, &im)
	}
	file := &node{current: im, stable: im.clone(c.from.zero)}
	c.to.used += im.reserved()
	return file
}

// losePart applies a random part of the pending changes. How much is drawn once per file, so that
// "all", "nothing", "a prefix" and "nearly all" come up as often as an even mix.
func (c *crash) losePart(n *node, im *image) {
	r := c.opts.Rand
	mode := r.IntN(4)
	odds := 2 + r.IntN(8) // One in odds sectors goes another way than the rest.
	whole := r.IntN(len(n.pending) + 1)
	version := func(versions int, newest int) int {
		switch mode {
		case 0: // The changes up to whole are there; sectors of the next may be; the rest is lost.
			if newest < versions && r.IntN(2) == 0 {
				newest++
			}
			return newest
		case 1: // Nearly everything.
			if r.IntN(odds) > 0 {
				return versions
			}
		case 2: // Nearly nothing.
			if r.IntN(odds) > 0 {
				return 0
			}
		}
		return r.IntN(versions + 1)
	}
	size, reserve := im.size, int64(0)
	if k := version(len(n.pending), whole); k > 0 {
		size = n.pending[k-1].size
		for _, p := range n.pending[:k] {
			reserve = max(reserve, min(p.reserve, size))
		}
	}
	for _, sector := range touchedSectors(n.pending) {
		newest := sort.SearchInts(sector.changes, whole)
		k := version(len(sector.changes), newest)
		from := sector.number * SectorSize
		for i, at := range sector.changes[:k] {
			to := from + SectorSize
			if i == k-1 && c.opts.TornSectors && r.IntN(4) == 0 {
				to = from + int64(r.IntN(SectorSize))
			}
			n.pending[at].apply(c.from, im, from, to)
		}
	}
	im.cut(c.from.zero, size)
	im.size = size
	im.reserve(c.from.zero, reserve)
}

// touched lists the pending changes, by position, that write to one sector.
type touched struct {
	number  int64
	changes []int
}

// touchedSectors returns the sectors that the changes write to, in order.
func touchedSectors(pending []change) []touched {
	at := make(map[int64]int)
	var sectors []touched
	for i := range pending {
		from, to := pending[i].span()
		if from == to {
			continue
		}
		for s := from / SectorSize; s*SectorSize < to; s++ {
			k, ok := at[s]
			if !ok {
				k = len(sectors)
				at[s] = k
				sectors = append(sectors, touched{number: s})
			}
			sectors[k].changes = append(sectors[k].changes, i)
		}
	}
	sort.Slice(sectors, func(i, j int) bool { return sectors[i].number < sectors[j].number })
	return sectors
}
