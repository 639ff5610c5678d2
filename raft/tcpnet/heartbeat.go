package tcpnet

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"redoubt/raft/wire"
)

// errUnasked: the peer sent a keepalive that nobody asked for.
var errUnasked = errors.New("keepalive without a question")

// heartbeat is the dialler's knowledge of whether its peer lives: at most one ping is on its way,
// and from when it is written its answer must come within timeout. Time spent behind a long backlog
// does not count: there the write timeout rules.
type heartbeat struct {
	conn    net.Conn
	timeout time.Duration
	// ended is closed when the watcher is done; err is why.
	ended chan struct{}
	err   error

	mu sync.Mutex
	// asked: a ping was begun and not yet answered.
	asked bool
}

// begin says whether a ping is due.
func (h *heartbeat) begin() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asked {
		return false
	}
	h.asked = true
	return true
}

// written starts the clock for the answer, if it is not here already.
func (h *heartbeat) written() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asked {
		h.conn.SetReadDeadline(time.Now().Add(h.timeout))
	}
}

// answered stops the clock. It returns false if nothing was asked.
func (h *heartbeat) answered() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.asked {
		return false
	}
	h.asked = false
	h.conn.SetReadDeadline(time.Time{})
	return true
}

// watch reads the peer's answers until one fails to come.
func (h *heartbeat) watch(r *bufio.Reader) {
	defer close(h.ended)
	for {
		// A limit of zero: nothing but keepalives comes this way.
		if _, err := wire.ReadFrame(r, nil, 0); err != nil {
			h.err = fmt.Errorf("peer's end of the connection: %w", err)
			return
		}
		if !h.answered() {
			h.err = errUnasked
			return
		}
	}
}
