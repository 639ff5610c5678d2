// Package slab keeps blocks of bytes in few large spans, which the garbage collector sees as plain bytes or not at all.
//
// A block is named by a Handle, never moves, and belongs to one of some fifty size classes; a span holds blocks of one
// class. New blocks go into the fullest span that has room, so that the others empty, and an empty span goes back to the
// Memory it came from. Where a class has too much room all the same, Evacuate names the blocks of its emptiest span to
// their owner, who moves them (defragmentation). So of the bytes in spans at most a quarter, and two spans a class, are
// free for long. Blocks above BlockMax are single Go allocations.
//
// A Reader copied from a Heap finds every block that was there then, beside whatever the Heap does meanwhile, as long as
// these blocks are neither freed nor written. The package is pure: the same calls give the same handles.
package slab

import "encoding/binary"

const (
	// SpanBytes is the size of a span.
	SpanBytes = 64 << 10
	// HandleBits is the width of a Handle.
	HandleBits = 39

	unitBytes = 8
	// spanShift parts a handle into the span and the place in it, in units.
	spanShift = 13
	placeMask = 1<<spanShift - 1
	largeBit  = 1 << (HandleBits - 1)
	// stashMax is how many empty spans a heap keeps for itself.
	stashMax = 4
)

// Memory gives spans out and takes them back.
type Memory interface {
	// Take returns SpanBytes bytes of any content.
	Take() []byte
	// Give takes back what Take returned.
	Give(span []byte)
}

// Handle names a block of a Heap. Zero names none.
type Handle uint64

// Reader finds blocks. The zero value knows none.
type Reader struct {
	spans []span
	large [][]byte
}

// span is what a Reader must know of a span.
type span struct {
	data  []byte
	class uint8
}

// Bytes returns a block in its full size.
func (r *Reader) Bytes(h Handle) []byte {
	if h&largeBit != 0 {
		return r.large[h&^largeBit]
	}
	s := &r.spans[h>>spanShift]
	from := int(h&placeMask) * unitBytes
	to := from + int(classBytes[s.class])
	return s.data[from:to:to]
}

// Heap holds blocks. It is for one goroutine at a time.
type Heap struct {
	Reader
	memory Memory
	// usage says what the spans hold, by their number; number 0 is never used.
	usage   []usage
	classes [classCount]class
	// sparse has a bit for each class that has too much room.
	sparse uint64
	// freeSpans and freeLarge are numbers for reuse.
	freeSpans, freeLarge []uint32
	stash                [][]byte
	evacuation           evacuation
	held                 int64
}

// usage says what a span holds.
type usage struct {
	// used counts blocks, and fresh is the first unit that never was one.
	used, fresh uint16
	// free is the place of the first free block plus one. Each free block begins with that of the next one.
	free uint16
	// bucket is the list of its class that the span is in.
	bucket     uint8
	prev, next uint32
}

// NewHeap returns an empty heap over memory; nil stands for the Go heap.
func NewHeap(memory Memory) *Heap {
	if memory == nil {
		memory = goMemory{}
	}
	return &Heap{memory: memory, Reader: Reader{spans: make([]span, 1)}, usage: make([]usage, 1)}
}

// goMemory takes spans from the Go heap. They hold no pointers, so the collector does not look into them.
type goMemory struct{}

func (goMemory) Take() []byte { return make([]byte, SpanBytes) }
func (goMemory) Give([]byte)  {}

// Held returns how many bytes the heap holds, in use or not.
func (h *Heap) Held() int64 { return h.held }

// Blocks returns how many blocks are in use.
func (h *Heap) Blocks() int {
	n := len(h.large) - len(h.freeLarge)
	for i := range h.classes {
		n += h.classes[i].used
	}
	return n
}

// Alloc returns a block of at least size bytes, which must be above zero, of any content.
func (h *Heap) Alloc(size int) (Handle, []byte) {
	if size > BlockMax {
		data := make([]byte, size)
		return h.Adopt(data), data
	}
	c := classOf(size)
	n := h.classes[c].fullest()
	if n == 0 {
		n = h.newSpan(c)
	}
	u, data := &h.usage[n], h.spans[n].data
	at := u.free
	if at != 0 {
		at--
		u.free = binary.LittleEndian.Uint16(data[int(at)*unitBytes:])
	} else {
		at = u.fresh
		u.fresh += classBytes[c] / unitBytes
	}
	u.used++
	h.classes[c].used++
	h.settle(n, c)
	from, size := int(at)*unitBytes, int(classBytes[c])
	return Handle(n)<<spanShift | Handle(at), data[from : from+size : from+size]
}

// Adopt makes a block of data, which the caller gives away, up to its capacity.
func (h *Heap) Adopt(data []byte) Handle {
	data = data[:cap(data)]
	h.held += int64(len(data))
	if last := len(h.freeLarge) - 1; last >= 0 {
		n := h.freeLarge[last]
		h.freeLarge = h.freeLarge[:last]
		h.large[n] = data
		return largeBit | Handle(n)
	}
	h.large = append(h.large, data)
	return largeBit | Handle(len(h.large)-1)
}

// Free gives a block back.
func (h *Heap) Free(b Handle) {
	if b&largeBit != 0 {
		n := b &^ largeBit
		h.held -= int64(len(h.large[n]))
		h.large[n] = nil
		h.freeLarge = append(h.freeLarge, uint32(n))
		return
	}
	n, at := uint32(b>>spanShift), uint16(b&placeMask)
	u, s := &h.usage[n], &h.spans[n]
	if u.used == 0 {
		panic("BUG: slab: block freed twice")
	}
	binary.LittleEndian.PutUint16(s.data[int(at)*unitBytes:], u.free)
	u.free = at + 1
	u.used--
	h.classes[s.class].used--
	if n == h.evacuation.span {
		h.evacuation.forget(at)
	}
	if u.used == 0 {
		h.dropSpan(n)
		return
	}
	h.settle(n, s.class)
}

// newSpan adds an empty span to a class.
func (h *Heap) newSpan(c uint8) (n uint32) {
	var data []byte
	if last := len(h.stash) - 1; last >= 0 {
		data, h.stash = h.stash[last], h.stash[:last]
	} else {
		data = h.memory.Take()
		h.held += SpanBytes
	}
	if last := len(h.freeSpans) - 1; last >= 0 {
		n, h.freeSpans = h.freeSpans[last], h.freeSpans[:last]
		h.spans[n], h.usage[n] = span{data, c}, usage{}
	} else {
		n = uint32(len(h.spans))
		h.spans, h.usage = append(h.spans, span{data, c}), append(h.usage, usage{})
	}
	h.classes[c].spans++
	h.link(n, c, 0)
	return n
}

// dropSpan takes an empty span out of its class.
func (h *Heap) dropSpan(n uint32) {
	s := h.spans[n]
	if n == h.evacuation.span {
		h.evacuation.span = 0
	} else {
		h.unlink(n, s.class)
	}
	h.classes[s.class].spans--
	h.judge(s.class)
	h.spans[n] = span{}
	h.freeSpans = append(h.freeSpans, n)
	h.giveBack(s.data)
}

func (h *Heap) giveBack(data []byte) {
	if len(h.stash) < stashMax {
		h.stash = append(h.stash, data)
		return
	}
	h.memory.Give(data)
	h.held -= SpanBytes
}

// Drop gives up to max spans back and reports whether nothing is left. The heap must not be used for anything else from
// the first Drop on.
func (h *Heap) Drop(max int) (done bool) {
	h.large = nil
	for ; max > 0 && len(h.stash) > 0; max-- {
		h.memory.Give(h.stash[len(h.stash)-1])
		h.stash = h.stash[:len(h.stash)-1]
	}
	for ; max > 0 && len(h.spans) > 0; max-- {
		last := len(h.spans) - 1
		if data := h.spans[last].data; data != nil {
			h.memory.Give(data)
		}
		h.spans = h.spans[:last]
	}
	return len(h.spans) == 0 && len(h.stash) == 0
}
