package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	watchInterval = 200 * time.Millisecond
	watchLimit    = 400 * time.Millisecond
)

// standing is what a node says of itself in INFO raft.
type standing struct {
	role            string
	id, term        uint64
	commit, applied uint64
	members         uint64
}

// observer asks nodes how they stand.
type observer struct {
	nodes   []node
	clients []*redis.Client

	mu     sync.Mutex
	seen   []standing // by node; the zero standing of one that does not answer
	leader int        // index of the node that leads by the highest term seen; -1 if none is known
	term   uint64
	// changes counts leaders after the first.
	changes int
}

func newObserver(nodes []node) *observer {
	o := &observer{nodes: nodes, seen: make([]standing, len(nodes)), leader: -1}
	for _, n := range nodes {
		o.clients = append(o.clients, redis.NewClient(&redis.Options{
			Addr: n.client(), MaxRetries: -1, DialerRetries: 1, DialTimeout: watchLimit, ReadTimeout: watchLimit, WriteTimeout: watchLimit,
		}))
	}
	return o
}

// run watches until ctx ends.
func (o *observer) run(ctx context.Context) {
	for ctx.Err() == nil {
		o.look(ctx)
		wait(ctx, watchInterval)
	}
	for _, c := range o.clients {
		_ = c.Close()
	}
}

// look asks all nodes once.
func (o *observer) look(ctx context.Context) {
	seen := make([]standing, len(o.nodes))
	var asking sync.WaitGroup
	for i := range o.nodes {
		asking.Go(func() {
			if s, err := o.ask(ctx, i); err == nil {
				seen[i] = s
			}
		})
	}
	asking.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = seen
	leader := -1
	for i, s := range seen {
		if s.role == "leader" && (leader < 0 || s.term > seen[leader].term) {
			leader = i
		}
	}
	if leader >= 0 && seen[leader].term > o.term {
		if o.term > 0 {
			o.changes++
		}
		o.term = seen[leader].term
	}
	o.leader = leader
}

func (o *observer) ask(ctx context.Context, i int) (standing, error) {
	text, err := o.clients[i].Info(ctx, "raft").Result()
	if err != nil {
		return standing{}, err
	}
	return parseStanding(text)
}

func parseStanding(text string) (standing, error) {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	s := standing{role: fields["raft_role"]}
	var errs []error
	for name, number := range map[string]*uint64{
		"raft_node_id": &s.id, "raft_term": &s.term, "raft_members": &s.members,
		"raft_commit_index": &s.commit, "raft_applied_index": &s.applied,
	} {
		n, err := strconv.ParseUint(fields[name], 10, 64)
		if err != nil {
			errs = append(errs, fmt.Errorf("INFO raft: %s: %w", name, err))
		}
		*number = n
	}
	return s, errors.Join(errs...)
}

// leading returns the index of the leader, or -1.
func (o *observer) leading() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.leader
}

func (o *observer) of(i int) standing {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen[i]
}

// settled reports what still differs: a cluster at rest has one leader, and every node has applied what it has committed.
func (o *observer) settled() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.leader < 0 {
		return errors.New("nobody leads")
	}
	leader := o.seen[o.leader]
	for i, s := range o.seen {
		switch {
		case s.role == "":
			return fmt.Errorf("%s does not answer", o.nodes[i].name())
		case s.term != leader.term || s.applied < leader.commit || s.commit != leader.commit:
			return fmt.Errorf("%s is at term %d, commit %d, applied %d; the leader at term %d, commit %d",
				o.nodes[i].name(), s.term, s.commit, s.applied, leader.term, leader.commit)
		}
	}
	return nil
}

// eventually asks until there is no error or ctx ends, and returns the last error.
func eventually(ctx context.Context, what func() error) error {
	for {
		err := what()
		if err == nil || ctx.Err() != nil {
			return err
		}
		wait(ctx, watchInterval)
	}
}
