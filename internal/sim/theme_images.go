package sim

import "time"

// sendImages is about nodes that fall behind, so that they get an image in the place of the log, and about crashes, failed
// syncs and damage that meet it. Everything else is calm: a cluster that stands still sends no images.
func (p *plan) sendImages(r random) {
	const ms = time.Millisecond
	p.machines, p.election = pick(r, 3, 3, 4, 5), r.span(100*ms, 200*ms)
	p.heartbeat = p.election / 5
	p.tick = (p.election / minElectionTicks).Truncate(ms)
	p.snapshotLogEntries, p.snapshotLogBytes, p.segmentBytes = int64(r.between(10, 20)), 4<<10, 4<<10
	p.limits.TailBytes = 512
	p.limits.SnapshotChunkBytes = max(p.limits.SnapshotChunkBytes, 1000)
	p.load.clients, p.load.pause, p.load.timeout = max(p.load.clients, 4), min(p.load.pause, 15*ms), p.election
	p.atInstalls, p.damageInstalled = 0.7, pick(r, 0, 0.5)
	p.faults = nil
	p.enable(r, fault{name: "falling behind", strike: (*nemesis).leaveBehind}, 100*ms, 500*ms)
	if r.oneIn(2) {
		p.applyDelay = r.span(20*ms, 500*ms) // so that one image overtakes another on its way to the state machine
	}
	p.enable(r, faultNamed(kills), 500*ms, 2*time.Second)
	p.enable(r, faultNamed(diskCrashes), 100*ms, 400*ms)
	if r.oneIn(2) {
		p.enable(r, faultNamed(syncFails), 300*ms, time.Second)
	}
	if r.oneIn(2) {
		// Disks so slow that another leader's appends meet an install.
		p.disk.syncMin, p.disk.syncMax = 5*ms, r.span(10*ms, 50*ms)
		p.enable(r, faultNamed("transfer"), 50*ms, 300*ms)
	}
}

// leaveBehind keeps a follower from its leader, just long enough to need an image.
func (n *nemesis) leaveBehind() {
	m := n.w.machines[n.random.IntN(len(n.w.machines))]
	if !m.up() || m.process.leads() {
		return
	}
	n.sever(m.name()+" falls behind", func(from, to *machine) bool { return from == m || to == m })
	n.mendIn(n.random.span(50*time.Millisecond, 400*time.Millisecond))
}
