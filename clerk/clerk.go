// Package clerk is a small client of a Redoubt cluster: Get, Put and Append against a list of nodes. It finds the
// leader, follows it through failovers, and retries until the context ends whatever was certainly not done.
//
// A write whose outcome is unknown is never retried: it may have been applied, and applied again it would
// append twice, or overwrite what somebody wrote since. Such a call returns ErrUncertain.
package clerk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrUncertain says that a write was sent and its outcome is unknown: it may or may not have been applied.
var ErrUncertain = errors.New("clerk: the outcome of the write is unknown")

// ErrClosed says that the clerk was closed; nothing was done.
var ErrClosed = errors.New("clerk: closed")

// Options adjust a Clerk. The zero value means the defaults.
type Options struct {
	// AttemptTimeout bounds one attempt on one node. Default: 3 s.
	AttemptTimeout time.Duration
	// RetryInterval is the pause after every node was tried once. Default: 20 ms.
	RetryInterval time.Duration
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

// Clerk talks to one cluster. Its methods may be called from any goroutine.
type Clerk struct {
	options Options
	nodes   []string // as given: where to look for the leader

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
	return &Clerk{
		options: options.withDefaults(),
		nodes:   append([]string(nil), nodes...),
		clients: make(map[string]*redis.Client),
	}, nil
}

// Get returns the value of key, and false if there is none. The value is at least as new as any that a call
// which had returned before this one began has written or seen.
func (c *Clerk) Get(ctx context.Context, key string) (value string, found bool, err error) {
	reply, err := c.do(ctx, true, "get", key)
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

// Put sets key to value. ErrUncertain: it may or may not have been done; any other error: it was not done.
func (c *Clerk) Put(ctx context.Context, key, value string) error {
	_, err := c.do(ctx, false, "set", key, value)
	return err
}

// Append adds value to the end of key's value. ErrUncertain: it may or may not have been done; any other
// error: it was not done.
func (c *Clerk) Append(ctx context.Context, key, value string) error {
	_, err := c.do(ctx, false, "append", key, value)
	return err
}

// Close closes every connection. Calls under way end with ErrUncertain or ErrClosed.
func (c *Clerk) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	var errs []error
	for _, client := range c.clients {
		errs = append(errs, client.Close())
	}
	clear(c.clients)
	return errors.Join(errs...)
}

// do tries nodes until one answers, the outcome is unknown, or ctx ends.
func (c *Clerk) do(ctx context.Context, readOnly bool, args ...any) (any, error) {
	for attempt := 1; ; attempt++ {
		address := c.target()
		client, err := c.client(address)
		if err != nil {
			return nil, err
		}
		reply, err := c.try(ctx, client, args)
		outcome := judge(err)
		switch {
		case outcome.kind == answered:
			c.answeredBy(address)
			return reply, err
		case outcome.kind == unknown && !readOnly:
			c.forget(address)
			return nil, fmt.Errorf("%w: %w", ErrUncertain, err)
		case outcome.kind == moved:
			c.answeredBy(outcome.leader)
		default:
			c.forget(address)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if outcome.kind != moved || attempt%(2*len(c.nodes)) == 0 {
			if err := pause(ctx, c.options.RetryInterval); err != nil {
				return nil, err
			}
		}
	}
}

func (c *Clerk) try(ctx context.Context, client *redis.Client, args []any) (any, error) {
	attempt, cancel := context.WithTimeout(ctx, c.options.AttemptTimeout)
	defer cancel()
	return client.Do(attempt, args...).Result()
}

// outcome is what an attempt's error says of the command.
type outcome struct {
	kind   outcomeKind
	leader string // of a redirect
}

type outcomeKind int

const (
	answered outcomeKind = iota // done, or refused by the command itself
	moved                       // not done; another node leads
	notDone                     // not done; nobody may lead
	unknown                     // sent, and perhaps done
)

func judge(err error) outcome {
	if err == nil || errors.Is(err, redis.Nil) {
		return outcome{kind: answered}
	}
	var reply redis.Error
	if errors.As(err, &reply) {
		return judgeReply(reply.Error())
	}
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "dial" {
		return outcome{kind: notDone}
	}
	return outcome{kind: unknown}
}

// judgeReply reads an error reply. Its first word is the code.
func judgeReply(message string) outcome {
	words := strings.Fields(message)
	if len(words) == 0 {
		return outcome{kind: unknown}
	}
	switch words[0] {
	case "MOVED":
		if len(words) == 3 {
			return outcome{kind: moved, leader: words[2]}
		}
		return outcome{kind: notDone}
	case "CLUSTERDOWN", "TRYAGAIN", "LOADING":
		return outcome{kind: notDone}
	case "UNCERTAIN":
		return outcome{kind: unknown}
	}
	if strings.HasPrefix(message, "ERR max number of clients reached") {
		return outcome{kind: notDone}
	}
	return outcome{kind: answered}
}

// target returns whom to ask: the leader if one is known, else the next node in turn.
func (c *Clerk) target() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leader != "" {
		return c.leader
	}
	address := c.nodes[c.next%len(c.nodes)]
	c.next++
	return address
}

func (c *Clerk) answeredBy(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader = address
}

// forget stops asking a node first.
func (c *Clerk) forget(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leader == address {
		c.leader = ""
	}
}

// client returns the connections to one node. They never retry by themselves: only the clerk knows what may be retried.
func (c *Clerk) client(address string) (*redis.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	client, ok := c.clients[address]
	if !ok {
		client = redis.NewClient(&redis.Options{
			Addr:                  address,
			MaxRetries:            -1,
			DialTimeout:           c.options.AttemptTimeout,
			DialerRetries:         1,
			ContextTimeoutEnabled: true,
		})
		c.clients[address] = client
	}
	return client, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
