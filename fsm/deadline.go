package fsm

import (
	"bytes"
	"encoding/binary"
	"math"

	"redoubt/fsm/slab"
)

// deadlineIndex orders the records that have a deadline by (deadline, key): a binary heap in which
// each record knows its place. The order is total, so the sequence in which keys come out depends
// on contents only, not on the heap's history. The heap grows by segments, so that no SET waits for a copy of it.
type deadlineIndex struct {
	segments [][]byte
	count    int
	// sum is that of all deadlines, modulo 2^64, for Checksum.
	sum     uint64
	records *slab.Reader
}

// due is an item of the index: a deadline (8 bytes) and the handle of a record (8 bytes).
type due struct {
	deadline int64
	record   slab.Handle
}

const (
	dueBytes        = 16
	segmentDueShift = 12
	segmentDues     = 1 << segmentDueShift
)

// at returns the bytes of an item.
func (d *deadlineIndex) at(i int) []byte {
	from := i & (segmentDues - 1) * dueBytes
	return d.segments[i>>segmentDueShift][from : from+dueBytes : from+dueBytes]
}

func (d *deadlineIndex) item(i int) due {
	b := d.at(i)
	return due{int64(binary.LittleEndian.Uint64(b)), slab.Handle(binary.LittleEndian.Uint64(b[8:]))}
}

// put sets an item, and tells its record the place.
func (d *deadlineIndex) put(i int, it due) {
	b := d.at(i)
	binary.LittleEndian.PutUint64(b, uint64(it.deadline))
	binary.LittleEndian.PutUint64(b[8:], uint64(it.record))
	d.record(it).setPlace(uint32(i + 1))
}

func (d *deadlineIndex) record(it due) record { return d.records.Bytes(it.record) }

func (d *deadlineIndex) before(a, b due) bool {
	return a.deadline < b.deadline || a.deadline == b.deadline && bytes.Compare(d.record(a).key(), d.record(b).key()) < 0
}

// first returns the earliest deadline, or math.MaxInt64.
func (d *deadlineIndex) first() int64 {
	if d.count == 0 {
		return math.MaxInt64
	}
	return d.item(0).deadline
}

// due returns the first record if its deadline has come at a time, else nil.
func (d *deadlineIndex) due(now int64) record {
	if d.count == 0 || d.first() > now {
		return nil
	}
	return d.record(d.item(0))
}

// add puts a record with a deadline into the index.
func (d *deadlineIndex) add(r record, h slab.Handle) {
	if d.count>>segmentDueShift == len(d.segments) {
		d.segments = append(d.segments, make([]byte, segmentDues*dueBytes))
	}
	d.count++
	d.sum += uint64(r.deadline())
	d.settle(d.count-1, due{r.deadline(), h})
}

// drop takes a record out of the index. Its deadline stays as it is.
func (d *deadlineIndex) drop(r record) {
	at := int(r.place()) - 1
	r.setPlace(0)
	d.sum -= uint64(r.deadline())
	d.count--
	if at < d.count {
		d.settle(at, d.item(d.count))
	}
	// One segment more than is needed stays.
	if spare := d.count>>segmentDueShift + 2; spare < len(d.segments) {
		d.segments[spare] = nil
		d.segments = d.segments[:spare]
	}
}

// change gives a record in the index another deadline.
func (d *deadlineIndex) change(r record, h slab.Handle, deadline int64) {
	d.sum += uint64(deadline) - uint64(r.deadline())
	r.setDeadline(deadline)
	d.settle(int(r.place())-1, due{deadline, h})
}

// replace says that a place's record is in another block now.
func (d *deadlineIndex) replace(place uint32, h slab.Handle) {
	binary.LittleEndian.PutUint64(d.at(int(place) - 1)[8:], uint64(h))
}

// settle finds the place for an item, starting from a free one.
func (d *deadlineIndex) settle(at int, it due) {
	for at > 0 {
		parent := d.item((at - 1) / 2)
		if !d.before(it, parent) {
			break
		}
		d.put(at, parent)
		at = (at - 1) / 2
	}
	for {
		child := 2*at + 1
		if child+1 < d.count && d.before(d.item(child+1), d.item(child)) {
			child++
		}
		if child >= d.count || !d.before(d.item(child), it) {
			break
		}
		d.put(at, d.item(child))
		at = child
	}
	d.put(at, it)
}

// between returns how many deadlines lie in (after, until]. It visits all up to until.
func (d *deadlineIndex) between(after, until int64) int { return d.betweenBelow(0, after, until) }

func (d *deadlineIndex) betweenBelow(at int, after, until int64) int {
	if at >= d.count {
		return 0
	}
	deadline := d.item(at).deadline
	if deadline > until {
		return 0
	}
	n := d.betweenBelow(2*at+1, after, until) + d.betweenBelow(2*at+2, after, until)
	if deadline > after {
		n++
	}
	return n
}
