package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	fillConnections = 8
	fillPipeline    = 256
	fillTries       = 500 // of one pipeline, before the filling is given up
)

// fill sets the keys 0 to n-1, each once, in pipelines. It follows the leader, and repeats what was refused.
func fill(ctx context.Context, on system, n, valueBytes int, says *progress) error {
	var next, done atomic.Int64
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var workers sync.WaitGroup
	for range fillConnections {
		workers.Go(func() {
			f := &filler{on: on, value: strings.Repeat("x", valueBytes)}
			defer f.leave()
			for ctx.Err() == nil {
				first := int(next.Add(fillPipeline) - fillPipeline)
				if first >= n {
					return
				}
				last := min(first+fillPipeline, n)
				if err := f.batch(ctx, first, last); err != nil {
					stop(fmt.Errorf("filling %s: %w", on.name(), err))
					return
				}
				says.part("filling "+on.name(), float64(done.Add(int64(last-first)))/float64(n))
			}
		})
	}
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return settle(ctx, on)
}

// filler is one connection that fills.
type filler struct {
	on    system
	value string
	at    *client
	out   []byte
}

func (f *filler) leave() {
	if f.at != nil {
		f.at.close()
		f.at = nil
	}
}

// batch sets the keys from first to last-1 until every one was acknowledged.
func (f *filler) batch(ctx context.Context, first, last int) error {
	f.out = f.out[:0]
	for n := first; n < last; n++ {
		f.out = appendCommand(f.out, "SET", keyOf(n), f.value)
	}
	var err error
	for range fillTries {
		if err = f.try(ctx, last-first); err == nil || ctx.Err() != nil {
			return err
		}
		f.leave()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return err
}

func (f *filler) try(ctx context.Context, replies int) error {
	if f.at == nil {
		leader, err := f.on.leader(ctx)
		if err != nil {
			return err
		}
		if f.at, err = dial(leader.address); err != nil {
			return err
		}
	}
	if err := f.at.conn.SetDeadline(time.Now().Add(replyLimit)); err != nil {
		return err
	}
	if _, err := f.at.conn.Write(f.out); err != nil {
		return err
	}
	return skipReplies(f.at.reader, replies)
}

// skipReplies passes over replies, errors of the server too, and returns the first of these.
func skipReplies(from *bufio.Reader, n int) error {
	var refused error
	for range n {
		var said serverError
		switch err := skipReply(from); {
		case errors.As(err, &said):
			refused = err
		case err != nil:
			return err
		}
	}
	return refused
}
