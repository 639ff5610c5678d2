package freeport

import (
	"net"
	"testing"
)

func TestNoPortIsGivenTwice(t *testing.T) {
	given := make(map[int]bool)
	for range 100 {
		for _, port := range ForTest(t, 6) {
			if given[port] {
				t.Fatalf("port %d was given twice", port)
			}
			given[port] = true
		}
	}
}

func TestPortsAreInARowAndFree(t *testing.T) {
	ports := ForTest(t, 3)
	for i, port := range ports {
		if port != ports[0]+i {
			t.Errorf("%v are not in a row", ports)
		}
		l, err := net.Listen("tcp", Loopback(port))
		if err != nil {
			t.Fatalf("nobody can listen on a port that is free: %v", err)
		}
		defer l.Close()
	}
	if held, ok := hold(ports[2], 1); ok {
		letGo(held)
		t.Error("a port was given away while it is reserved")
	}
}

func TestAPortInUseIsNotGiven(t *testing.T) {
	var h Holder
	ports, err := h.Take(2)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", Loopback(ports[1]))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h.Release()
	if held, ok := hold(ports[0], 2); ok {
		letGo(held)
		t.Error("a port was given away while somebody listens on it")
	}
}

func TestWhatIsReleasedIsFreeAgain(t *testing.T) {
	var h Holder
	ports, err := h.Take(1)
	if err != nil {
		t.Fatal(err)
	}
	h.Release()
	held, ok := hold(ports[0], 1)
	if !ok {
		t.Fatal("a port that was released is not free")
	}
	letGo(held)
}
