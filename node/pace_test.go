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

// A follower takes few processors, and its leader's clients may need all the others on the machine.
func TestAFollowerOfABusyLeaderIsBusy(t *testing.T) {
	if !isBusy(look/10, look) {
		t.Error("a process that worked for a tenth of a look is not busy")
	}
	if isBusy(look/100, look) {
		t.Error("a process that worked for a hundredth of a look is busy")
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
	// On a machine with more to do than processors, a look may fall into a time when the others here do not run either.
	for limit := time.Now().Add(10 * time.Second); !p.busy; p.pace(1) {
		if time.Now().After(limit) {
			t.Fatal("the process was not found busy")
		}
		p.looked = time.Time{}
	}
	const bytes = busyRate / 200
	least := time.Duration(0)
	began := time.Now()
	for range 20 {
		if p.busy {
			least += time.Second / 200
		}
		p.pace(bytes)
	}
	if took := time.Since(began); took < least*8/10 {
		t.Fatalf("what was to take %v beside other work took %v", least, took)
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
