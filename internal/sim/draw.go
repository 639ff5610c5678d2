package sim

import (
	"slices"
	"time"

	"redoubt/raft"
)

// plan is what a seed decides before the first event: the cluster, its limits, its network and disks, what goes wrong how
// often, and what the clients do. Each seed enables some of the faults only ("swarm testing", Groce et al. 2012): a run with
// everything at once hides what needs a quiet cluster and one fault a hundred times.
type plan struct {
	machines int
	// theme is what the seed is about; empty for most.
	theme string

	tick, heartbeat, election time.Duration
	leases                    bool
	limits                    raft.Limits
	maxEntryBytes             int
	segmentBytes              int64
	snapshotLogBytes          int64
	snapshotLogEntries        int64
	// checkEntries is after how many entries the replicas compare sums of their states themselves.
	checkEntries int64

	network networkPlan
	disk    diskPlan
	load    loadPlan
	// driftPPM bounds how fast or slow the machines' clocks run, wallError how far their wall clocks are off while none
	// jumps.
	driftPPM  int64
	wallError time.Duration
	// loopDelay and applyDelay bound how long a worker takes to come to what waits for it. With the probability of stall a
	// connection takes up to stallMax, as one does that the scheduler has forgotten.
	loopDelay, applyDelay time.Duration
	stall                 float64
	stallMax              time.Duration

	// overlap is the probability that other workers come while a batch is applied, if a snapshot is being written.
	overlap float64

	// faults are those that this seed enables.
	faults []enabledFault
	// trouble is how long they last. Then the world is healed and must recover.
	trouble time.Duration
	// healAll: all machines are healed at the end, not just a majority.
	healAll bool

	// digestEvery says at which indexes the replicas' states are compared: at its multiples.
	digestEvery uint64
	// admit: the network turns away whom the replica does not admit, as the real one does. Without it, that is left to the
	// core, which must be able to do it alone.
	admit bool
	// leaderLeaves is the probability that a change of the membership takes the leader out, beside those that do anyway.
	leaderLeaves float64
	// atInstalls is the probability that what befalls a disk in the middle of something waits for an image from a leader that
	// takes the place of the log, and damageInstalled that such an image is damaged soon after.
	atInstalls, damageInstalled float64
	// auditEvery says which of the acknowledged writes are looked for on the disks themselves: one in so many.
	auditEvery int
}

// networkPlan is the network between machines that nothing else is wrong with.
type networkPlan struct {
	delayMin, delayMax time.Duration
	// loss and duplicate are probabilities of each message; a slow one takes up to slowMax.
	loss, duplicate, slow float64
	slowMax               time.Duration
	// stale is the probability that a message comes once more, seconds later.
	stale float64
	// damage is the probability that a piece of a snapshot is damaged where only its own sum can tell.
	damage float64
	// bytesPerSecond bounds each link, one way; zero is no bound.
	bytesPerSecond int
	// ordered: a link keeps the order of its messages, as one TCP connection does.
	ordered bool
}

// diskPlan is a disk that nothing is wrong with.
type diskPlan struct {
	syncMin, syncMax time.Duration
	// tornSectors: a power cut may tear a sector.
	tornSectors bool
}

// loadPlan is what the clients do.
type loadPlan struct {
	clients int
	// sessions of the clients write through sessions, readers of them only read, on any node.
	sessions, readers int
	// pause is the mean time between a client's calls, pipeline the most commands of one call.
	pause    time.Duration
	pipeline int
	// herd, if not zero, has all clients call at the same moments, its multiples.
	herd time.Duration
	// timeout is how long a client waits for a reply.
	timeout time.Duration
	// linearizableReaders: the readers ask for linearizable reads; otherwise theirs may be stale.
	linearizableReaders bool
	// expiring is the probability that a write gives a deadline, between ttlMin and ttlMax from now.
	expiring       float64
	ttlMin, ttlMax time.Duration
	// together is the probability that a pipeline gives many keys one deadline, probing that it looks at a key around its
	// deadline.
	together, probing float64
	// resp3 is the probability that a client speaks RESP3.
	resp3 float64
	// requestLoss and replyLoss are probabilities of losing a connection with a request or a reply on it.
	requestLoss, replyLoss float64
	// groups is how many groups of keys are in use at a time; keysPerGroup of them may share a command.
	groups, keysPerGroup int
	// largeValue is the probability that a value is large, up to largeBytes.
	largeValue float64
	largeBytes int
}

func drawPlan(seed uint64) plan {
	r := newRandom(seed, drawsPlan)
	p := plan{
		machines:    pick(r, 1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7),
		leases:      r.oneIn(3),
		admit:       r.oneIn(2),
		healAll:     r.oneIn(2),
		trouble:     r.span(4*time.Second, 16*time.Second),
		digestEvery: uint64(r.between(4, 40)),
		auditEvery:  r.between(20, 100),
		driftPPM:    pick[int64](r, 0, 50, 1000, 20_000),
		wallError:   pick(r, 5*time.Millisecond, time.Second),
		loopDelay:   r.span(time.Microsecond, 2*time.Millisecond),
		applyDelay:  r.span(time.Microsecond, 2*time.Millisecond),
	}
	if r.oneIn(6) {
		p.applyDelay = r.span(5*time.Millisecond, 100*time.Millisecond)
	}
	p.election = r.span(100*time.Millisecond, 600*time.Millisecond)
	p.heartbeat = p.election / time.Duration(r.between(3, 10))
	p.tick = min(p.heartbeat/time.Duration(r.between(1, 3)), p.election/minElectionTicks).Truncate(time.Millisecond)
	p.stall, p.stallMax = pick(r, 0, 0, 0.01, 0.05), 3*p.election
	p.drawLimits(r)
	p.drawNetwork(r)
	p.drawDisk(r)
	p.drawLoad(r)
	p.drawFaults(r)
	if other := newRandom(seed, drawsOverlap); other.oneIn(3) {
		p.overlap = other.Float64()
	}
	p.drawTheme(newRandom(seed, drawsTheme))
	return p
}

// clockSlack is by how much log time may differ from the world's over a stretch of time. Log time follows a monotonic
// clock, and at an election the median of the wall clocks as the votes told them, which took their time. A follower that
// serves reads knows the log time of the last entry only, and a leader that hands over logs none, until it gives that up.
func (p *plan) clockSlack() time.Duration {
	const longest = 2 * time.Minute
	drift := time.Duration(p.driftPPM) * longest / 1_000_000
	votes := p.network.slowMax + 10*p.network.delayMax + 10*p.disk.syncMax + 10*p.loopDelay
	if p.network.bytesPerSecond > 0 {
		votes += maxBacklog
	}
	var standing time.Duration
	if p.load.linearizableReaders {
		standing = 2 * p.election
	}
	return 4*p.wallError + 2*drift + votes + standing + 50*time.Millisecond
}

// clocksAgree tells whether nothing that this seed has chosen makes clocks, or what is said of them, arbitrarily wrong.
func (p *plan) clocksAgree() bool {
	return !slices.ContainsFunc(p.faults, func(f enabledFault) bool {
		return f.name == clockJumps || f.name == pauses || f.name == diskHangs || f.name == slowDisks || f.name == mutes
	})
}

// minElectionTicks is how fine the clock must be for leases.
const minElectionTicks = 12

// drawLimits makes some limits so tight that they are met all the time.
func (p *plan) drawLimits(r random) {
	tight := func(low, high, usual int) int {
		if r.oneIn(2) {
			return usual
		}
		return r.between(low, high)
	}
	p.maxEntryBytes = tight(200, 4000, 64<<10)
	p.limits = raft.Limits{
		EntryBytes:         p.maxEntryBytes,
		AppendBytes:        tight(64, 4000, 64<<10),
		InflightBytes:      tight(256, 16<<10, 256<<10),
		InflightMessages:   tight(1, 4, 16),
		UncommittedBytes:   tight(8<<10, 64<<10, 1<<20),
		TailBytes:          tight(512, 16<<10, 1<<20),
		SnapshotChunkBytes: tight(64, 2000, 32<<10),
	}
	p.segmentBytes = int64(tight(4<<10, 16<<10, 64<<10))
	p.snapshotLogEntries = int64(tight(10, 100, 400))
	p.checkEntries = int64(r.between(8, 64))
	p.snapshotLogBytes = int64(tight(2<<10, 16<<10, 64<<10))
}

func (p *plan) drawNetwork(r random) {
	n := &p.network
	n.delayMin = r.span(50*time.Microsecond, 2*time.Millisecond)
	n.delayMax = n.delayMin * time.Duration(r.between(1, 8))
	n.ordered = r.oneIn(3)
	if r.oneIn(2) {
		n.loss = 0.1 * r.Float64()
	}
	if r.oneIn(2) {
		n.duplicate = 0.1 * r.Float64()
	}
	if r.oneIn(2) {
		n.slow, n.slowMax = 0.1*r.Float64(), r.span(5*time.Millisecond, p.election)
	}
	if r.oneIn(2) {
		n.stale = 0.01 * r.Float64()
	}
	if r.oneIn(5) {
		n.bytesPerSecond = r.between(50_000, 1_000_000)
	}
}

func (p *plan) drawDisk(r random) {
	p.disk.syncMin = r.span(20*time.Microsecond, 2*time.Millisecond)
	p.disk.syncMax = p.disk.syncMin * time.Duration(r.between(1, 10))
	p.disk.tornSectors = r.oneIn(2)
}

func (p *plan) drawLoad(r random) {
	l := &p.load
	l.clients = r.between(2, 6)
	l.sessions = r.between(0, l.clients)
	l.readers = r.between(0, 2)
	l.pause = r.span(8*time.Millisecond, 150*time.Millisecond)
	l.pipeline = pick(r, 1, 1, 3, 8)
	l.timeout = r.span(p.election, 10*p.election)
	l.linearizableReaders = r.oneIn(2)
	l.resp3 = pick(r, 0, 0.5, 1)
	if r.oneIn(2) {
		l.expiring = 0.4 * r.Float64()
		l.ttlMin, l.ttlMax = time.Millisecond, r.span(100*time.Millisecond, 5*time.Second)
	}
	if r.oneIn(2) {
		l.requestLoss, l.replyLoss = 0.05*r.Float64(), 0.05*r.Float64()
	}
	l.groups, l.keysPerGroup = r.between(1, 4), r.between(1, 3)
	switch r.IntN(12) {
	case 0, 1, 2:
		l.largeValue, l.largeBytes = 0.1, r.between(500, 6000)
	case 3:
		l.largeValue, l.largeBytes = 0.1, 40_000 // two of them in one key are more than a session keeps as a reply
	}
}
