package offheap

import (
	"runtime"
	"testing"
	"time"
)

func TestSpansDoNotOverlap(t *testing.T) {
	m := New()
	spans := make([][]byte, regionBytes/SpanBytes+3)
	for i := range spans {
		spans[i] = m.Take()
		if len(spans[i]) != SpanBytes || cap(spans[i]) != SpanBytes {
			t.Fatalf("a span of %d bytes, %d with what follows", len(spans[i]), cap(spans[i]))
		}
		spans[i][0], spans[i][SpanBytes-1] = byte(i), byte(i>>8)
	}
	for i, span := range spans {
		if span[0] != byte(i) || span[SpanBytes-1] != byte(i>>8) {
			t.Fatalf("span %d was overwritten", i)
		}
	}
	m.Give(spans[7])
	if again := m.Take(); &again[0] != &spans[7][0] {
		t.Error("a span that came back is not given out again")
	}
	if r := m.pool.regions; !r[0].holed || r[1].holed {
		t.Errorf("of two regions, a span of the first of which was given back, those with holes: %t, %t", r[0].holed, r[1].holed)
	}
	if len(m.pool.regions) != 2 {
		t.Errorf("%d regions for %d spans", len(m.pool.regions), len(spans))
	}
	runtime.KeepAlive(m)
}

// TestUnreachableMemoryIsUnmapped: nobody has to close a Memory.
func TestUnreachableMemoryIsUnmapped(t *testing.T) {
	m := New()
	m.Take()[0] = 1
	unmapped := m.pool.unmapped
	m = nil
	for deadline := time.After(20 * time.Second); ; {
		runtime.GC()
		select {
		case <-unmapped:
			return
		case <-deadline:
			t.Fatal("a memory that nobody can reach is still mapped")
		default:
		}
	}
}
