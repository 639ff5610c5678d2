package fsm

import "math"

// deadlineIndex orders the entries that have a deadline by (deadline, key): a binary heap in which
// each entry knows its place. The order is total, so the sequence in which keys come out depends
// on contents only, not on the heap's history.
type deadlineIndex struct {
	heap []deadlineItem
}

type deadlineItem struct {
	deadline int64
	entry    *entry
}

func (a deadlineItem) before(b deadlineItem) bool {
	return a.deadline < b.deadline || a.deadline == b.deadline && a.entry.key < b.entry.key
}

// first returns the earliest deadline, or math.MaxInt64.
func (d *deadlineIndex) first() int64 {
	if len(d.heap) == 0 {
		return math.MaxInt64
	}
	return d.heap[0].deadline
}

// due returns the first entry if its deadline has come at a time, else nil.
func (d *deadlineIndex) due(now int64) *entry {
	if len(d.heap) == 0 || d.heap[0].deadline > now {
		return nil
	}
	return d.heap[0].entry
}

// set changes an entry's deadline; zero takes it out of the index.
func (d *deadlineIndex) set(e *entry, deadline int64) {
	switch {
	case deadline == 0:
		if e.heapAt != 0 {
			d.remove(e)
		}
		e.deadline = 0
		return
	case e.heapAt == 0:
		d.heap = append(d.heap, deadlineItem{})
		e.heapAt = int32(len(d.heap))
	}
	e.deadline = deadline
	d.settle(int(e.heapAt)-1, deadlineItem{deadline, e})
}

// remove takes an entry out of the index. Its deadline stays as it is.
func (d *deadlineIndex) remove(e *entry) {
	at := int(e.heapAt) - 1
	last := d.heap[len(d.heap)-1]
	d.heap[len(d.heap)-1] = deadlineItem{}
	d.heap = d.heap[:len(d.heap)-1]
	e.heapAt = 0
	if at < len(d.heap) {
		d.settle(at, last)
	}
}

// replace puts a copy of an entry in the place of the original.
func (d *deadlineIndex) replace(e *entry) { d.heap[e.heapAt-1].entry = e }

// settle finds the place for an item, starting from a free one.
func (d *deadlineIndex) settle(at int, it deadlineItem) {
	for at > 0 {
		parent := (at - 1) / 2
		if !it.before(d.heap[parent]) {
			break
		}
		d.put(at, d.heap[parent])
		at = parent
	}
	for {
		child := 2*at + 1
		if child+1 < len(d.heap) && d.heap[child+1].before(d.heap[child]) {
			child++
		}
		if child >= len(d.heap) || !d.heap[child].before(it) {
			break
		}
		d.put(at, d.heap[child])
		at = child
	}
	d.put(at, it)
}

func (d *deadlineIndex) put(at int, it deadlineItem) {
	d.heap[at] = it
	it.entry.heapAt = int32(at + 1)
}

// count returns how many deadlines lie in (after, until]. It visits all up to until.
func (d *deadlineIndex) count(after, until int64) int { return d.countBelow(0, after, until) }

func (d *deadlineIndex) countBelow(at int, after, until int64) int {
	if at >= len(d.heap) || d.heap[at].deadline > until {
		return 0
	}
	n := d.countBelow(2*at+1, after, until) + d.countBelow(2*at+2, after, until)
	if d.heap[at].deadline > after {
		n++
	}
	return n
}
