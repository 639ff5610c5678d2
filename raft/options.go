package raft

import (
	"fmt"
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
	apply             func(ApplyMsg)
	onStanding        func(Standing)
	instance          uint64
	incarnation       uint64
	leases            bool
}

func defaultOptions() options {
	return options{
		clock:             NewClock(),
		logger:            slog.New(slog.DiscardHandler),
		tick:              10 * time.Millisecond,
		heartbeatInterval: 100 * time.Millisecond,
		electionTimeout:   500 * time.Millisecond,
		seed:              rand.Uint64(),
		incarnation:       rand.Uint64(),
		onStanding:        func(Standing) {},
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

// validate tells what is wrong with the times; the core checks the limits.
func (o options) validate() error {
	if o.tick < time.Millisecond {
		return fmt.Errorf("raft: a tick of %v is too short, the clock counts milliseconds", o.tick)
	}
	if o.leases && o.ticks(o.electionTimeout) < minLeaseTicks {
		return fmt.Errorf("raft: leases need an election timeout of %d ticks at least, %v is less", minLeaseTicks, o.electionTimeout)
	}
	return nil
}

// minLeaseTicks keeps the error of counting in ticks small beside the fifth of the election timeout that is left for it.
const minLeaseTicks = 10

// leaseMillis is how long a leader may trust the answer of a quorum: four fifths of the shortest time in which a voter
// could forget that it heard the leader, less the tick that was about to pass and one that came late. The last fifth is
// for clocks that run at different speeds. Zero without leases.
func (o options) leaseMillis() int64 {
	if !o.leases {
		return 0
	}
	return (int64(o.ticks(o.electionTimeout))*4/5 - 2) * o.tick.Milliseconds()
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

// WithApply has apply called with what is committed, in place of sending it to applyCh: in log order, one call at a time, from a
// goroutine of its own, so it may take its time. Stop waits for the call under way, so apply must not call it, nor wait for
// something that only happens after it.
func WithApply(apply func(ApplyMsg)) Option { return func(o *options) { o.apply = apply } }

// WithStanding has changed called after each change of role, term or leader, with what Standing returns from then on. It is
// called from the node's loop and must not block.
func WithStanding(changed func(Standing)) Option { return func(o *options) { o.onStanding = changed } }

// WithInstance tells the disk from which this node speaks: a number drawn at random when its data directory was made, that the
// network tells the peers too. Members whose instance is recorded in the configuration are heard only from that disk, so
// that one that was wiped cannot take back what it attested. Default 0: disks are not told apart.
func WithInstance(id uint64) Option { return func(o *options) { o.instance = id } }

// WithIncarnation sets the number that tells this start of the node from every other, which is drawn at random
// otherwise. It is for runs that must be repeatable; it must never be used twice by one node.
func WithIncarnation(n uint64) Option { return func(o *options) { o.incarnation = n } }

// WithLeases lets a leader confirm reads without asking for as long as a quorum's last answer keeps any other from being
// elected (thesis §6.4.1). Reads then trust that the voters' clocks run at about the same speed: see
// ReadResult.Until for what the reader must check. It must be set on every node or on none.
func WithLeases() Option { return func(o *options) { o.leases = true } }

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
