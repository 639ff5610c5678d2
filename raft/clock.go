package raft

import "time"

// Clock tells a node the time.
type Clock interface {
	// Mono returns milliseconds of a clock that never goes back, from an arbitrary start.
	Mono() int64
	// Wall returns milliseconds since the Unix epoch. It may jump.
	Wall() int64
}

// NewClock returns the machine's clock.
func NewClock() Clock { return systemClock{start: time.Now()} }

type systemClock struct{ start time.Time }

func (c systemClock) Mono() int64 { return time.Since(c.start).Milliseconds() }
func (c systemClock) Wall() int64 { return time.Now().UnixMilli() }
