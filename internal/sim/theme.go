package sim

import "time"

// theme is what some seeds are about: things that matter together, and that seldom meet where every seed draws its faults
// alone. It changes what was drawn for the seed.
type theme struct {
	name  string
	apply func(p *plan, r random)
}

// themes are equally likely among the seeds that have one.
func themes() []theme {
	return []theme{
		{"reconfiguration", (*plan).reconfigure},
		{"leaders that leave", (*plan).leadersLeave},
		{"images", (*plan).sendImages},
		{"deadlines", (*plan).fallDueTogether},
		{formations, (*plan).formLate},
		{"leases", (*plan).readUnderLeases},
		{"promises", (*plan).forgetPromises},
		{"followers behind", (*plan).fallBehind},
	}
}

// drawTheme gives two seeds in three a theme. The others stay as they were drawn.
func (p *plan) drawTheme(r random) {
	if r.oneIn(3) {
		return
	}
	t := pick(r, themes()...)
	p.theme = t.name
	t.apply(p, r)
}

// enable lets a fault strike every low to high, whether the seed has drawn it or not.
func (p *plan) enable(r random, f fault, low, high time.Duration) {
	enabled := enabledFault{f, r.span(low, high)}
	for i := range p.faults {
		if p.faults[i].name == f.name {
			p.faults[i] = enabled
			return
		}
	}
	p.faults = append(p.faults, enabled)
}

// faultNamed returns a row of the table of faults.
func faultNamed(name string) fault {
	for _, f := range faultTable() {
		if f.name == name {
			return f
		}
	}
	panic("BUG: sim: no fault " + name)
}

// Faults of themes alone.
const (
	secondOperators = "second operator"
	brokenChanges   = "trouble in a change"
	forgottenWords  = "voters that restart"
	laggards        = "follower behind"
	mutes           = "follower that does not answer"
)

// reconfigure is about changes of the membership that meet each other, elections, and a network that is divided.
func (p *plan) reconfigure(r random) {
	const ms, s = time.Millisecond, time.Second
	p.machines = pick(r, 2, 3, 3, 4, 4, 5)
	p.enable(r, faultNamed(membershipChanges), 100*ms, 500*ms)
	p.enable(r, fault{name: secondOperators, strike: (*nemesis).askBeside}, 50*ms, 500*ms)
	p.enable(r, fault{name: brokenChanges, strike: (*nemesis).breakChange}, 200*ms, 2*s)
}

// leadersLeave is about small clusters whose leaders are taken out, and meet trouble on their way out.
func (p *plan) leadersLeave(r random) {
	const ms, s = time.Millisecond, time.Second
	p.machines = pick(r, 2, 2, 3, 4)
	p.leaderLeaves = 0.5
	p.enable(r, faultNamed(membershipChanges), 100*ms, 400*ms)
	p.enable(r, fault{name: brokenChanges, strike: (*nemesis).breakChange}, 200*ms, s)
}

// readUnderLeases is about leaders that are read all the time, and that sleep, are cut off, and hand over.
func (p *plan) readUnderLeases(r random) {
	const ms, s = time.Millisecond, time.Second
	p.machines = pick(r, 3, 3, 5)
	p.leases = true
	p.load.readers, p.load.linearizableReaders = r.between(3, 6), true
	p.load.pause = r.span(4*ms, 15*ms)
	p.stall = pick(r, 0.01, 0.05)
	for _, name := range []string{pauses, isolations, "one-way cut", "transfer", deafHandOvers} {
		if !r.oneIn(3) {
			p.enable(r, faultNamed(name), 100*ms, 1*s)
		}
	}
}

// forgetPromises is about voters that have heard a leader, restart, and are asked for their votes at once.
func (p *plan) forgetPromises(r random) {
	p.machines = pick(r, 3, 3, 5)
	p.leases = true
	p.network.stale = 0.1 * r.Float64()
	p.load.clients, p.load.pause = 2, r.span(200*time.Millisecond, 2*time.Second) // who lacks an entry gets no votes
	p.load.sessions, p.load.readers = min(p.load.sessions, 1), max(p.load.readers, 1)
	if r.oneIn(2) {
		p.load.readers, p.load.linearizableReaders = r.between(3, 6), true
		p.enable(r, fault{name: muteHandOvers, strike: (*nemesis).muteHandOver}, 200*time.Millisecond, time.Second)
		return
	}
	p.enable(r, fault{name: forgottenWords, strike: (*nemesis).forget}, 100*time.Millisecond, time.Second)
}

// fallBehind is about followers that are slow, cut off again and again for a moment, and fed by snapshots.
func (p *plan) fallBehind(r random) {
	p.machines = pick(r, 3, 3, 5)
	p.snapshotLogEntries, p.segmentBytes = int64(r.between(5, 20)), 4<<10
	p.limits.TailBytes = r.between(512, 4<<10)
	p.limits.SnapshotChunkBytes = pick(r, 500, 32<<10)
	p.network.stale, p.network.ordered = 0.2*r.Float64(), false
	p.network.slow, p.network.slowMax = 0.1, p.election
	p.network.damage = pick(r, 0, 0.02, 0.2)
	p.load.clients = max(p.load.clients, 4)
	p.load.pause = r.span(4*time.Millisecond, 15*time.Millisecond)
	p.load.largeValue, p.load.largeBytes = 0.5, 1500
	if r.oneIn(2) {
		p.callTogether(r)
		return
	}
	p.enable(r, fault{name: laggards, strike: (*nemesis).lagBehind}, 200*time.Millisecond, 2*time.Second)
}
