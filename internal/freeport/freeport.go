// Package freeport gives ports of loopback to the servers of tests and measurements, so that runs side by side, and servers
// that are down for a while, do not lose them.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// The ports lie below those that the kernel gives to outgoing connections and to listeners without a wish, 32768 and up on Linux
// (ip_local_port_range in ip(7)): nobody's connection takes a server's port while that is down.
const (
	lowest  = 20000
	highest = 32000
)

// attempts bounds the search.
const attempts = 1000

// Holder holds ports. The zero value holds none. A single goroutine at a time uses it.
//
// Who starts servers keeps it while they run: the ports of one that nobody refers to any more are free after the next collection of
// garbage.
type Holder struct{ held []net.PacketConn }

// Take returns n ports in a row of 127.0.0.1 on which nobody listens. Nobody else is given them, in this process or in another, until
// they are released. The UDP ports of the same numbers stand for that and are taken meanwhile.
func (h *Holder) Take(n int) (ports []int, err error) {
	for range attempts {
		first := lowest + rand.IntN(highest-lowest-n)
		if held, ok := hold(first, n); ok {
			h.held = append(h.held, held...)
			for i := range n {
				ports = append(ports, first+i)
			}
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports in a row were found from %d to %d", n, lowest, highest)
}

// Release lets all ports go.
func (h *Holder) Release() {
	letGo(h.held)
	h.held = nil
}

// TB is what a test lends to ForTest.
type TB interface {
	Helper()
	Fatal(args ...any)
	Cleanup(func())
}

// ForTest holds n ports in a row until a test has ended, and all that it cleans up from now on.
func ForTest(t TB, n int) []int {
	t.Helper()
	var h Holder
	ports, err := h.Take(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Release)
	return ports
}

// Loopback returns the address of a port of 127.0.0.1.
func Loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// hold reserves n ports, or none if one of them is in use.
func hold(first, n int) (held []net.PacketConn, ok bool) {
	for port := first; port < first+n; port++ {
		c, err := net.ListenPacket("udp", Loopback(port))
		if err == nil {
			held = append(held, c)
		}
		if err != nil || !unused(port) {
			letGo(held)
			return nil, false
		}
	}
	return held, true
}

// unused reports whether a server could listen.
func unused(port int) bool {
	l, err := net.Listen("tcp", Loopback(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func letGo(held []net.PacketConn) {
	for _, c := range held {
		_ = c.Close() // nothing was written
	}
}
