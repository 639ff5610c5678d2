//go:build e2e || compose

package e2e

import (
	"sync"
	"testing"
)

const (
	// readersOfThePaused is how many connections hold a read in a paused leader's hands.
	readersOfThePaused = 20
	// readsAfterResume is how often each of them asks after the node runs again.
	readsAfterResume = 50
)

// heldReaders are connections to a leader that is about to be paused.
type heldReaders struct {
	t     testing.TB
	conns []*conn
	sent  int // how many of them have a read waiting
}

// holdReaders connects to a leader and reads the key's value once.
func holdReaders(t testing.TB, address, key, value string) *heldReaders {
	t.Helper()
	h := &heldReaders{t: t}
	for range readersOfThePaused {
		c, err := dial(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.close)
		if r, err := c.do(askTimeout, "GET", key); err != nil || r.text != value {
			t.Fatalf("GET from the leader: %v, %v", r, err)
		}
		h.conns = append(h.conns, c)
	}
	return h
}

// sendHalf sends reads to the paused node: they wait in the kernel's buffers until it runs again.
func (h *heldReaders) sendHalf(key string) {
	h.t.Helper()
	h.sent = len(h.conns) / 2
	for _, c := range h.conns[:h.sent] {
		if err := c.send(readLimit, command{"GET", key}); err != nil {
			h.t.Fatal(err)
		}
	}
}

// expectNever reads on, and allows every answer but the old value.
func (h *heldReaders) expectNever(old, key string) {
	h.t.Helper()
	var reading sync.WaitGroup
	for i, c := range h.conns {
		reading.Go(func() { h.read(c, old, key, i < h.sent) })
	}
	reading.Wait()
}

func (h *heldReaders) read(c *conn, old, key string, sent bool) {
	for range readsAfterResume {
		if !sent {
			if err := c.send(readLimit, command{"GET", key}); err != nil {
				return // the node dropped the connection: no answer is no stale answer
			}
		}
		sent = false
		replies, err := c.receive(readLimit, 1)
		if err != nil {
			return
		}
		if r := replies[0]; !r.isError() && r.text == old {
			h.t.Errorf("the resumed leader served %q; another value had been acknowledged before", old)
			return
		}
	}
}
