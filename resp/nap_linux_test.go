package resp

import (
	"testing"
	"time"
)

func TestANapIsShort(t *testing.T) {
	n := newNapper()
	defer n.close()
	if n.fd < 0 {
		t.Skip("the system has no timer for naps")
	}
	shortest := time.Hour
	for range 100 {
		begun := time.Now()
		n.nap()
		shortest = min(shortest, time.Since(begun))
	}
	if shortest < napTime/2 || shortest > 20*napTime {
		t.Errorf("of 100 naps of %v the shortest took %v", napTime, shortest)
	}
}

func TestNobodyNapsWithoutATimer(t *testing.T) {
	n := &napper{fd: -1}
	defer n.close()
	n.nap()
}
