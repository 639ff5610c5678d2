package node

import "testing"

func TestGateLetsReadersThroughOnlyWhenTheIndexIsApplied(t *testing.T) {
	g := newGate()
	g.advance(3)
	if !g.wait(3) {
		t.Fatal("an index that is applied was not let through")
	}
	const readers = 8
	through := make(chan uint64, readers)
	for i := range uint64(readers) {
		go func() {
			if g.wait(4 + i) {
				through <- 4 + i
			}
		}()
	}
	for i := range uint64(readers) {
		g.advance(4 + i)
		if got := <-through; got != 4+i {
			t.Fatalf("reader of index %d was let through at %d: it would have read a state older than its read index", got, 4+i)
		}
	}
}

func TestGateCloseEndsWaiting(t *testing.T) {
	g := newGate()
	done := make(chan bool)
	go func() { done <- g.wait(1) }()
	g.close()
	if <-done {
		t.Fatal("a closed gate claims that the index was applied")
	}
}
