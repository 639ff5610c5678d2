package core

import "slices"

// Log time is the leader's monotonic clock plus an offset that is fixed when it is elected. The
// offset is anchored to the median of the voters' wall clocks, so that one clock that jumped moves
// nothing, and to the last stamp in the log, so that time does not go back.

// observe takes in the monotonic clock that came with an input.
func (c *Core) observe(mono int64) { c.mono = max(c.mono, mono) }

// anchorClock fixes the clock offset of a new leader.
func (c *Core) anchorClock() {
	var walls []int64
	for i := range c.peers {
		// Zero: the voter had not been told the time yet.
		if p := &c.peers[i]; p.granted && p.wall != 0 {
			walls = append(walls, p.wall)
		}
	}
	anchor := c.log.lastTime()
	if n := len(walls); n > 0 {
		slices.Sort(walls)
		anchor = max(anchor, walls[(n-1)/2]) // the lower median of an even count
	}
	c.clockOffset = anchor - c.mono
}

// stamp returns the log time of an entry that is appended now.
func (c *Core) stamp() int64 { return max(c.log.lastTime(), c.mono+c.clockOffset) }

// lastTimeKnown tells whether the log's last stamp has been seen, without which a leader could let
// log time go back. After a restart that found every entry committed, it comes with the entries that
// are read to be applied.
func (c *Core) lastTimeKnown() bool {
	return len(c.log.entries) > 0 || c.log.prevTime != 0 || c.apply.delivered >= c.log.prev.Index
}
