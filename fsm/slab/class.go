package slab

import "math/bits"

const (
	// BlockMax is the size of the largest class in bytes.
	BlockMax = 4096

	// Up to evenMax classes are 8 bytes apart, above it there are 8 of them to each doubling.
	evenMax     = 128
	evenClasses = evenMax / unitBytes
	doublings   = 5
	classCount  = evenClasses + 8*doublings
)

// classBytes are the sizes of the classes, and perSpan how many blocks of each a span holds.
var classBytes, perSpan = makeClasses()

func makeClasses() (size, count [classCount]uint16) {
	for c := range size {
		if c < evenClasses {
			size[c] = uint16((c + 1) * unitBytes)
		} else {
			doubling, step := (c-evenClasses)/8, (c-evenClasses)%8
			size[c] = uint16((evenMax + (step+1)*evenMax/8) << doubling)
		}
		count[c] = uint16(SpanBytes / int(size[c]))
	}
	return size, count
}

// classOf returns the class for a block of size bytes, which is above zero and not above BlockMax.
func classOf(size int) uint8 {
	if size <= evenMax {
		return uint8((size+unitBytes-1)/unitBytes - 1)
	}
	doubling := bits.Len(uint(size-1)) - bits.Len(evenMax)
	return uint8(evenClasses + 8*doubling + (size-1-evenMax<<doubling)/(evenMax/8<<doubling))
}

// RoundUp returns the size of the block that Alloc gives for a size.
func RoundUp(size int) int {
	if size > BlockMax {
		return size
	}
	return int(classBytes[classOf(size)])
}

// buckets is how many lists a class sorts its spans with room into, by how full they are.
const buckets = 8

// class is the spans with blocks of one size.
type class struct {
	// heads are the first spans of the buckets, and open has a bit for each bucket that is not empty.
	heads [buckets]uint32
	open  uint8
	// spans and used count spans and blocks in use.
	spans, used int
}

// fullest returns a span with room that is about as full as any, or zero.
func (c *class) fullest() uint32 {
	if c.open == 0 {
		return 0
	}
	return c.heads[bits.Len8(c.open)-1]
}

// emptiest returns a span with room that is about as empty as any, or zero.
func (c *class) emptiest() uint32 {
	if c.open == 0 {
		return 0
	}
	return c.heads[bits.TrailingZeros8(c.open)]
}

// settle puts a span whose blocks changed in number into the bucket that it belongs to.
func (h *Heap) settle(n uint32, c uint8) {
	h.judge(c)
	if n == h.evacuation.span {
		return
	}
	u := &h.usage[n]
	bucket := full
	if u.used < perSpan[c] {
		bucket = uint8(int(u.used) * buckets / int(perSpan[c]))
	}
	if bucket != u.bucket {
		h.unlink(n, c)
		h.link(n, c, bucket)
	}
}

// full is the bucket of the spans without room, which are in no list.
const full uint8 = buckets

func (h *Heap) link(n uint32, c, bucket uint8) {
	u, k := &h.usage[n], &h.classes[c]
	u.bucket = bucket
	if bucket == full {
		return
	}
	u.prev, u.next = 0, k.heads[bucket]
	if u.next != 0 {
		h.usage[u.next].prev = n
	}
	k.heads[bucket] = n
	k.open |= 1 << bucket
}

func (h *Heap) unlink(n uint32, c uint8) {
	u, k := &h.usage[n], &h.classes[c]
	if u.bucket == full {
		return
	}
	if u.next != 0 {
		h.usage[u.next].prev = u.prev
	}
	if u.prev != 0 {
		h.usage[u.prev].next = u.next
		return
	}
	k.heads[u.bucket] = u.next
	if u.next == 0 {
		k.open &^= 1 << u.bucket
	}
}
