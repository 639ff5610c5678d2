package resp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"redoubt/fsm"
)

// Listener is one address that clients come in by.
type Listener struct {
	net.Listener
	// Name tells listeners apart in the log.
	Name string
	// Announce is the "host:port" that clients of this listener can reach this node at.
	Announce string
}

// Options configure a Server.
type Options struct {
	// Listeners are served until Close. Their order is that of Member.Clients. At least one.
	Listeners []Listener
	// Logger receives what an operator should know. Nil: slog.Default.
	Logger *slog.Logger
	// Limits bound what clients can cost.
	Limits Limits
	// Parameters are shown and changed by CONFIG beside the server's own.
	Parameters []Parameter
	// Version is Redoubt's version (INFO's redoubt_version).
	Version string
	// LinearizableReplicas says how READONLY without a word reads on a node that follows: never stale, or, as Redis
	// does, from its applied state (replica-reads).
	LinearizableReplicas bool
	// Shutdown begins an orderly stop of the process (SHUTDOWN); save asks for a snapshot first. It returns
	// at once. Nil: SHUTDOWN is refused.
	Shutdown func(save bool)
	// Now is the clock (TIME, INFO). Nil: time.Now.
	Now func() time.Time
}

// Server serves clients on behalf of one replica.
type Server struct {
	backend     Backend
	slots       SlotReader // nil if the backend is none
	starter     Starter    // nil likewise
	reactors    []*reactor // none if each connection has a goroutine
	nextReactor atomic.Uint64
	opts        Options
	log         *slog.Logger
	now         func() time.Time
	limits      Limits
	settings    settings
	params      *parameters
	commands    *table
	clients     registry
	stats       stats
	buffers     budget
	// listing is held while a list of all clients is made, so that there is one at a time.
	listing   sync.Mutex
	startedAt time.Time
	runID     string

	// lifetime ends when the server begins to stop.
	lifetime  context.Context
	end       context.CancelFunc
	closeOnce sync.Once
}

// SlotReader is implemented by a Backend that can say which keys a slot holds (CLUSTER
// COUNTKEYSINSLOT and GETKEYSINSLOT).
type SlotReader interface {
	// CountKeysInSlot returns the number of keys in a slot.
	CountKeysInSlot(slot int) int
	// KeysInSlot replies to w with up to limit keys of a slot.
	KeysInSlot(slot, limit int, w *fsm.Writer)
}

// New returns a server that runs commands on backend. Serve starts it. After an error the listeners are
// still the caller's.
func New(backend Backend, opts Options) (*Server, error) {
	if len(opts.Listeners) == 0 {
		return nil, errors.New("resp: no listener")
	}
	s := &Server{
		backend: backend,
		opts:    opts,
		log:     opts.Logger,
		now:     opts.Now,
		limits:  opts.Limits.withDefaults(),
	}
	s.lifetime, s.end = context.WithCancel(context.Background())
	s.slots, _ = backend.(SlotReader)
	s.starter, _ = backend.(Starter)
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	id := make([]byte, 20)
	if _, err := rand.Read(id); err != nil {
		return nil, fmt.Errorf("resp: run id: %w", err)
	}
	s.runID = hex.EncodeToString(id)
	s.startedAt = s.now()
	s.buffers.limit = s.limits.MaxBuffers
	s.settings.load(s.limits)
	s.settings.linearizable.Store(opts.LinearizableReplicas)
	s.commands = newTable()
	var err error
	if s.params, err = newParameters(append(s.ownParameters(), opts.Parameters...)); err != nil {
		return nil, err
	}
	s.startReactors()
	return s, nil
}

// Serve accepts connections on all listeners until Close or Shutdown, and returns nil then.
func (s *Server) Serve() error {
	var running sync.WaitGroup
	for i := range s.opts.Listeners {
		running.Go(func() { s.accept(i) })
	}
	running.Go(s.tend)
	running.Wait()
	return nil
}

// Shutdown serves on until every client has fallen silent, as those do that a redirect has sent elsewhere, but not for
// long. Then it stops accepting, lets every connection finish the batch that is running and send its
// replies, and closes it. When ctx ends first, the connections that are left are cut off; Shutdown returns ctx's
// error then.
func (s *Server) Shutdown(ctx context.Context) error {
	s.drain(ctx)
	s.stop()
	for _, c := range s.clients.all() {
		c.wake()
	}
	ended := make(chan struct{})
	go func() {
		s.clients.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	for _, c := range s.clients.all() {
		c.cut()
	}
	return fmt.Errorf("resp: shutdown: %w", ctx.Err())
}

// Close stops the server at once: batches that run get no reply. It does not wait for them.
func (s *Server) Close() error {
	s.stop()
	for _, c := range s.clients.all() {
		c.cut()
	}
	return nil
}

// stop begins the end: nothing is accepted any more.
func (s *Server) stop() {
	s.closeOnce.Do(func() {
		s.end()
		s.clients.close()
		for _, r := range s.reactors {
			r.ring()
		}
		for i := range s.opts.Listeners {
			s.opts.Listeners[i].Close()
		}
	})
}

// isClosing reports whether the server has begun to stop.
func (s *Server) isClosing() bool { return s.lifetime.Err() != nil }

// tend does once a second what no connection does for itself: it closes idle connections and those whose client has left
// a command that waits, has silent ones give their buffers back, and samples the traffic.
func (s *Server) tend() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-s.lifetime.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		s.tendConns(now)
		s.sample(now)
	}
}

// tendConns looks at every connection as of now.
func (s *Server) tendConns(now time.Time) {
	timeout := time.Duration(s.settings.timeout.Load()) * time.Second
	for _, c := range s.clients.all() {
		idle := now.Sub(time.Unix(0, c.lastActive.Load()))
		switch {
		case c.blocked.Load() && hungUp(c.net):
			c.cut()
		case !c.waiting.Load():
			// A command that takes long is not the client's silence.
		case timeout > 0 && idle > timeout:
			c.cut()
		case idle > idleAfter && c.large.Load():
			c.wake()
		}
	}
}
