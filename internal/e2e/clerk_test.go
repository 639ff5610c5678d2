//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"redoubt/clerk"
)

const (
	// Appenders share a clerk, and so a session, by threes.
	clerks, appendersOfAClerk = 2, 3
	journal                   = "clerk:journal"
)

// appender adds tokens to a value that all share.
type appender struct {
	name  string
	clerk *clerk.Clerk
	count int // of acknowledged tokens
	fault error
}

func (a *appender) run(ctx context.Context, stop <-chan struct{}) {
	for ; a.fault == nil; a.count++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
			a.fault = a.clerk.Append(ctx, journal, a.token(a.count))
		}
	}
}

func (a *appender) token(n int) string { return fmt.Sprintf("<%s.%d>", a.name, n) }

// check looks for the appender's tokens: each once, in order, and none besides.
func (a *appender) check(value string) error {
	if a.fault != nil {
		return fmt.Errorf("token %d: %w", a.count, a.fault)
	}
	rest := value
	for n := range a.count {
		_, after, found := strings.Cut(rest, a.token(n))
		if !found {
			return fmt.Errorf("token %d of %d is not behind the one before it", n, a.count)
		}
		rest = after
	}
	if have := strings.Count(value, "<"+a.name+"."); have != a.count {
		return fmt.Errorf("%d tokens are there, %d were acknowledged", have, a.count)
	}
	return nil
}

// Whatever becomes of attempts when leaders are killed, a clerk's appends are applied once.
func TestClerksAppendOnceOverFailovers(t *testing.T) {
	c := startCluster(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var appenders []*appender
	for i := range clerks {
		client := newClerk(t, c)
		for j := range appendersOfAClerk {
			appenders = append(appenders, &appender{name: fmt.Sprint(i, "-", j), clerk: client})
		}
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	for _, a := range appenders {
		running.Go(func() { a.run(ctx, stop) })
	}
	for range 3 {
		during(warmUp)
		killed := c.leader()
		killed.kill(t)
		c.waitReady()
		killed.start(t)
	}
	during(warmUp)
	close(stop)
	running.Wait()
	value, _, err := newClerk(t, c).Get(ctx, journal)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, a := range appenders {
		if err := a.check(value); err != nil {
			t.Errorf("appender %s: %v", a.name, err)
		}
		total += a.count
	}
	t.Logf("%d appends acknowledged over 3 failovers, each is there once", total)
}

func newClerk(t *testing.T, c *cluster) *clerk.Clerk {
	t.Helper()
	client, err := clerk.New(c.addresses(), clerk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestAClerkIsNotServedByAMinority(t *testing.T) {
	c := startCluster(t)
	client := newClerk(t, c)
	if err := client.Put(t.Context(), "clerk", "before"); err != nil {
		t.Fatal(err)
	}
	c.leader().kill(t)
	c.leader().kill(t)
	brief, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if value, _, err := client.Get(brief, "clerk"); err == nil {
		t.Errorf("a minority served a read: %q", value)
	}
	if err := client.Put(brief, "clerk", "during"); err == nil {
		t.Error("a minority acknowledged a write")
	}
	for _, n := range c.nodes {
		if !n.running() {
			n.start(t)
		}
	}
	c.waitReady()
	value, found, err := client.Get(t.Context(), "clerk")
	if err != nil || !found || value != "before" && value != "during" {
		t.Errorf("Get: %q, %v, %v; acknowledged: before", value, found, err)
	}
	if err := client.Put(t.Context(), "clerk", "after"); err != nil {
		t.Error(err)
	}
}
