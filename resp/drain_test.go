package resp

import (
	"testing"
	"time"
)

// TestShutdownServesThoseWhoAsk: a client that goes on asking is answered, by a redirect in the end, and its connection is closed
// when it has fallen silent.
func TestShutdownServesThoseWhoAsk(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	c.want("PING", "PONG")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.shutdown(t)
	}()
	// Without a wait for silence the first of these meets a closed connection.
	for at := time.Now(); time.Since(at) < drainLimit/4; {
		c.want("PING", "PONG")
	}
	c.wantClosed()
	<-ended
}

// TestShutdownHearsTheSilentOut: a client that was silent for long may have sent a command just now.
func TestShutdownHearsTheSilentOut(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	c.want("PING", "PONG")
	eventually(t, "the client is silent", func() bool {
		now := time.Now()
		return s.isQuiet(now, now.Add(-drainQuiet))
	})
	begins, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		close(begins)
		s.shutdown(t)
	}()
	<-begins
	<-time.After(drainQuiet / 4) // the server has looked by then, and would have closed the connection
	c.want("PING", "PONG")
	c.wantClosed()
	<-ended
}

func TestAStandstillBeginsTheVigilAnew(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, test := range []struct {
		name  string
		looks []time.Duration
		began time.Duration
		more  time.Duration // how much later it ends
	}{
		{"no look", nil, 0, 0},
		{"looks in time", []time.Duration{drainLook, 2 * drainLook, 3*drainLook + drainLook/2}, 0, 0},
		{"a standstill", []time.Duration{drainLook, drainLook + 3*time.Second, 2*drainLook + 3*time.Second}, drainLook + 3*time.Second, 3 * time.Second},
		{"two", []time.Duration{time.Second, 2 * time.Second}, 2 * time.Second, 2 * time.Second},
	} {
		v := newVigil(start)
		for _, at := range test.looks {
			v.look(start.Add(at))
		}
		if began := v.began.Sub(start); began != test.began {
			t.Errorf("%s: the vigil has begun after %v, want %v", test.name, began, test.began)
		}
		if more := v.ends.Sub(start) - drainLimit; more != test.more {
			t.Errorf("%s: it ends %v later, want %v", test.name, more, test.more)
		}
	}
}
