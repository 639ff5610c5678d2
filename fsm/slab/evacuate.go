package slab

import (
	"encoding/binary"
	"math/bits"
)

// sparseSpans is how many spans of room each class may have beside a quarter of its blocks.
const sparseSpans = 2

// judge notes whether a class has too much room.
func (h *Heap) judge(c uint8) {
	k := &h.classes[c]
	blocks := k.spans * int(perSpan[c])
	if blocks-k.used > blocks/4+sparseSpans*int(perSpan[c]) {
		h.sparse |= 1 << c
	} else {
		h.sparse &^= 1 << c
	}
}

// evacuation is a span whose blocks are being moved elsewhere. It is in no list, so that nothing is put into it.
type evacuation struct {
	span uint32
	// left has a bit for each place of a block in use that is still to be visited, and next is the word to go on with.
	left [1 << spanShift / 64]uint64
	next int
}

func (e *evacuation) forget(at uint16) { e.left[at/64] &^= 1 << (at % 64) }

// Sparse reports whether there is something to evacuate.
func (h *Heap) Sparse() bool { return h.sparse != 0 || h.evacuation.span != 0 }

// Evacuate names up to max blocks to move, which must take each elsewhere: Alloc one, copy, and Free this one. Nothing but
// that may happen to the heap inside of move.
func (h *Heap) Evacuate(max int, move func(Handle)) {
	for ; max > 0 && h.Sparse(); max-- {
		e := &h.evacuation
		if e.span == 0 {
			h.beginEvacuation()
		}
		for e.next < len(e.left) && e.left[e.next] == 0 {
			e.next++
		}
		if e.next == len(e.left) {
			panic("BUG: slab: a span counts more blocks than it has")
		}
		at := e.next*64 + bits.TrailingZeros64(e.left[e.next])
		move(Handle(e.span)<<spanShift | Handle(at))
		if e.span != 0 && e.left[at/64]>>(at%64)&1 != 0 {
			panic("BUG: slab: a block to be moved is still there")
		}
	}
}

// beginEvacuation picks the emptiest span of a class that has too much room.
func (h *Heap) beginEvacuation() {
	c := uint8(bits.TrailingZeros64(h.sparse))
	n := h.classes[c].emptiest()
	h.unlink(n, c)
	e, u, data := &h.evacuation, &h.usage[n], h.spans[n].data
	*e = evacuation{span: n}
	for at := uint16(0); at < u.fresh; at += classBytes[c] / unitBytes {
		e.left[at/64] |= 1 << (at % 64)
	}
	for at := u.free; at != 0; at = binary.LittleEndian.Uint16(data[int(at-1)*unitBytes:]) {
		e.forget(at - 1)
	}
}
