// Package offheap gives memory out that the Go heap does not know: the garbage collector neither looks into it nor counts
// it when it decides how far the heap may grow. On systems other than Linux it comes from the Go heap after all.
//
// The system takes the memory back when the Memory it came from is not reachable any more. So who uses a span must
// hold its Memory too: a span alone does not keep it.
package offheap

import (
	"runtime"
	"unsafe"
)

const (
	// SpanBytes is the size of a span.
	SpanBytes = 64 << 10
	// regionBytes is how much is mapped at once. It costs address space; memory comes with the first write to each page.
	regionBytes = 64 << 20
)

// Memory gives out spans of SpanBytes. It is for one goroutine at a time.
type Memory struct{ pool *pool }

// New returns a Memory that has mapped nothing yet.
func New() *Memory {
	m := &Memory{pool: &pool{unmapped: make(chan struct{})}}
	runtime.AddCleanup(m, (*pool).unmap, m.pool)
	return m
}

// pool is apart from the Memory so that the cleanup does not keep that reachable.
type pool struct {
	regions []region
	// rest is what was never given out of the newest region, and free what came back.
	rest []byte
	free [][]byte
	// unmapped is closed at the end.
	unmapped chan struct{}
}

// region is what was mapped at once.
type region struct {
	bytes []byte
	// holed: some of it was given back.
	holed bool
}

// holds reports whether a span is a part of the region.
func (r *region) holds(span []byte) bool {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(span))) - uintptr(unsafe.Pointer(unsafe.SliceData(r.bytes)))
	return at < uintptr(len(r.bytes))
}

// Take returns a span of any content.
func (m *Memory) Take() []byte {
	p := m.pool
	if last := len(p.free) - 1; last >= 0 {
		span := p.free[last]
		p.free = p.free[:last]
		return span
	}
	if len(p.rest) == 0 {
		p.rest = mapRegion(regionBytes)
		p.regions = append(p.regions, region{bytes: p.rest})
	}
	span := p.rest[:SpanBytes:SpanBytes]
	p.rest = p.rest[SpanBytes:]
	return span
}

// Give takes a span back, and the system takes its memory. Its region gets no huge pages any more: the system would fill the hole up again.
func (m *Memory) Give(span []byte) {
	p := m.pool
	for i := range p.regions {
		if r := &p.regions[i]; !r.holed && r.holds(span) {
			r.holed = true
			refuseHugePages(r.bytes)
		}
	}
	discard(span)
	p.free = append(p.free, span)
}

func (p *pool) unmap() {
	for _, region := range p.regions {
		unmapRegion(region.bytes)
	}
	close(p.unmapped)
}
