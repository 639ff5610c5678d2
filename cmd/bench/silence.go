package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// silence keeps the longest time without an acknowledgement.
type silence struct {
	mu      sync.Mutex
	began   time.Time // what was sent before does not count as an end of the silence
	last    time.Time // the last acknowledgement
	most    time.Duration
	since   time.Time // when clients were first served again
	serving bool
}

// mark begins to measure.
func (s *silence) mark() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.began, s.last, s.most, s.serving = now, now, 0, false
}

// acknowledged notes an acknowledgement of a write that was sent at a time.
func (s *silence) acknowledged(sent time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sent.Before(s.began) {
		return
	}
	now := time.Now()
	if !s.last.IsZero() {
		s.most = max(s.most, now.Sub(s.last))
	}
	if !s.serving || now.Sub(s.last) > calm/2 {
		s.serving, s.since = true, now
	}
	s.last = now
}

// servedFor returns an error unless clients have been served for a time without a longer pause.
func (s *silence) servedFor(d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); !s.serving || now.Sub(s.since) < d || now.Sub(s.last) > d/2 {
		return fmt.Errorf("the last acknowledgement was %v ago", now.Sub(s.last).Round(time.Millisecond))
	}
	return nil
}

func (s *silence) longest() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

const (
	// probeLimit is how long a probe waits for a reply, and probePause its time between two writes.
	probeLimit = time.Second
	probePause = time.Millisecond
)

// probe writes until ctx ends, to the last server that took a write, to whom it is sent, or to the next one.
func probe(ctx context.Context, addresses []string, number int, w *silence) {
	var at *client
	defer func() {
		if at != nil {
			at.close()
		}
	}()
	key, next := fmt.Sprintf("probe:%d", number), number
	address := addresses[next%len(addresses)]
	for ctx.Err() == nil {
		err := func() (err error) {
			if at == nil {
				if at, err = dial(address); err != nil {
					return err
				}
			}
			sent := time.Now()
			if _, err = at.do(probeLimit, "SET", key, "x"); err == nil {
				w.acknowledged(sent)
			}
			return err
		}()
		if err != nil {
			if at != nil {
				at.close()
				at = nil
			}
			next++
			address = addresses[next%len(addresses)]
			if said, ok := err.(serverError); ok && said.moved() != "" {
				address = said.moved()
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(probePause):
		}
	}
}
