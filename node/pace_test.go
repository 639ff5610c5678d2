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

// Work that is paced gets a tenth of the time while the process is busy with something else.
func TestPacedWorkLeavesTheProcessorsToOthers(t *testing.T) {
	done := make(chan struct{})
	others := make(chan struct{})
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
	began, worked := time.Now(), time.Duration(0)
	for worked < 100*time.Millisecond {
		spin(4 * time.Millisecond)
		worked += 4 * time.Millisecond
		p.pace()
	}
	if took := time.Since(began); took < 3*worked { // the first fifth passes before it looks
		t.Fatalf("%v of work took %v beside other work; it should have paused for most of it", worked, took)
	}
}

// A node that stops does not wait for a pause to end, nor pause again.
func TestPacedWorkEndsWithTheNode(t *testing.T) {
	p := newPacer()
	p.busy = true
	spin(longestWork)
	time.AfterFunc(5*time.Millisecond, func() { p.stop(); p.stop() }) // as Stop may be tried again
	began := time.Now()
	p.pace()
	if took := time.Since(began); took > restPerWork*longestWork/2 {
		t.Fatalf("the pause went on for %v after the stop", took)
	}
}
