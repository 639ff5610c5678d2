package sim

import "time"

// callTogether is about followers that hold more than their leader knows, and are sent a snapshot that their log covers. Clients
// call all at once, so that snapshots are of the first entries of a burst, and the burst's commit is told after its last. A
// follower that takes entries and does not say so gets them up to the end of its window, in the middle of a burst. When its
// leader gives up on that, it has let go what follows the last match. Everything else is calm: an append that is lost or late
// is refused, and the refusal tells the leader how long the log is.
func (p *plan) callTogether(r random) {
	const ms = time.Millisecond
	p.election = r.span(100*ms, 200*ms)
	p.heartbeat = p.election / 5
	p.tick = (p.election / minElectionTicks).Truncate(ms)
	// One entry in an append, a few bursts in a window, and two snapshots and a segment in less than that.
	p.limits.AppendBytes, p.limits.InflightMessages, p.limits.InflightBytes = 64, r.between(12, 30), 256<<10
	p.limits.TailBytes, p.limits.SnapshotChunkBytes = 128, 32<<10
	p.snapshotLogEntries, p.snapshotLogBytes = int64(r.between(5, 10)), 64<<10
	p.load.clients, p.load.pipeline = r.between(12, 20), 1
	p.load.pause, p.load.herd = 10*ms, p.election
	p.load.largeValue = 0.9
	p.network.ordered, p.network.loss, p.network.slow, p.network.stale = true, 0, 0, 0
	p.faults = nil
	p.enable(r, fault{name: mutes, strike: (*nemesis).fallMute}, p.election, 2*p.election)
}

// fallMute lets the disk of a follower hang for a few bursts: it answers heartbeats then, but no appends. One does so at a time,
// so that the others go on.
func (n *nemesis) fallMute() {
	m := n.follower(n.w.leader())
	if m == nil {
		return
	}
	for _, other := range n.w.machines {
		if other.disk.hungUntil > n.w.now {
			return
		}
	}
	d := n.random.span(4*n.w.plan.election, 12*n.w.plan.election)
	m.trace("disk hangs for %v", d)
	m.disk.hungUntil = n.w.now + d
}
