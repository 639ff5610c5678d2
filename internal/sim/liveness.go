package sim

import (
	"time"

	"redoubt/internal/lin"
	"redoubt/raft/core"
)

// Once the faults have stopped and a majority is healed, the cluster must not only be safe: it has a leader, takes writes,
// finishes what changes of the membership it began, and all nodes that are well come to the same state, within a bound.

// Bounds on the recovery, in simulated time.
const (
	// writeWithin is how soon a write must succeed, beside some elections.
	writeWithin = 5 * time.Second
	// convergeWithin is how soon all must be equal. The tightest limits send a log of thousands of entries one by one.
	convergeWithin = 60 * time.Second
)

// recover heals the world and demands that the cluster recovers.
func (w *world) recover() {
	if w.over {
		return
	}
	w.heal()
	verifier := w.newVerifier()
	verifier.run([]string{"SET", "probe", "written after the faults"})
	if !w.runWhile(w.now+writeWithin+20*w.plan.election, 50*time.Millisecond, verifier.idle) {
		w.violate("", "liveness: no write succeeds %v after the faults have stopped", writeWithin+20*w.plan.election)
		return
	}
	w.load.stopped = true
	if !w.runWhile(w.now+convergeWithin, 100*time.Millisecond, w.settled) {
		w.violate("", "liveness: %v after the faults have stopped %s", convergeWithin, w.unsettled())
		return
	}
	w.readEverything(verifier)
	if !w.runWhile(w.now+convergeWithin, 20*time.Millisecond, func() bool { return verifier.idle() && w.settled() }) {
		w.violate("", "liveness: the keys cannot be read, or %s", w.unsettled())
		return
	}
	w.check.final()
}

// heal ends all faults, and starts what is down, save for a minority if the plan has it.
func (w *world) heal() {
	w.tracef("the faults stop")
	w.nemesis.resting, w.operator.resting = true, true
	w.load.calm = true
	if w.nemesis.random.oneIn(3) {
		w.nemesis.powerCutOfAll()
	}
	w.network.heal()
	down := w.chooseDown()
	for _, m := range w.machines {
		m.hidden = false
		m.disk.heal()
		if down[m.number] {
			m.trace("stays down")
			m.sacrificed = true
			if m.up() {
				m.crash(killed)
			}
			continue
		}
		if m.up() {
			m.process.slowApply, m.process.pauseAtWake = 0, 0
			m.process.resume()
		} else {
			m.startIn(w.plan.election / 4)
		}
	}
	if w.operator.anyDamaged() {
		w.operator.repairIn(w.plan.election)
	}
}

// chooseDown draws machines that stay down: every membership that some node believes in keeps its majority.
func (w *world) chooseDown() []bool {
	down := make([]bool, len(w.machines))
	if w.plan.healAll || w.operator.busy() || w.operator.anyDamaged() {
		return down // what is about to change may need them all
	}
	for _, m := range w.check.membership().Members {
		if m.Promote {
			return down
		}
	}
	configurations := []core.Configuration{w.check.membership()}
	for _, m := range w.machines {
		for _, c := range m.disk.shadow.configurations {
			configurations = append(configurations, c.configuration)
		}
	}
	start := w.nemesis.random.IntN(len(w.machines))
	for i := range w.machines {
		m := w.machines[(start+i)%len(w.machines)]
		if m.id == 0 {
			continue // about to join
		}
		down[m.number] = true
		for _, c := range configurations {
			if !w.majorityWell(c, down) {
				down[m.number] = false
				break
			}
		}
	}
	return down
}

// majorityWell tells whether enough of the voters, the old ones too, are neither damaged nor down: a majority, or all where
// the cluster is still to form (raft/core, instance.go).
func (w *world) majorityWell(c core.Configuration, down []bool) bool {
	well := func(m *core.Member) bool {
		on := w.machineOf(m.ID)
		return on != nil && !on.damaged() && !on.retired && !down[on.number]
	}
	return decides(c, well)
}

// settled tells whether the cluster has recovered in full.
func (w *world) settled() bool { return w.unsettled() == "" }

// unsettled says what the cluster still lacks, or nothing.
func (w *world) unsettled() string {
	for _, c := range w.clients {
		if c.call != nil {
			return "client " + c.name() + " still waits"
		}
	}
	leader := w.leader()
	if leader == nil {
		return "nobody leads"
	}
	membership := w.check.membership()
	if membership.Joint() {
		return "a change of the membership is half done"
	}
	if w.operator.busy() {
		return "the operator still waits: " + w.operator.job.what + " of " + w.operator.job.machine.name()
	}
	index := leader.process.replica.Index()
	if index != leader.process.standing.CommitIndex {
		return leader.name() + " has yet to apply what is committed"
	}
	for i := range membership.Members {
		member := &membership.Members[i]
		m := w.machineOf(member.ID)
		if m == nil || m.damaged() || m.sacrificed {
			continue
		}
		switch {
		case !m.up():
			return m.name() + " does not run"
		case member.Instance == 0:
			return "the disk of " + m.name() + " is not recorded"
		case member.Promote && !member.Voter:
			return m.name() + " is not promoted"
		case len(m.process.exchanges) > 0:
			return m.name() + " owes a client an answer"
		case m.process.replica.Index() != index || m.process.standing.CommitIndex != leader.process.standing.CommitIndex:
			return m.name() + " lags behind"
		}
	}
	return ""
}

// final compares the states of all nodes that are well.
func (c *checker) final() {
	c.checkTold()
	c.checkAnswered()
	first := true
	var digest [32]byte
	var index uint64
	for i := range c.membership().Members {
		m := c.w.machineOf(c.membership().Members[i].ID)
		if m == nil || !m.up() || m.damaged() || m.sacrificed {
			continue
		}
		c.measureDisk(m.process)
		c.measureDue(m.process)
		at, d := m.process.replica.Digest()
		if !first && (at != index || d != digest) {
			c.w.violate(m.name(), "its state in the end differs: digest %x at index %d, %x at %d elsewhere", d[:4], at, digest[:4], index)
		}
		first, index, digest = false, at, d
	}
}

// judge shows the histories to be linearizable, or not.
func (w *world) judge() {
	if w.over {
		return
	}
	w.over = true
	options := lin.Options{}
	if w.plan.clocksAgree() {
		options.ClockError = int64(w.plan.clockSlack())
	}
	report, err := lin.Check(w.check.history.operations, options)
	if err != nil {
		panic("BUG: sim: " + err.Error())
	}
	w.tracef("history of %d operations, %d of them unknown, in %d parts: %v", report.Operations, report.Unknown, report.Parts, report.Verdict)
	switch report.Verdict {
	case lin.Violation:
		w.violate("", "the history is not linearizable:\n%s", report.Explanation)
	case lin.Undecided:
		w.result.Undecided += report.Undecided
		w.tracef("%s", report.Explanation)
	}
}

// verifier is a client that does what it is told.
type verifier struct {
	c *client
	// waiting are the pipelines to come.
	waiting [][]*command
}

func (w *world) newVerifier() *verifier {
	v := &verifier{c: &client{w: w, number: len(w.clients), random: newRandom(w.seed, drawsWorkload)}}
	v.c.work.init(v.c)
	v.c.script = v
	w.clients = append(w.clients, v.c)
	return v
}

// run calls a command after those before it.
func (v *verifier) run(words ...[]string) {
	var pipeline []*command
	for _, w := range words {
		pipeline = append(pipeline, &command{words: w})
	}
	v.waiting = append(v.waiting, pipeline)
	v.proceed()
}

// proceed begins the next call, if none is under way.
func (v *verifier) proceed() {
	if v.c.call == nil && len(v.waiting) > 0 {
		pipeline := v.waiting[0]
		v.waiting = v.waiting[1:]
		v.c.begin(pipeline...)
	}
}

func (v *verifier) idle() bool { return v.c.call == nil && len(v.waiting) == 0 }

// readEverything reads every key that any client used: what was acknowledged must be there.
func (w *world) readEverything(v *verifier) {
	for _, g := range append(w.check.history.groups, w.load.groups...) {
		v.run(append([]string{"MGET"}, g.keys...))
	}
}

// traceAll writes down how every node stands.
func (w *world) traceAll() {
	if !w.trace.on() {
		return
	}
	for _, m := range w.machines {
		if !m.up() {
			m.trace("down; lost %q, flipped %q, retired %t, sacrificed %t", m.lost, m.flipped, m.retired, m.sacrificed)
			continue
		}
		p := m.process
		if p.manual == nil {
			m.trace("starting")
			continue
		}
		m.trace("%v of term %d, leader %d, last %d, commit %d, applied %d; disk holds %d to %d", p.standing.Role, p.standing.Term,
			p.standing.Leader, p.standing.LastIndex, p.standing.CommitIndex, p.replica.Index(), m.disk.shadow.base.Index+1, m.disk.shadow.last())
		for _, progress := range p.raft.Progress() {
			m.trace("  %+v", progress)
		}
	}
}
