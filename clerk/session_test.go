package clerk

import (
	"context"
	"errors"
	"sync"
	"testing"
)

const (
	noSession = "-NOSESSION There is no such session\r\n"
	expired   = "-ONCEEXPIRED The sequence is below the session's window\r\n"
	lost      = "-ONCELOST The command was applied; its reply was not kept\r\n"
	uncertain = "-UNCERTAIN leadership was lost\r\n"
	full      = "-MISCONF Errors writing to the log\r\n"
)

func TestAnIdleSessionThatHasExpiredIsOpenedAnew(t *testing.T) {
	n := startNode(t, "+OK\r\n", noSession, "+OK\r\n")
	c, ctx := newClerk(t, Options{}, n.address)
	for range 2 {
		if err := c.Put(ctx, "k", "v"); err != nil {
			t.Fatalf("nothing had been sent in the session that expired: %v", err)
		}
	}
	n.expectReceived("once 1 1 set k v", "once 1 2 set k v", "once 2 1 set k v")
}

func TestANumberThatIsForgottenIsReplaced(t *testing.T) {
	n := startNode(t, expired, "+OK\r\n")
	c, ctx := newClerk(t, Options{}, n.address)
	if err := c.Put(ctx, "k", "v"); err != nil {
		t.Fatal(err)
	}
	n.expectReceived("once 1 1 set k v", "once 1 2 set k v")
}

func TestWhatTheClusterHasForgottenIsUncertain(t *testing.T) {
	for _, answer := range []string{noSession, expired} {
		n := startNode(t, uncertain, answer)
		c, ctx := newClerk(t, Options{}, n.address)
		if err := c.Append(ctx, "k", "v"); !errors.Is(err, ErrUncertain) {
			t.Errorf("after UNCERTAIN and %q: %v, want ErrUncertain (P3)", answer, err)
		}
		n.expectReceived("once 1 1 append k v", "once 1 1 append k v")
	}
}

// SET answers in one way, so that its lost reply is known. APPEND may have failed.
func TestALostReplyOfAWriteThatWasApplied(t *testing.T) {
	n := startNode(t, hangUp, lost, hangUp, lost)
	c, ctx := newClerk(t, Options{}, n.address)
	if err := c.Put(ctx, "k", "v"); err != nil {
		t.Errorf("Put: %v, want nil: it was applied", err)
	}
	if err := c.Append(ctx, "k", "v"); !errors.Is(err, ErrUncertain) {
		t.Errorf("Append: %v, want ErrUncertain", err)
	}
}

// A refusal ends a call only while nothing is uncertain.
func TestARefusalThatLasts(t *testing.T) {
	n := startNode(t, full, uncertain, full, ":1\r\n")
	c, ctx := newClerk(t, Options{}, n.address)
	if err := c.Append(ctx, "k", "a"); err == nil || errors.Is(err, ErrUncertain) {
		t.Errorf("error %v, want the server's: nothing was done", err)
	}
	if err := c.Append(ctx, "k", "b"); err != nil {
		t.Errorf("error %v, want none: the third attempt was answered", err)
	}
	n.expectReceived("once 1 1 append k a", "once 1 2 append k b", "once 1 2 append k b", "once 1 2 append k b")
}

func TestTheEndOfTheContextAfterAnUnknownAttempt(t *testing.T) {
	n := startNode(t, uncertain, full)
	c, patient := newClerk(t, Options{}, n.address)
	ctx, cancel := context.WithCancel(patient)
	n.before = func(received int) {
		if received == 3 {
			cancel()
		}
	}
	if err := c.Put(ctx, "k", "v"); !errors.Is(err, ErrUncertain) || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want ErrUncertain and the context's: the first attempt may have been applied", err)
	}
}

func TestAnEndedContextSendsNothing(t *testing.T) {
	n := startNode(t, "+OK\r\n")
	c, patient := newClerk(t, Options{}, n.address)
	ctx, cancel := context.WithCancel(patient)
	cancel()
	if err := c.Put(ctx, "k", "v"); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUncertain) {
		t.Errorf("error %v, want the context's alone", err)
	}
	n.expectReceived()
}

func TestCloseEndsTheSession(t *testing.T) {
	n := startNode(t, "+OK\r\n")
	c, ctx := newClerk(t, Options{}, n.address)
	if err := c.Put(ctx, "k", "v"); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed {
		t.Error("the clerk closed without SESSION CLOSE")
	}
}

// No number is given out that would push one under way out of the cluster's window.
func TestTheWindow(t *testing.T) {
	sessions := int64(0)
	s := session{open: func(context.Context) (int64, error) { sessions++; return sessions, nil }}
	ctx, cancel := context.WithCancel(t.Context())
	var turns []turn
	for range window {
		next, err := s.take(ctx)
		if err != nil {
			t.Fatal(err)
		}
		turns = append(turns, next)
	}
	for _, later := range turns[1:] {
		s.give(later)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if next, err := s.take(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("turn %v, %v was given out while 1 was under way", next, err)
	}
	waiting := make(chan turn)
	var takers sync.WaitGroup
	takers.Go(func() {
		next, err := s.take(ctx)
		if err != nil {
			t.Error(err)
		}
		waiting <- next
	})
	s.give(turns[0])
	if next := <-waiting; next != (turn{1, window + 1}) {
		t.Errorf("turn %v, want number %d", next, window+1)
	}
	takers.Wait()
	cancel()
	s.expired(1)
	s.expired(1)
	if next, err := s.take(t.Context()); err != nil || next != (turn{2, 1}) {
		t.Errorf("turn %v, %v, want the first of a new session", next, err)
	}
	s.give(turns[0]) // of the old session: no effect on the new one
	if s.lowest != 1 {
		t.Errorf("the lowest number under way is %d, want 1", s.lowest)
	}
}

func TestAFailedOpeningFailsOnlyItsCaller(t *testing.T) {
	fails, opening := errors.New("no session"), make(chan struct{})
	attempts := 0
	s := session{open: func(context.Context) (int64, error) {
		attempts++
		if attempts == 1 {
			<-opening
			return 0, fails
		}
		return 9, nil
	}}
	var takers sync.WaitGroup
	var failed, served int
	var mu sync.Mutex
	for range 5 {
		takers.Go(func() {
			_, err := s.take(t.Context())
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, fails) {
				failed++
			} else if err == nil {
				served++
			}
		})
	}
	close(opening)
	takers.Wait()
	if failed != 1 || served != 4 {
		t.Errorf("%d calls failed and %d were served, want 1 and 4", failed, served)
	}
}
