package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"redoubt/clerk"
	"redoubt/internal/lin"
)

const (
	dialLimit = 500 * time.Millisecond
	// roundLimit bounds the wait for a reply on one connection. Patient clients learn what a deposed leader has to say, and
	// are still there when a paused one wakes.
	roundLimit   = 1500 * time.Millisecond
	patientLimit = 6 * time.Second
	// insistence is for how long a client that may send a command again does so.
	insistence = 10 * time.Second
	// clientPause is how long a client that was not served waits.
	clientPause = 20 * time.Millisecond
)

// client sends commands together and tells what became of each.
type client interface {
	do(ctx context.Context, commands [][]string) []outcome
	close()
}

// route is a client that uses one connection at a time, follows MOVED and retries nothing.
type route struct {
	addresses []string
	limit     time.Duration // for a reply
	onConnect func(context.Context, *redis.Conn) error
	// roams: any node may answer, so a node is left only now and then.
	roams   bool
	next    int
	target  string // whom MOVED named
	clients map[string]*redis.Client
}

func newRoute(addresses []string, first int, limit time.Duration) *route {
	return &route{addresses: addresses, next: first, limit: limit, clients: make(map[string]*redis.Client)}
}

// connection returns the client of the node to ask now.
func (r *route) connection() *redis.Client {
	address := r.target
	if address == "" {
		address = r.addresses[r.next%len(r.addresses)]
	}
	c, ok := r.clients[address]
	if !ok {
		c = newClient(address, r.limit, r.onConnect)
		r.clients[address] = c
	}
	return c
}

// newClient makes connections to one node, which never retry by themselves. onConnect may be nil.
func newClient(address string, limit time.Duration, onConnect func(context.Context, *redis.Conn) error) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: address, MaxRetries: -1, DialTimeout: dialLimit, DialerRetries: 1,
		ReadTimeout: limit, WriteTimeout: limit, PoolSize: 2, OnConnect: onConnect,
	})
}

func (r *route) do(ctx context.Context, commands [][]string) []outcome {
	cmds := make([]*redis.Cmd, len(commands))
	pipe := r.connection().Pipeline()
	for i, words := range commands {
		cmds[i] = pipe.Do(ctx, arguments(words)...)
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	outcomes := make([]outcome, len(commands))
	for i, cmd := range cmds {
		outcomes[i] = judge(cmd.Val(), cmd.Err())
		r.heed(outcomes[i])
	}
	return outcomes
}

// heed follows what an outcome says of who leads.
func (r *route) heed(o outcome) {
	switch {
	case o.moved != "" && !r.roams:
		r.target = o.moved
	case o.lost || o.moved != "":
		r.target = ""
		r.next++
	}
}

func (r *route) close() {
	for _, c := range r.clients {
		_ = c.Close()
	}
}

func arguments(words []string) []any {
	args := make([]any, len(words))
	for i, word := range words {
		args[i] = word
	}
	return args
}

// envelopes is a cluster client of the library with its own retries, which sends every write under ONCE, so that none of them
// acts twice.
type envelopes struct {
	cluster  *redis.ClusterClient
	session  int64 // zero: none is open
	sequence int64
}

func newEnvelopes(addresses []string) *envelopes {
	return &envelopes{cluster: redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: addresses, MaxRedirects: 5, DialTimeout: dialLimit, DialerRetries: 1,
		ReadTimeout: roundLimit, WriteTimeout: roundLimit,
		// A dead leader refuses connections and redirects nobody; what the library then knows ages by this.
		ClusterStateReloadInterval: time.Second,
	})}
}

func (e *envelopes) do(ctx context.Context, commands [][]string) []outcome {
	outcomes := make([]outcome, len(commands))
	for i, words := range commands {
		outcomes[i] = e.one(ctx, words)
	}
	return outcomes
}

// one sends a command until it is answered.
func (e *envelopes) one(ctx context.Context, words []string) outcome {
	ctx, cancel := context.WithTimeout(ctx, insistence)
	defer cancel()
	sent := false
	e.sequence++
	for ctx.Err() == nil {
		args := arguments(words)
		if isWrite(words) {
			if !e.open(ctx) {
				continue
			}
			args = append([]any{"ONCE", e.session, e.sequence}, args...)
		}
		o := judge(e.cluster.Do(ctx, args...).Result())
		switch {
		case o.Outcome == lin.Done:
			return o
		case isForgotten(o.strange):
			// This attempt did nothing, but the library may have made others before.
			e.session = 0
			return outcome{Outcome: lin.Unknown}
		case o.strange != "":
			return o
		}
		// An attempt that was refused may have followed others.
		sent = true
		wait(ctx, clientPause)
	}
	if sent {
		return outcome{Outcome: lin.Unknown}
	}
	return outcome{Outcome: lin.NotDone}
}

// isForgotten reports whether an error says that the cluster does not know a session or sequence any more.
func isForgotten(text string) bool {
	code, _, _ := strings.Cut(text, " ")
	return code == "-NOSESSION" || code == "-ONCEEXPIRED" || code == "-ONCELOST"
}

// open opens a session, unless one is open.
func (e *envelopes) open(ctx context.Context) bool {
	if e.session != 0 {
		return true
	}
	id, err := e.cluster.Do(ctx, "SESSION", "OPEN").Int64()
	if err != nil {
		wait(ctx, clientPause)
		return false
	}
	e.session, e.sequence = id, 1
	return true
}

func (e *envelopes) close() { _ = e.cluster.Close() }

// clerkClient uses what a clerk can.
type clerkClient struct{ clerk *clerk.Clerk }

func (c clerkClient) do(ctx context.Context, commands [][]string) []outcome {
	outcomes := make([]outcome, len(commands))
	for i, words := range commands {
		outcomes[i] = c.one(ctx, words)
	}
	return outcomes
}

func (c clerkClient) one(ctx context.Context, words []string) outcome {
	ctx, cancel := context.WithTimeout(ctx, insistence)
	defer cancel()
	o := outcome{Outcome: lin.Done}
	var err error
	switch words[0] {
	case "SET":
		o.reply = lin.Text("OK")
		err = c.clerk.Put(ctx, words[1], words[2])
	case "APPEND":
		o.unread = true
		err = c.clerk.Append(ctx, words[1], words[2])
	case "GET":
		var value string
		var found bool
		if value, found, err = c.clerk.Get(ctx, words[1]); found {
			o.reply = lin.Text(value)
		}
	default:
		panic("BUG: torture: a clerk cannot " + words[0])
	}
	var answered redis.Error
	switch {
	case err == nil:
		return o
	case errors.Is(err, clerk.ErrUncertain):
		return outcome{Outcome: lin.Unknown}
	case errors.As(err, &answered):
		o := judgeError(answered.Error())
		o.Outcome = lin.NotDone // as the clerk promises
		return o
	}
	return outcome{Outcome: lin.NotDone}
}

func (c clerkClient) close() {} // it is shared

// wait waits for d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// newLoyal makes a client that asks the same node always, whether or not it leads.
func newLoyal(addresses []string, i int) *route {
	r := newRoute(addresses[i%len(addresses):][:1], 0, patientLimit)
	r.roams = true
	return r
}

// newReader makes a client that reads from one node, whoever leads. how is STALE or LINEARIZABLE.
func newReader(addresses []string, first int, how string) *route {
	r := newRoute(addresses, first, roundLimit)
	r.roams = true
	r.onConnect = func(ctx context.Context, conn *redis.Conn) error {
		return conn.Do(ctx, "READONLY", how).Err()
	}
	return r
}
