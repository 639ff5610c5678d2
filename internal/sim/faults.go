package sim

import (
	"slices"
	"time"
)

// fault is a kind of thing that goes wrong.
type fault struct {
	name string
	// Between low and high lies the mean time between two of them.
	low, high time.Duration
	strike    func(n *nemesis)
}

// enabledFault is one that a seed has chosen, and how often it strikes.
type enabledFault struct {
	fault
	mean time.Duration
}

// The kinds of faults that others ask about.
const (
	kills             = "kill"
	isolations        = "isolation"
	clockJumps        = "clock jumps"
	diskCrashes       = "crash at a disk operation"
	syncFails         = "sync fails"
	partitions        = "partition"
	pauses            = "pause"
	bitFlips          = "bit flips"
	diskHangs         = "disk hangs"
	slowDisks         = "disk is slow"
	membershipChanges = "membership"
	deafHandOvers     = "deaf hand-over"
	muteHandOvers     = "mute hand-over"
)

// faultTable are all kinds of faults that strike now and then. Those of each single message and sync are in the plan.
func faultTable() []fault {
	const ms, s = time.Millisecond, time.Second
	return []fault{
		{kills, 300 * ms, 8 * s, (*nemesis).kill},
		{"power cut", 300 * ms, 8 * s, (*nemesis).powerCut},
		{"power cut of all", 1 * s, 10 * s, (*nemesis).powerCutOfAll},
		{diskCrashes, 100 * ms, 4 * s, (*nemesis).crashAtOperation},
		{pauses, 300 * ms, 5 * s, (*nemesis).pause},
		{partitions, 500 * ms, 5 * s, (*nemesis).partition},
		{isolations, 500 * ms, 5 * s, (*nemesis).isolate},
		{"one-way cut", 500 * ms, 5 * s, (*nemesis).oneWayCut},
		{"lossy links", 500 * ms, 5 * s, (*nemesis).lossyLinks},
		{"hidden from clients", 500 * ms, 5 * s, (*nemesis).hide},
		{diskHangs, 500 * ms, 5 * s, (*nemesis).hangDisk},
		{slowDisks, 500 * ms, 5 * s, (*nemesis).slowDisk},
		{"disk is full", 500 * ms, 5 * s, (*nemesis).fillDisk},
		{syncFails, 500 * ms, 5 * s, (*nemesis).failSync},
		{bitFlips, 200 * ms, 3 * s, (*nemesis).flipBit},
		{"disk is lost", 500 * ms, 5 * s, (*nemesis).loseDisk},
		{clockJumps, 200 * ms, 5 * s, (*nemesis).jumpClock},
		{"slow state machine", 500 * ms, 5 * s, (*nemesis).slowApply},
		{"rolling restart", 2 * s, 10 * s, (*nemesis).rollingRestart},
		{"restart", 300 * ms, 5 * s, (*nemesis).restart},
		{"transfer", 200 * ms, 3 * s, (*nemesis).transfer},
		{deafHandOvers, 300 * ms, 3 * s, (*nemesis).deafHandOver},
		{membershipChanges, 200 * ms, 3 * s, (*nemesis).changeMembership},
	}
}

// drawFaults enables some of the faults, sometimes none.
func (p *plan) drawFaults(r random) {
	share := pick(r, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6)
	// Changes of the membership are most dangerous while the network is divided, and both are cheap.
	divided := r.oneIn(3)
	// A lease is most dangerous to a leader that sleeps.
	sleepy := p.leases && r.oneIn(2)
	// And to one that hands over and does not hear who took it.
	handing := p.leases && r.oneIn(2)
	if handing {
		// Somebody must write at the new leader and read at the old one, within the lease.
		p.load.readers, p.load.linearizableReaders = max(p.load.readers, 3), true
		p.load.pause = min(p.load.pause, 15*time.Millisecond)
	}
	for _, f := range faultTable() {
		if r.chance(share) || divided && (f.name == membershipChanges || f.name == partitions) ||
			sleepy && f.name == pauses || handing && f.name == deafHandOvers {
			p.faults = append(p.faults, enabledFault{f, r.span(f.low, f.high)})
			if f.name == bitFlips {
				// An image that is damaged matters where the log is cut behind it soon.
				p.snapshotLogEntries, p.segmentBytes = int64(r.between(10, 40)), 4<<10
			}
		}
	}
}

// nemesis makes things go wrong.
type nemesis struct {
	w      *world
	random random
	// resting: nothing new goes wrong.
	resting bool
	// deafening: a leader that hands over next is to hear nothing of it. muting: nobody is to hear whom it hands over to.
	deafening, muting bool
	// greeting: the next leader is asked for a change at once. breaking: the next change of the membership meets trouble.
	greeting, breaking bool
	// late misses that the cluster has formed.
	late *machine
	// handingOverTo, if not zero, is how many votes the next who takes over asks for before it ends.
	handingOverTo int
	// forgetting: a follower is cut off, and the voters are about to restart.
	forgetting bool
}

func (n *nemesis) init(w *world) {
	n.w = w
	n.random = newRandom(w.seed, drawsFaults)
}

// begin lets all faults strike from now on.
func (n *nemesis) begin() {
	for _, f := range n.w.plan.faults {
		n.wait(f)
	}
}

// wait lets a fault strike in a while, and again and again.
func (n *nemesis) wait(f enabledFault) {
	n.w.after(n.random.wait(f.mean), func() {
		if n.resting {
			return
		}
		f.strike(n)
		n.wait(f)
	})
}

// victim draws a machine whose node runs, the leader's every other time, or nil.
func (n *nemesis) victim() *machine {
	if n.random.oneIn(2) {
		if m := n.w.leader(); m != nil {
			return m
		}
	}
	if m := n.w.machines[n.random.IntN(len(n.w.machines))]; m.up() {
		return m
	}
	return nil
}

// leader returns a machine whose node believes to lead, of the highest term, or nil.
func (w *world) leader() *machine {
	var leader *machine
	for _, m := range w.machines {
		if m.up() && m.process.leads() && (leader == nil || m.process.standing.Term > leader.process.standing.Term) {
			leader = m
		}
	}
	return leader
}

// back draws how long something stays broken.
func (n *nemesis) back() time.Duration { return n.random.span(20*time.Millisecond, 3*time.Second) }

func (n *nemesis) kill() { n.end(killed) }

func (n *nemesis) powerCut() {
	n.end(pick(n.random, power, power, strictPower))
}

func (n *nemesis) end(l loss) {
	if m := n.victim(); m != nil {
		m.crash(l)
		m.startIn(n.back())
	}
}

func (n *nemesis) powerCutOfAll() {
	l := pick(n.random, power, strictPower)
	for _, m := range n.w.machines {
		if m.up() {
			m.crash(l)
		}
		m.startIn(n.back())
	}
}

// crashAtOperation lets a machine crash in the middle of something: between a write and its sync, a sync and a rename.
func (n *nemesis) crashAtOperation() {
	if m := n.victim(); m != nil && m.disk.crashIn == 0 {
		m.disk.crashIn, m.disk.crashAt = n.random.between(1, pick(n.random, 3, 10, 50)), n.moment()
		if m.disk.crashAt == atInstalls {
			m.disk.crashIn = n.random.between(1, 12)
		}
		m.disk.crashLoss = pick(n.random, killed, power, power, strictPower)
		m.trace("will crash: %v, at disk operation %d from now", m.disk.crashLoss, m.disk.crashIn)
	}
}

// crashed starts a machine again that has crashed in the middle of something.
func (n *nemesis) crashed(m *machine) { m.startIn(n.back()) }

func (n *nemesis) pause() {
	m := n.victim()
	if m == nil {
		return
	}
	d := n.random.span(20*time.Millisecond, 8*n.w.plan.election)
	if n.random.oneIn(2) {
		m.process.pauseAtWake = d
		return
	}
	m.process.pause(d)
}

// partition divides the machines in two.
func (n *nemesis) partition() {
	side := make([]bool, len(n.w.machines))
	for i := range side {
		side[i] = n.random.oneIn(2)
	}
	n.cut("partition", func(from, to *machine) bool { return side[from.number] != side[to.number] })
}

// isolate cuts one machine off.
func (n *nemesis) isolate() {
	if m := n.victim(); m != nil {
		n.cut("isolation of "+m.name(), func(from, to *machine) bool { return from == m || to == m })
	}
}

// oneWayCut cuts what one machine sends, or hears, or a few ways at random.
func (n *nemesis) oneWayCut() {
	m := n.victim()
	if m == nil {
		return
	}
	switch n.random.IntN(3) {
	case 0:
		n.cut(m.name()+" is not heard", func(from, _ *machine) bool { return from == m })
	case 1:
		n.cut(m.name()+" hears nobody", func(_, to *machine) bool { return to == m })
	default:
		n.cut("some ways are cut", func(_, _ *machine) bool { return n.random.oneIn(3) })
	}
}

// cut cuts links for a while.
func (n *nemesis) cut(what string, cut func(from, to *machine) bool) {
	n.sever(what, cut)
	n.mendIn(n.back())
}

// sever cuts links.
func (n *nemesis) sever(what string, cut func(from, to *machine) bool) {
	n.w.result.Partitions++
	n.w.tracef("network: %s", what)
	for _, from := range n.w.machines {
		for _, to := range n.w.machines {
			if from != to && cut(from, to) {
				n.w.network.cut(from, to, true)
			}
		}
	}
}

func (n *nemesis) mendIn(d time.Duration) {
	n.w.after(d, func() {
		if !n.resting {
			n.w.tracef("network: whole again")
			n.w.network.mend()
		}
	})
}

func (n *nemesis) lossyLinks() {
	n.w.tracef("network: links lose messages")
	for _, from := range n.w.machines {
		for _, to := range n.w.machines {
			if n.random.oneIn(3) {
				n.w.network.links[from.number][to.number].loss = n.random.Float64()
			}
		}
	}
	n.w.after(n.back(), func() {
		if !n.resting {
			n.w.network.mend()
		}
	})
}

func (n *nemesis) hide() {
	if m := n.victim(); m != nil {
		m.trace("hidden from clients")
		m.hidden = true
		n.w.after(n.back(), func() { m.hidden = false })
	}
}

func (n *nemesis) hangDisk() {
	if m := n.victim(); m != nil {
		d := n.back()
		m.trace("disk hangs for %v", d)
		m.disk.hungUntil = n.w.now + d
	}
}

func (n *nemesis) slowDisk() {
	if m := n.victim(); m != nil {
		d, factor := n.back(), n.random.between(5, 100)
		m.trace("disk is slower by %d for %v", factor, d)
		m.disk.slowUntil, m.disk.slowFactor = n.w.now+d, factor
	}
}

// fillDisk leaves a disk some room, or none.
func (n *nemesis) fillDisk() {
	m := n.victim()
	if m == nil {
		return
	}
	room := int64(pick(n.random, 0, 0, 4<<10, 16<<10, 64<<10))
	m.trace("disk is full but for %d bytes", room)
	m.disk.fill(room)
	n.w.after(n.random.span(100*time.Millisecond, 8*time.Second), func() {
		m.trace("disk has room again")
		m.disk.empty()
	})
}

// failSync lets the next sync fail, and those after it succeed (SCENARIOS 40).
func (n *nemesis) failSync() {
	if m := n.victim(); m != nil {
		m.disk.failSyncs, m.disk.failAt = n.random.between(1, 2), n.moment()
	}
}

// moment draws what is to befall a disk at: mostly that is the log otherwise, of which there is so much more.
func (n *nemesis) moment() moment {
	if n.random.chance(n.w.plan.atInstalls) {
		return atInstalls
	}
	return pick(n.random, atAnything, atImages)
}

func (n *nemesis) jumpClock() {
	m := n.w.machines[n.random.IntN(len(n.w.machines))]
	jump := n.random.span(10*time.Millisecond, time.Hour).Milliseconds()
	if n.random.oneIn(2) {
		jump = -jump
	}
	m.trace("wall clock jumps by %d ms", jump)
	m.clock.wallError += jump
}

func (n *nemesis) slowApply() {
	if m := n.victim(); m != nil {
		p := m.process
		p.slowApply = n.random.span(5*time.Millisecond, 500*time.Millisecond)
		m.trace("everything is applied %v late", p.slowApply)
		n.w.after(n.back(), func() { p.slowApply = 0 })
	}
}

func (n *nemesis) restart() {
	if m := n.victim(); m != nil {
		n.stop(m, n.back()/4)
	}
}

// stop stops a machine's node in order, a leader mostly after it has been asked to hand over, and starts it again later.
func (n *nemesis) stop(m *machine, back time.Duration) {
	wait := time.Duration(0)
	if m.process.leads() && !n.random.oneIn(4) {
		n.w.operator.transfer()
		wait = n.random.duration(0, n.w.plan.election)
	}
	n.w.after(wait, func() {
		if m.up() {
			m.stop(func() { m.startIn(back) })
		}
	})
}

// rollingRestart restarts all nodes in turn.
func (n *nemesis) rollingRestart() {
	n.w.tracef("rolling restart")
	at := time.Duration(0)
	for _, m := range n.w.machines {
		n.w.after(at, func() {
			if m.up() && !n.resting {
				n.stop(m, n.random.span(time.Millisecond, 300*time.Millisecond))
			}
		})
		at += n.w.plan.election + n.back()/4
	}
}

// starting lets a machine crash again while its node starts, now and then, if crashes at disk operations are enabled.
func (n *nemesis) starting(m *machine) {
	if !n.resting && n.enabled(diskCrashes) && n.random.oneIn(6) {
		m.disk.crashIn, m.disk.crashAt = n.random.between(1, 12), atAnything
		m.disk.crashLoss = pick(n.random, killed, power, power, strictPower)
	}
	if !n.resting && n.enabled(syncFails) && n.random.oneIn(8) {
		m.disk.failSyncs, m.disk.failAt = 1, atAnything
	}
}

// enabled tells whether the seed has chosen a kind of fault.
func (n *nemesis) enabled(name string) bool {
	return slices.ContainsFunc(n.w.plan.faults, func(f enabledFault) bool { return f.name == name })
}

// failed restarts a machine whose node has ended by itself: its process only, or after a loss of power.
func (n *nemesis) failed(m *machine) {
	if n.random.oneIn(2) {
		m.trace("loses power while it is down")
		m.disk.survive(pick(n.random, power, strictPower))
		m.clock.bootAt = n.w.now
	}
	m.startIn(n.back())
}

func (n *nemesis) transfer() { _ = n.w.operator.transfer() }

// deafHandOver hands leadership over, and lets the old leader hear nothing from when it has said so.
func (n *nemesis) deafHandOver() { n.deafening = n.w.operator.transfer() }

// saidToTakeOver follows a leader's word that another node is to take over.
func (n *nemesis) saidToTakeOver(leader, next *machine) {
	if n.deafening && !n.resting {
		n.deafening = false
		n.cut(leader.name()+" hears nobody", func(_, to *machine) bool { return to == leader })
	}
	if n.muting && !n.resting {
		n.muting = false
		n.sever("nobody hears "+next.name(), func(from, _ *machine) bool { return from == next })
		n.mendIn(n.random.span(n.w.plan.election*8/10, n.w.plan.election*2))
	}
}

func (n *nemesis) changeMembership() { n.w.operator.change() }
