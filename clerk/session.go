package clerk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// window is how many sequences of a session the cluster tells apart, counted back from the highest that it has run.
const window = 128

// closeLimit bounds the wait for the answer to a SESSION CLOSE.
const closeLimit = time.Second

// session numbers the writes of a clerk. No write is given a number so far above the lowest under way that the cluster could
// forget that one.
type session struct {
	open func(context.Context) (int64, error) // asks the cluster for a session

	mu      sync.Mutex
	id      int64 // zero: none is open
	last    int64 // the highest number that was given out
	lowest  int64 // the lowest number that may be under way
	active  map[int64]bool
	opening bool
	changed chan struct{} // closed and made anew when any of the above has changed; nil if nobody waits
}

// turn is a number within a session.
type turn struct{ session, sequence int64 }

// take returns the next number, once there is a session and room in its window.
func (s *session) take(ctx context.Context) (turn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.id == 0 && !s.opening:
			if err := s.renew(ctx); err != nil {
				return turn{}, err
			}
			continue
		case s.id != 0 && s.last+1-s.lowest < window:
			s.last++
			s.active[s.last] = true
			return turn{s.id, s.last}, nil
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-changed:
		}
		s.mu.Lock()
		if err := ctx.Err(); err != nil {
			return turn{}, err
		}
	}
}

// renew opens a session while others wait for it. The caller holds the lock, which is let go meanwhile.
func (s *session) renew(ctx context.Context) error {
	s.opening = true
	s.mu.Unlock()
	id, err := s.open(ctx)
	s.mu.Lock()
	s.opening = false
	if err == nil {
		s.id, s.last, s.lowest, s.active = id, 0, 1, make(map[int64]bool)
	}
	s.wake()
	return err
}

// give says that a number is not under way any more.
func (s *session) give(t turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.session != s.id {
		return
	}
	delete(s.active, t.sequence)
	for s.lowest <= s.last && !s.active[s.lowest] {
		s.lowest++
	}
	s.wake()
}

// expired says that the cluster does not know a session.
func (s *session) expired(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == s.id {
		s.id = 0
		s.wake()
	}
}

func (s *session) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// once runs a write in the session. The error may be the server's, one of ErrUncertain, or say why nothing was done.
func (c *Clerk) once(ctx context.Context, args ...any) error {
	for {
		t, err := c.session.take(ctx)
		if err != nil {
			return err
		}
		_, sent, err := c.do(ctx, append([]any{"once", t.session, t.sequence}, args...)...)
		c.session.give(t)
		code := codeOf(err)
		if code == "NOSESSION" {
			c.session.expired(t.session)
		}
		switch {
		case code == "NOSESSION" || code == "ONCEEXPIRED":
			// What was sent now was not run. What was sent before may have been.
			if sent {
				return fmt.Errorf("%w: %w", ErrUncertain, err)
			}
		case sent && code == "" && err != nil:
			return fmt.Errorf("%w: %w", ErrUncertain, err)
		default:
			return err
		}
	}
}

// openSession asks the cluster for a session. One whose id got lost on the way expires by itself.
func (c *Clerk) openSession(ctx context.Context) (int64, error) {
	args := []any{"session", "open"}
	if seconds := int64(c.options.SessionTTL / time.Second); seconds > 0 {
		args = append(args, "ttl", seconds)
	}
	reply, _, err := c.do(ctx, args...)
	if err != nil {
		return 0, err
	}
	id, ok := reply.(int64)
	if !ok || id <= 0 {
		return 0, fmt.Errorf("clerk: unexpected reply %v to session open", reply)
	}
	return id, nil
}

// closeSession spares the cluster the wait for the session's end. It is an attempt.
func (c *Clerk) closeSession(leader *redis.Client) {
	c.session.mu.Lock()
	id := c.session.id
	c.session.mu.Unlock()
	if id == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), min(closeLimit, c.options.AttemptTimeout))
	defer cancel()
	_ = leader.Do(ctx, "session", "close", id).Err() // it would expire anyway
}

// codeOf returns the first word of an error that a server answered, or "".
func codeOf(err error) string {
	var reply redis.Error
	if err == nil || errors.Is(err, redis.Nil) || errors.Is(err, ErrUncertain) || !errors.As(err, &reply) {
		return ""
	}
	return firstWord(reply.Error())
}
