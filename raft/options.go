package raft

import (
	"log/slog"
	"math/rand/v2"
	"time"
)

// Option adjusts a node at Make.
type Option func(*options)

// Limits bound what a node holds in memory. Zero values mean the defaults.
type Limits struct {
	// EntryBytes bounds one command.
	EntryBytes int
	// AppendBytes bounds the entries of one append message (a single larger entry still goes).
	AppendBytes int
	// InflightBytes and InflightMessages bound what is sent to one peer and not yet acknowledged.
	InflightBytes, InflightMessages int
	// UncommittedBytes bounds what is proposed and not yet committed.
	UncommittedBytes int
	// TailBytes bounds the log kept in memory for lagging peers.
	TailBytes int
	// SnapshotChunkBytes is the size of one piece of a snapshot on the wire.
	SnapshotChunkBytes int
}

type options struct {
	network           Network
	clock             Clock
	logger            *slog.Logger
	tick              time.Duration
	heartbeatInterval time.Duration
	electionTimeout   time.Duration
	limits            Limits
	seed              uint64
}

func defaultOptions() options {
	return options{
		clock:             NewClock(),
		logger:            slog.New(slog.DiscardHandler),
		tick:              10 * time.Millisecond,
		heartbeatInterval: 100 * time.Millisecond,
		electionTimeout:   500 * time.Millisecond,
		seed:              rand.Uint64(),
		limits: Limits{
			EntryBytes:         64 << 20,
			AppendBytes:        1 << 20,
			InflightBytes:      8 << 20,
			InflightMessages:   2,
			UncommittedBytes:   256 << 20,
			TailBytes:          64 << 20,
			SnapshotChunkBytes: 1 << 20,
		},
	}
}

// ticks converts a duration to ticks, at least one.
func (o options) ticks(d time.Duration) int {
	return max(1, int(d/o.tick))
}

// WithNetwork sets the network. A cluster of several nodes needs one.
func WithNetwork(n Network) Option { return func(o *options) { o.network = n } }

// WithClock replaces the machine's clock.
func WithClock(c Clock) Option { return func(o *options) { o.clock = c } }

// WithLogger sets where the node reports elections and failures. Without it, nowhere.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.logger = l } }

// WithTimeouts sets how often a leader is heard and after how long without it a follower stands for
// election (drawn anew each time, up to twice that long). Defaults: 100 ms and 500 ms.
func WithTimeouts(heartbeat, election time.Duration) Option {
	return func(o *options) { o.heartbeatInterval, o.electionTimeout = heartbeat, election }
}

// WithTick sets the resolution of the timeouts. Default: 10 ms.
func WithTick(d time.Duration) Option { return func(o *options) { o.tick = d } }

// WithSeed fixes the random election timeouts.
func WithSeed(seed uint64) Option { return func(o *options) { o.seed = seed } }

// WithLimits replaces those limits that are not zero in l.
func WithLimits(l Limits) Option {
	return func(o *options) {
		replace := func(dst *int, v int) {
			if v != 0 {
				*dst = v
			}
		}
		replace(&o.limits.EntryBytes, l.EntryBytes)
		replace(&o.limits.AppendBytes, l.AppendBytes)
		replace(&o.limits.InflightBytes, l.InflightBytes)
		replace(&o.limits.InflightMessages, l.InflightMessages)
		replace(&o.limits.UncommittedBytes, l.UncommittedBytes)
		replace(&o.limits.TailBytes, l.TailBytes)
		replace(&o.limits.SnapshotChunkBytes, l.SnapshotChunkBytes)
	}
}
