package sim

import (
	"errors"
	"log/slog"
	"time"

	"redoubt/node/replica"
	"redoubt/raft"
	"redoubt/raft/core"
)

// process is one life of a node: the product's own code, run a piece at a time when the world's clock comes to it.
type process struct {
	m        *machine
	id       raft.NodeID
	instance uint64
	replica  *replica.Replica
	raft     *raft.Raft
	manual   *raft.Manual
	endpoint *endpoint

	// stopping: it has been asked to end.
	stopping bool
	// dead: it has ended, and nobody hears what it still does.
	dead bool
	// paused: it is stopped by a signal. missed is what happened to it since, in order.
	paused bool
	missed []func()
	// pauseAtWake, if not zero, is for how long it will be paused when it next wakes a request: between what confirms a read
	// and the reading, say (SCENARIOS 34, 36).
	pauseAtWake time.Duration
	// ticked and replicaTicked: a tick of the kind waits in its channel, which holds one.
	ticked, replicaTicked bool

	// exchanges are the clients' requests under way, oldest first.
	exchanges []*exchange
	// tasks are under way beside everything else.
	tasks []*task

	// witness is what reached it.
	witness witness
	// reads, tenure and copies are the checkers' books of what it does as a leader, or hears from one.
	reads  readBook
	tenure tenure
	copies copies
	// standing is what it was last seen to be.
	standing raft.Standing
	// applied is the index of the last entry that was handed to the state machine.
	applied uint64
	// installing is the snapshot that takes the place of its log at this moment.
	installing core.SnapshotMeta
	// saved: it has written to its log. roomAhead: when it last did, the next segment was reserved.
	saved, roomAhead bool
	// slowApply is how much longer everything that is applied takes.
	slowApply time.Duration
}

// start begins a process on the machine's disk. It may fail: the disk is damaged, or the machine crashes meanwhile.
func (m *machine) start() {
	m.lives++
	p := &process{m: m, id: m.id, instance: m.instance, witness: newWitness(), reads: newReadBook()}
	m.process = p
	m.w.nemesis.starting(m)
	if err := p.open(); err != nil {
		if p.dead {
			m.startIn(m.random.span(10*time.Millisecond, time.Second))
			return // crashed while it started
		}
		m.failedToStart(err)
		return
	}
	m.trace("started, life %d, instance %x", m.lives, m.instance)
	p.look()
	p.tick()
	p.tickReplica()
}

// open recovers the disk and makes the node.
func (p *process) open() error {
	m, plan := p.m, &p.m.w.plan
	logger := slog.New(traceLogger{w: m.w, who: m.name})
	var err error
	p.replica, err = replica.Open(replica.Options{
		ID:                 p.id,
		ClusterID:          clusterID,
		Peers:              m.configured(),
		NewInstance:        func() uint64 { return m.instance },
		FS:                 m.disk.fs,
		Dir:                dataDir,
		MaxEntryBytes:      plan.maxEntryBytes,
		SegmentBytes:       plan.segmentBytes,
		SnapshotLogBytes:   plan.snapshotLogBytes,
		SnapshotLogEntries: plan.snapshotLogEntries,
		CheckEntries:       plan.checkEntries,
		Election:           plan.election,
		Clock:              &m.clock,
		Logger:             logger,
		Background:         p.background,
		Redirect:           p.redirect,
	})
	if err != nil {
		return err
	}
	p.endpoint = &endpoint{p: p, addresses: make(map[raft.NodeID]string), heardFrom: make(map[raft.NodeID]string)}
	for _, peer := range m.peers {
		p.endpoint.addresses[peer.ID] = peer.Address
	}
	recorder := &recorder{Persister: p.replica.Persister(), p: p, shadow: m.disk.shadow}
	p.raft, p.manual, err = raft.MakeManual(p.replica.Peers(), p.id, recorder, p.wake, p.raftOptions(logger)...)
	if err != nil {
		return err
	}
	p.replica.Bind(p.raft)
	return nil
}

// configured are the members in the settings file: of machines that joined, too, whose directories must know better.
func (m *machine) configured() []raft.Peer {
	if m.joined && m.lost == "" {
		return append([]raft.Peer{{ID: m.id, Address: m.address}}, m.w.initialPeers()[:1]...)
	}
	return m.peers
}

// founders are the members of a new cluster, as the node must see it; none on a machine that joined one.
func (m *machine) founders() []raft.Peer {
	if m.joined && m.lost == "" {
		return nil
	}
	return m.peers
}

func (p *process) raftOptions(logger *slog.Logger) []raft.Option {
	plan := &p.m.w.plan
	options := append(p.replica.RaftOptions(),
		raft.WithApply(p.apply), // over the replica's own: the checker sees what comes first
		raft.WithNetwork(p.endpoint),
		raft.WithLogger(logger),
		raft.WithTick(plan.tick),
		raft.WithTimeouts(plan.heartbeat, plan.election),
		raft.WithLimits(plan.limits),
		raft.WithSeed(p.m.random.Uint64()),
		raft.WithIncarnation(p.m.random.Uint64()|1))
	if plan.leases {
		options = append(options, raft.WithLeases())
	}
	return options
}

// failedToStart takes in that a node refuses its disk.
func (m *machine) failedToStart(err error) {
	m.trace("does not start: %v", err)
	m.process.end()
	m.w.check.refusedToStart(m, err)
	m.disk.survive(killed)
}

// end makes whatever still happens to the process happen to nobody.
func (p *process) end() {
	p.dead = true
	p.missed = nil
	p.m.process = nil
	for _, x := range p.exchanges {
		x.broken()
	}
	p.exchanges = nil
	p.abandonTasks()
}

// do lets something happen to the process now, or when it goes on.
func (p *process) do(what func()) {
	switch {
	case p.dead:
	case p.paused:
		p.missed = append(p.missed, what)
	default:
		what()
		p.look()
	}
}

// maxMissed bounds what waits for a paused process: about what sockets hold.
const maxMissed = 2000

// deaf tells whether no more can arrive for the process.
func (p *process) deaf() bool { return p.paused && len(p.missed) >= maxMissed }

// later lets something happen to the process in a while.
func (p *process) later(d time.Duration, what func()) {
	p.m.w.after(d, func() { p.do(what) })
}

// pause stops the process for a while, as SIGSTOP does.
func (p *process) pause(d time.Duration) {
	if p.dead || p.paused {
		return
	}
	p.m.trace("paused for %v", d)
	p.paused = true
	p.m.w.after(d, p.resume)
}

// resume lets a paused process go on: all that it missed happens now, in order.
func (p *process) resume() {
	if p.dead || !p.paused {
		return
	}
	p.m.trace("goes on")
	p.paused = false
	missed := p.missed
	p.missed = nil
	for _, what := range missed {
		p.do(what)
	}
}

// wake lets one of raft's workers come to what waits for it.
func (p *process) wake(worker raft.Worker) {
	if !p.dead {
		p.later(p.delay(worker), func() { p.run(worker) })
	}
}

// delay draws how long a worker takes to come.
func (p *process) delay(worker raft.Worker) time.Duration {
	m := p.m
	switch worker {
	case raft.DiskWorker, raft.ReaderWorker:
		return m.disk.latency()
	case raft.ApplyWorker:
		return m.random.duration(0, m.w.plan.applyDelay) + p.slowApply
	default:
		return m.random.duration(0, m.w.plan.loopDelay)
	}
}

// run lets a worker do one piece of work, unless its disk hangs.
func (p *process) run(worker raft.Worker) {
	if worker == raft.DiskWorker || worker == raft.ReaderWorker {
		if wait := p.m.disk.hung(); wait > 0 {
			p.later(wait, func() { p.run(worker) })
			return
		}
	}
	if again := p.manual.Run(worker); again > 0 {
		p.later(p.m.clock.stretch(again), func() { p.run(worker) })
	}
}

// change asks the node for a change of the membership. then is called with its answer, if the process is there to give it.
func (p *process) change(change raft.Change, then func(raft.ChangeResult)) {
	p.do(func() {
		asked := p.m.w.check.asks(p, change)
		p.raft.ChangeMembership(change, func(result raft.ChangeResult) {
			p.m.w.check.answered(asked, result)
			if !p.dead {
				then(result)
			}
		})
	})
}

// tick is raft's clock: as a time.Ticker, it drops what nobody comes for.
func (p *process) tick() {
	if p.dead {
		return
	}
	p.m.w.after(p.m.clock.stretch(p.m.w.plan.tick), p.tick)
	if p.ticked {
		return
	}
	p.ticked = true
	p.do(func() {
		p.ticked = false
		p.witness.tick(p)
		p.manual.Tick()
		p.m.w.check.ticked(p)
	})
}

// tickReplica is the replica's clock.
func (p *process) tickReplica() {
	if p.dead {
		return
	}
	p.m.w.after(p.m.clock.stretch(replica.TickInterval), p.tickReplica)
	if p.replicaTicked {
		return
	}
	p.replicaTicked = true
	p.do(func() {
		p.replicaTicked = false
		p.replica.Tick()
		p.endpoint.connect()
		p.m.w.check.measure(p)
	})
}

// redirect returns a node's address for clients, as the nodes' handshakes tell it.
func (p *process) redirect(id raft.NodeID, _ int) string {
	if m := p.endpoint.dial(id); m != nil {
		return m.clientAddress()
	}
	if id == p.id {
		return p.m.clientAddress()
	}
	return ""
}

// look takes in what became of the process by what it just did.
func (p *process) look() {
	if p.dead {
		return
	}
	if err := errors.Join(p.raft.Err(), p.replica.Err()); err != nil {
		p.m.w.check.failed(p, err)
		p.m.exit(err)
		p.m.w.nemesis.failed(p.m)
		return
	}
	if p.m.disk.failedSync && !p.stopping {
		p.m.w.violate(p.m.name(), "it goes on after a sync of its disk has failed")
	}
	p.m.w.check.looked(p)
	p.m.w.check.reconfirm(p)
	p.m.w.check.recount(p)
	if standing := p.raft.Standing(); standing != p.standing {
		before := p.standing
		p.standing = standing
		if standing.Role != before.Role || standing.Term != before.Term || standing.Leader != before.Leader {
			p.m.trace("%v of term %d, leader %d", standing.Role, standing.Term, standing.Leader)
		}
		p.m.w.check.stood(p, before)
	}
}

// apply hands what raft delivers to the state machine, in pieces that end where states are compared.
func (p *process) apply(message raft.ApplyMsg) {
	if p.dead {
		return
	}
	p.m.w.check.delivered(p, message)
	if message.Snapshot != nil {
		p.replica.Apply(raft.ApplyMsg{Snapshot: message.Snapshot})
		p.m.w.check.applied(p)
	}
	every := p.m.w.plan.digestEvery
	for rest := message.Entries; len(rest) > 0; {
		n := min(len(rest), int((every-rest[0].Index%every)%every)+1)
		p.replica.Apply(raft.ApplyMsg{Entries: rest[:n]})
		rest = rest[n:]
		p.m.w.check.applied(p)
		p.meanwhile()
		if p.dead {
			return
		}
	}
}

// meanwhile lets the other workers come while the state machine is in the middle of a batch, as their goroutines may: so a
// snapshot of its beginning can be finished before raft hears that it was applied.
func (p *process) meanwhile() {
	if len(p.tasks) == 0 || !p.m.random.chance(p.m.w.plan.overlap) {
		return
	}
	for i := 0; i < maxMeanwhile && len(p.tasks) > 0 && !p.dead; i++ {
		p.tasks[0].runNow()
	}
	for range 2 {
		for _, worker := range []raft.Worker{raft.DiskWorker, raft.LoopWorker} {
			if p.dead || p.raft.Err() != nil || p.m.disk.hung() > 0 {
				return
			}
			p.manual.Run(worker)
		}
	}
}

// maxMeanwhile bounds how far a task gets in that time, in operations of the disk.
const maxMeanwhile = 100

// leads tells whether the process believes to lead.
func (p *process) leads() bool { return !p.dead && p.standing.Role == core.Leader }
