package clerk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// patience is how long a call may take on a busy machine.
const patience = 20 * time.Second

// attempt is enough to connect and send on a busy machine, where a test waits for an attempt to end without an answer.
const attempt = 3 * time.Second

func newClerk(t *testing.T, options Options, nodes ...string) (*Clerk, context.Context) {
	t.Helper()
	if options.RetryInterval == 0 {
		options.RetryInterval = time.Millisecond
	}
	c, err := New(nodes, options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(func() {
		cancel()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, ctx
}

func TestNewWantsNodes(t *testing.T) {
	if _, err := New(nil, Options{}); err == nil {
		t.Fatal("a clerk without nodes was made")
	}
}

func TestARedirectIsFollowedAndRemembered(t *testing.T) {
	leader := startNode(t, ":2\r\n", "$2\r\nab\r\n")
	follower := startNode(t, "-MOVED 15495 "+leader.address+"\r\n")
	c, ctx := newClerk(t, Options{}, follower.address)
	if err := c.Append(ctx, "k", "ab"); err != nil {
		t.Fatal(err)
	}
	value, found, err := c.Get(ctx, "k")
	if err != nil || !found || value != "ab" {
		t.Fatalf("Get = %q, %t, %v", value, found, err)
	}
	follower.expectReceived("once 1 1 append k ab")
	leader.expectReceived("once 1 1 append k ab", "get k")
}

func TestARedirectToALostNodeLeadsBackToTheOthers(t *testing.T) {
	next := startNode(t, "+OK\r\n")
	follower := startNode(t, "-MOVED 1 "+deadAddress(t)+"\r\n")
	c, ctx := newClerk(t, Options{}, follower.address, next.address)
	if err := c.Put(ctx, "k", "v"); err != nil {
		t.Fatal(err)
	}
	next.expectReceived("once 1 1 set k v")
}

func TestAMissingKeyIsNotAnError(t *testing.T) {
	n := startNode(t, "$-1\r\n", "$0\r\n\r\n")
	c, ctx := newClerk(t, Options{}, n.address)
	if value, found, err := c.Get(ctx, "k"); value != "" || found || err != nil {
		t.Fatalf("Get of a missing key = %q, %t, %v", value, found, err)
	}
	if value, found, err := c.Get(ctx, "k"); value != "" || !found || err != nil {
		t.Fatalf("Get of an empty value = %q, %t, %v", value, found, err)
	}
}

func TestWhatWasCertainlyNotDoneIsRetried(t *testing.T) {
	for _, refusal := range []string{
		"CLUSTERDOWN Hash slot not served",
		"TRYAGAIN Too many writes are waiting to be committed",
		"LOADING Redis is loading the dataset in memory",
		"ERR max number of clients reached",
		"MOVED",
	} {
		t.Run(refusal, func(t *testing.T) {
			refused := "-" + refusal + "\r\n"
			n := startNode(t, refused, refused, ":1\r\n")
			c, ctx := newClerk(t, Options{}, n.address)
			if err := c.Append(ctx, "k", "v"); err != nil {
				t.Fatal(err)
			}
			n.expectReceived("once 1 1 append k v", "once 1 1 append k v", "once 1 1 append k v")
		})
	}
}

func TestANodeThatCannotBeReachedIsPassedOver(t *testing.T) {
	n := startNode(t, ":1\r\n")
	c, ctx := newClerk(t, Options{}, deadAddress(t), n.address)
	if err := c.Append(ctx, "k", "v"); err != nil {
		t.Fatalf("nothing was sent to the first node, so the append was to be retried: %v", err)
	}
	n.expectReceived("once 1 1 append k v")
}

func TestAWriteOfUnknownOutcomeIsSentAgainUnderItsNumber(t *testing.T) {
	for _, answer := range []string{"-UNCERTAIN leadership was lost\r\n", hangUp, silence} {
		for _, verb := range []string{"set", "append"} {
			t.Run(fmt.Sprintf("%s %q", verb, answer), func(t *testing.T) {
				first, second := startNode(t, answer), startNode(t, ":1\r\n")
				options := Options{}
				if answer == silence {
					t.Parallel()
					options.AttemptTimeout = attempt
				}
				c, ctx := newClerk(t, options, first.address, second.address)
				call := c.Put
				if verb == "append" {
					call = c.Append
				}
				for range 2 {
					if err := call(ctx, "k", "v"); err != nil {
						t.Fatal(err)
					}
				}
				first.expectReceived("once 1 1 " + verb + " k v")
				second.expectReceived("once 1 1 "+verb+" k v", "once 1 2 "+verb+" k v")
			})
		}
	}
}

func TestAReadIsRetriedWhateverBecameOfIt(t *testing.T) {
	for _, answer := range []string{"-UNCERTAIN leadership was lost\r\n", hangUp, silence} {
		t.Run(fmt.Sprintf("%q", answer), func(t *testing.T) {
			first, second := startNode(t, answer), startNode(t, "$1\r\nv\r\n")
			options := Options{}
			if answer == silence {
				t.Parallel()
				options.AttemptTimeout = attempt
			}
			c, ctx := newClerk(t, options, first.address, second.address)
			value, _, err := c.Get(ctx, "k")
			if err != nil || value != "v" {
				t.Fatalf("Get = %q, %v", value, err)
			}
			first.expectReceived("get k")
		})
	}
}

func TestTheCommandsOwnErrorEndsTheCall(t *testing.T) {
	n := startNode(t, "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")
	c, ctx := newClerk(t, Options{}, n.address)
	err := c.Append(ctx, "k", "v")
	if err == nil || errors.Is(err, ErrUncertain) || !strings.HasPrefix(err.Error(), "WRONGTYPE") {
		t.Fatalf("error %v, want the server's", err)
	}
	n.expectReceived("once 1 1 append k v")
}

func TestTheEndOfTheContextEndsTheRetries(t *testing.T) {
	n := startNode(t, "-CLUSTERDOWN Hash slot not served\r\n")
	c, patient := newClerk(t, Options{}, n.address)
	ctx, cancel := context.WithCancel(patient)
	n.before = func(received int) {
		if received == 3 {
			cancel()
		}
	}
	err := c.Put(ctx, "k", "v")
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUncertain) {
		t.Fatalf("error %v, want the context's alone: every attempt was refused before it did anything", err)
	}
	n.expectReceived("once 1 1 set k v", "once 1 1 set k v", "once 1 1 set k v")
}

func TestTheEndOfTheContextLeavesASentWriteUncertain(t *testing.T) {
	t.Parallel()
	n := startNode(t, silence)
	c, patient := newClerk(t, Options{}, n.address)
	ctx, cancel := context.WithTimeout(patient, attempt)
	defer cancel()
	if err := c.Put(ctx, "k", "v"); !errors.Is(err, ErrUncertain) {
		t.Fatalf("error %v, want ErrUncertain: the write was sent (P3)", err)
	}
	if _, _, err := c.Get(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Get returned %v, want the context's error", err)
	}
}

func TestClosedMeansClosed(t *testing.T) {
	n := startNode(t, "+OK\r\n")
	c, ctx := newClerk(t, Options{}, n.address)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(ctx, "k", "v"); !errors.Is(err, ErrClosed) {
		t.Errorf("Put on a closed clerk: %v, want ErrClosed: nothing was sent", err)
	}
	if _, _, err := c.Get(ctx, "k"); !errors.Is(err, ErrClosed) {
		t.Errorf("Get on a closed clerk: %v, want ErrClosed", err)
	}
	n.expectReceived()
}
