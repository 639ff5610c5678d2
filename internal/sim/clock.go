package sim

import "time"

// epoch is the wall clock's time in milliseconds at the beginning of the world.
const epoch int64 = 1_700_000_000_000

// clock is one machine's clock. It implements raft.Clock.
type clock struct {
	w *world
	// driftPPM is how many millionths the machine's seconds are too short (positive: the clock runs fast).
	driftPPM int64
	// bootAt is the virtual time of the last power-up, from which the monotonic clock counts.
	bootAt time.Duration
	// wallError is how far the wall clock is off, in milliseconds. It jumps.
	wallError int64
}

// elapsed converts a stretch of virtual time into what this clock makes of it.
func (c *clock) elapsed(d time.Duration) time.Duration {
	return d + time.Duration(int64(d)/1000*c.driftPPM/1000)
}

// stretch is the inverse of elapsed: how long it takes until this clock has counted d.
func (c *clock) stretch(d time.Duration) time.Duration {
	return d - time.Duration(int64(d)/1000*c.driftPPM/1000)
}

// Mono implements raft.Clock.
func (c *clock) Mono() int64 { return c.elapsed(c.w.now - c.bootAt).Milliseconds() }

// Wall implements raft.Clock.
func (c *clock) Wall() int64 { return epoch + c.w.now.Milliseconds() + c.wallError }
