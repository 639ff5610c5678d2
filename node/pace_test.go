package node

import (
	"testing"
	"time"
)

// spin uses a processor for a while.
func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}

// A snapshot is written at no more than its rate while the process is busy with something else.
func TestPacedWriterLeavesTheProcessorsToOthers(t *testing.T) {
	done, others := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(others)
		for {
			select {
			case <-done:
				return
			default:
				spin(time.Millisecond)
			}
		}
	}()
	defer func() { close(done); <-others }()
	p := newPacer()
	p.pace(1) // looks
	const bytes = busyRate / 10
	began := time.Now()
	for range 20 {
		p.pace(bytes / 20)
	}
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Fatalf("a tenth of a second's bytes took %v beside other work", took)
	}
}

// A node that stops does not wait for a rest to end, nor for another.
func TestPacedWriterEndsWithTheNode(t *testing.T) {
	p := newPacer()
	p.busy = true
	time.AfterFunc(5*time.Millisecond, func() { p.stop(); p.stop() }) // as Stop may be tried again
	began := time.Now()
	p.pace(10 * busyRate)
	if took := time.Since(began); took > 5*time.Second {
		t.Fatalf("the rest went on for %v after the stop", took)
	}
}
