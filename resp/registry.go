package resp

import (
	"errors"
	"slices"
	"sync"
)

// Reasons not to take a connection.
var (
	errTooManyClients = errors.New("max number of clients reached")
	errServerClosed   = errors.New("the server is closing")
)

// registry knows every connection. It is touched when connections come and go and when they are
// listed, never while commands run.
type registry struct {
	mu     sync.Mutex
	conns  map[uint64]*conn
	lastID uint64
	closed bool
	// ended is the traffic of connections that have ended.
	ended totals
	// running counts the connections whose goroutine has not ended.
	running sync.WaitGroup
}

// add takes c in, unless there are limit connections already, and gives it its id.
func (r *registry) add(c *conn, limit int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errServerClosed
	}
	if int64(len(r.conns)) >= limit {
		return errTooManyClients
	}
	if r.conns == nil {
		r.conns = make(map[uint64]*conn)
	}
	r.lastID++
	c.id = r.lastID
	r.conns[c.id] = c
	r.running.Add(1)
	return nil
}

// remove forgets c, whose goroutine ends.
func (r *registry) remove(c *conn) {
	r.mu.Lock()
	delete(r.conns, c.id)
	r.ended.add(&c.traffic)
	r.mu.Unlock()
	r.running.Done()
}

// close refuses connections from now on.
func (r *registry) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
}

// traffic sums up all connections, those that have ended included.
func (r *registry) traffic() totals {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.ended
	for _, c := range r.conns {
		t.add(&c.traffic)
	}
	return t
}

// get returns the connection with an id, or nil.
func (r *registry) get(id uint64) *conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conns[id]
}

// all returns the connections in the order in which they came.
func (r *registry) all() []*conn {
	r.mu.Lock()
	conns := make([]*conn, 0, len(r.conns))
	for _, c := range r.conns {
		conns = append(conns, c)
	}
	r.mu.Unlock()
	slices.SortFunc(conns, func(a, b *conn) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return conns
}
