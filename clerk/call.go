package clerk

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// do sends a command that may be sent any number of times to one node after the other until one has answered it, or ctx ends. sent
// reports that an attempt ended without word of what became of it; the reply, if there is one, is of a later attempt.
func (c *Clerk) do(ctx context.Context, args ...any) (reply any, sent bool, err error) {
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return nil, sent, err
		}
		address := c.target()
		client, err := c.client(address)
		if err != nil {
			return nil, sent, err
		}
		reply, err := c.try(ctx, client, args)
		outcome := judge(err)
		switch {
		case outcome.kind == answered, outcome.kind == refused && !sent:
			c.answeredBy(address)
			return reply, sent, err
		case outcome.kind == moved:
			c.answeredBy(outcome.leader)
		default:
			sent = sent || outcome.kind == unknown
			c.forget(address)
		}
		if outcome.kind != moved || attempt%(2*len(c.nodes)) == 0 {
			pause(ctx, c.options.RetryInterval)
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
	answered outcomeKind = iota // done, or answered by the command itself with an error: every attempt would be
	refused                     // not done in this attempt, for a reason that will last
	moved                       // not done in this attempt; another node leads
	notDone                     // not done in this attempt; nobody may lead
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
	if errors.As(err, &network) && network.Op == "dial" || errors.Is(err, redis.ErrPoolTimeout) {
		return outcome{kind: notDone}
	}
	return outcome{kind: unknown}
}

// judgeReply reads an error reply by its code.
func judgeReply(message string) outcome {
	switch firstWord(message) {
	case "MOVED":
		if words := strings.Fields(message); len(words) == 3 {
			return outcome{kind: moved, leader: words[2]}
		}
		return outcome{kind: notDone}
	case "CLUSTERDOWN", "TRYAGAIN", "LOADING":
		return outcome{kind: notDone}
	case "UNCERTAIN", "":
		return outcome{kind: unknown}
	case "ERR":
		if strings.HasPrefix(message, "ERR max number of clients reached") {
			return outcome{kind: notDone}
		}
		return outcome{kind: answered}
	case "WRONGTYPE", "NOSESSION", "ONCEEXPIRED", "ONCELOST":
		return outcome{kind: answered}
	}
	return outcome{kind: refused}
}

func firstWord(message string) string {
	word, _, _ := strings.Cut(message, " ")
	return word
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
			PoolSize:              window,
		})
		c.clients[address] = client
	}
	return client, nil
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
