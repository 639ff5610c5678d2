// Package clerk is a small client of a Redoubt cluster: Get, Put and Append against a list of nodes. It finds the leader,
// follows it through failovers, and retries until it has an answer or the context ends.
//
// A write takes effect once, however often it had to be sent: it goes out as ONCE <session> <sequence> <command>, and the
// cluster answers a repetition with what it answered first (Ongaro's thesis, section 6.3). A clerk opens its session at
// its first write, and another when that has expired.
package clerk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrUncertain says that a write was sent and its outcome is unknown: it may have been applied, may not have been, or may still be,
// once. The context ended, or the clerk was closed, or the session expired before the answer came.
var ErrUncertain = errors.New("clerk: the outcome of the write is unknown")

// ErrClosed says that the clerk was closed; nothing was done.
var ErrClosed = errors.New("clerk: closed")

// Options adjust a Clerk. The zero value means the defaults.
type Options struct {
	// AttemptTimeout bounds one attempt on one node. Default: 3 s.
	AttemptTimeout time.Duration
	// RetryInterval is the pause after an attempt that led nowhere. Default: 20 ms.
	RetryInterval time.Duration
	// SessionTTL is for how long the cluster remembers what an idle clerk has done, in whole seconds. A write that is
	// retried for longer may end as ErrUncertain. Default: the server's, an hour.
	SessionTTL time.Duration
}

func (o Options) withDefaults() Options {
	if o.AttemptTimeout <= 0 {
		o.AttemptTimeout = 3 * time.Second
	}
	if o.RetryInterval <= 0 {
		o.RetryInterval = 20 * time.Millisecond
	}
	return o
}

// Clerk talks to one cluster. Its methods may be called from any goroutine; those that write share one session, in which 128 writes
// may be under way at a time.
type Clerk struct {
	options Options
	nodes   []string // as given: where to look for the leader
	session session

	mu      sync.Mutex
	clients map[string]*redis.Client
	closed  bool
	leader  string // who answered last, or whom a redirect named
	next    int    // which of nodes to ask when no leader is known
}

// New returns a clerk for the cluster of which nodes ("host:port") lists some or all. It connects at the first call.
func New(nodes []string, options Options) (*Clerk, error) {
	if len(nodes) == 0 {
		return nil, errors.New("clerk: no nodes")
	}
	c := &Clerk{
		options: options.withDefaults(),
		nodes:   append([]string(nil), nodes...),
		clients: make(map[string]*redis.Client),
	}
	c.session.open = c.openSession
	return c, nil
}

// Get returns the value of key, and false if there is none. The value is at least as new as any that a call
// which had returned before this one began has written or seen.
func (c *Clerk) Get(ctx context.Context, key string) (value string, found bool, err error) {
	reply, _, err := c.do(ctx, "get", key)
	if errors.Is(err, redis.Nil) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	value, ok := reply.(string)
	if !ok {
		return "", false, fmt.Errorf("clerk: unexpected reply of type %T to get", reply)
	}
	return value, true, nil
}

// Put sets key to value, once. ErrUncertain: it may or may not have been done; any other error: it was not done.
func (c *Clerk) Put(ctx context.Context, key, value string) error {
	err := c.once(ctx, "set", key, value)
	if codeOf(err) == "ONCELOST" {
		return nil // applied, and SET has one reply only
	}
	return err
}

// Append adds value to the end of key's value, once. ErrUncertain: it may or may not have been done; any other
// error: it was not done.
func (c *Clerk) Append(ctx context.Context, key, value string) error {
	err := c.once(ctx, "append", key, value)
	if codeOf(err) == "ONCELOST" {
		return fmt.Errorf("%w: %w", ErrUncertain, err) // it ran, and may have failed
	}
	return err
}

// Close ends the session, if the leader answers soon, and closes every connection. Calls under way end with ErrUncertain or ErrClosed.
func (c *Clerk) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	leader := c.clients[c.leader]
	c.mu.Unlock()
	if first && leader != nil {
		c.closeSession(leader)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, client := range c.clients {
		errs = append(errs, client.Close())
	}
	clear(c.clients)
	return errors.Join(errs...)
}
