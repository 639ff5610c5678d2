package resp

import (
	"net"
	"runtime"
	"sync"
	"time"

	"redoubt/internal/sockio"
)

// reactor serves many connections with two goroutines: one waits for input, the other for the backend. Each takes
// all that is ready, so that the system calls of waiting, the goroutine switches and the backend's rounds are shared by the
// connections of a turn, and a command costs one read and one write.
//
// What would have to wait for anything but the backend's task — a command that is not quick, a client that does not read
// its replies — is done aside, by a goroutine that the connection has for that time.
type reactor struct {
	server *Server
	poller *poller
	// bell has room for one token: some connection can go on, or the server stops.
	bell chan struct{}

	mu    sync.Mutex
	conns map[uint64]*conn
	// ended: nobody goes on with connections any more.
	ended bool
	// ready are connections that were taken and can go on.
	ready []*conn
}

const (
	// reactorCores is how many processors share a reactor, and maxReactors bounds the reactors of a server.
	reactorCores = 4
	maxReactors  = 16
	// pollEvents is how many connections one wait can report.
	pollEvents = 256
)

// startReactors makes the reactors, if the backend and the system allow that.
func (s *Server) startReactors() {
	if s.starter == nil {
		return
	}
	for range min((runtime.GOMAXPROCS(0)+reactorCores-1)/reactorCores, maxReactors) {
		poller, err := newPoller()
		if err != nil {
			s.log.Info("resp: every connection gets a goroutine", "reason", err)
			return
		}
		r := &reactor{server: s, poller: poller, bell: make(chan struct{}, 1), conns: make(map[uint64]*conn)}
		s.reactors = append(s.reactors, r)
		go r.listen()
		go r.resume()
	}
}

// host chooses a reactor for a new connection, if one can serve it.
func (s *Server) host(c *conn) {
	tcp, ok := c.net.(*net.TCPConn)
	if !ok || len(s.reactors) == 0 {
		return
	}
	h := &hosted{source: sockio.NewReader(tcp), sink: sockio.NewWriter(tcp), onReactor: true}
	if h.source == nil || h.sink == nil {
		return
	}
	h.reactor = s.reactors[s.nextReactor.Add(1)%uint64(len(s.reactors))]
	h.task = s.starter.NewTask(c.woken)
	h.owned.Store(taken)
	c.hosted = h
}

// serve begins to serve a connection.
func (r *reactor) serve(c *conn) {
	r.mu.Lock()
	ended := r.ended
	if !ended {
		r.conns[c.id] = c
	}
	r.mu.Unlock()
	if ended {
		c.depart() // the server has stopped since it took the connection
		return
	}
	if err := r.poller.add(c.net.(*net.TCPConn), c.id); err != nil {
		r.server.log.Warn("resp: closing a client whose socket cannot be watched", "client", c.id, "error", err)
		c.cut()
	}
	r.push(c) // there may be input from before it was watched
}

// forget lets a connection go.
func (r *reactor) forget(c *conn) {
	r.mu.Lock()
	delete(r.conns, c.id)
	r.mu.Unlock()
	if r.server.isClosing() {
		r.ring() // the last one ends the reactor
	}
}

// push has the reactor go on with a connection that the caller has taken.
func (r *reactor) push(c *conn) {
	r.mu.Lock()
	r.ready = append(r.ready, c)
	r.mu.Unlock()
	r.ring()
}

func (r *reactor) ring() {
	select {
	case r.bell <- struct{}{}:
	default:
	}
}

// listen serves connections that have input, until the poller is closed.
func (r *reactor) listen() {
	var ids []uint64
	var conns []*conn
	naps := newNapper()
	defer naps.close()
	for {
		full := len(ids) == pollEvents // more input is there
		ids = ids[:0]
		if !full {
			ids = r.rest(naps, ids)
		}
		if len(ids) == 0 {
			var err error
			if ids, err = r.poller.wait(ids); err != nil {
				return
			}
		}
		conns = r.find(conns[:0], ids)
		r.turn(conns, (*conn).arrived)
	}
}

// rest lets input pile up while nothing else is to be done, and appends the ids of connections that had some before: whoever sends
// beside the reactor need not be waited for. A client that sends to a thread which waits for it has to wake it, which on an idle
// processor costs both more than the request does.
func (r *reactor) rest(naps *napper, ids []uint64) []uint64 {
	if !r.server.starter.Lull() {
		return ids
	}
	runtime.Gosched() // replies that are ready go first
	if !r.server.starter.Lull() {
		return ids
	}
	ids = r.poller.now(ids)
	if len(ids) == 0 {
		naps.nap()
	}
	return ids
}

// find appends the connections with the given ids, as far as they are still there.
func (r *reactor) find(conns []*conn, ids []uint64) []*conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if c := r.conns[id]; c != nil {
			conns = append(conns, c)
		}
	}
	return conns
}

// resume serves connections that can go on, until the server has stopped and its last connection has ended.
func (r *reactor) resume() {
	defer r.poller.close()
	var spare []*conn
	for range r.bell {
		r.mu.Lock()
		conns := r.ready
		r.ready = spare
		r.ended = len(r.conns) == 0 && r.server.isClosing()
		ended := r.ended
		r.mu.Unlock()
		if ended {
			return
		}
		r.turn(conns, (*conn).resume)
		spare = conns[:0]
	}
}

// turn serves connections one after the other. What they begin, the backend handles together.
func (r *reactor) turn(conns []*conn, serve func(c *conn, now int64)) {
	now := time.Now().UnixNano()
	r.server.starter.Hold()
	defer r.server.starter.Release()
	for _, c := range conns {
		serve(c, now)
	}
	clear(conns)
}
