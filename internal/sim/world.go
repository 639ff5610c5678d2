package sim

import (
	"fmt"
	"io"
	"path"
	"runtime"
	"strings"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
)

// world is one cluster and everything around it.
type world struct {
	seed  uint64
	plan  plan
	now   time.Duration
	queue eventQueue
	trace trace

	network  network
	machines []*machine
	clients  []*client
	load     load
	operator operator
	nemesis  nemesis
	check    checker
	// founding is the membership that the cluster began with.
	founding core.Configuration

	result Result
	// over: a violation was found, or the run has come to its end.
	over bool
}

// Result is what a run came to.
type Result struct {
	// Seed is the run's.
	Seed uint64
	// Violation is the first promise that was broken, or nil.
	Violation *Violation
	// Undecided counts histories that were not shown to be linearizable, nor shown not to be. They count as failures.
	Undecided int
	// Simulated is how much time passed in the world.
	Simulated time.Duration
	// Events, Crashes, Partitions, Elections, Commands and Changes count events, ends of processes by force, cuts of the
	// network, leaders elected, commands answered and changes of the membership that committed.
	Events, Crashes, Partitions, Elections, Commands, Changes int
}

// Violation is a broken promise.
type Violation struct {
	// At is when it was noticed, in the world's time; Where names the node, or is empty.
	At    time.Duration
	Where string
	// What was promised and what was seen instead.
	What string
}

// Error makes a Violation an error of one line.
func (v *Violation) Error() string {
	if v.Where == "" {
		return fmt.Sprintf("at %.6f s: %s", v.At.Seconds(), v.What)
	}
	return fmt.Sprintf("at %.6f s, %s: %s", v.At.Seconds(), v.Where, v.What)
}

// Run simulates the world of a seed to its end, or to the first violation. What happens is written to out, if it is not
// nil, a line with each call. The same seed gives the same lines, byte for byte.
func Run(seed uint64, out io.Writer) Result {
	w := &world{seed: seed, plan: drawPlan(seed), trace: trace{out: out}}
	w.result.Seed = seed
	w.live()
	w.result.Simulated = w.now
	return w.result
}

// live is the life of a world: it is formed, troubled, healed, and judged.
func (w *world) live() {
	defer w.catchBug()
	w.tracePlan()
	w.check.init(w)
	w.network.init(w)
	w.operator.init(w)
	w.nemesis.init(w)
	w.form()
	w.startClients()
	w.nemesis.begin()
	w.runUntil(w.plan.trouble)
	w.recover()
	w.judge()
	w.end()
}

// end lets go of what the processes still hold.
func (w *world) end() {
	for _, m := range w.machines {
		if m.up() {
			m.process.end()
		}
	}
}

// form makes the machines of a new cluster and starts them.
func (w *world) form() {
	for range w.plan.machines {
		m := w.addMachine()
		m.id = m.firstID()
	}
	peers := w.initialPeers()
	w.founding = raft.InitialConfiguration(peers)
	for _, m := range w.machines {
		m.peers = peers
		m.start()
	}
}

// after schedules what happens in a while.
func (w *world) after(d time.Duration, do func()) { w.queue.push(w.now+max(d, 0), do) }

// runUntil lets the world run up to an instant, or until it is over.
func (w *world) runUntil(end time.Duration) {
	for !w.over && len(w.queue.heap) > 0 && w.queue.heap[0].at <= end {
		w.step()
	}
	if !w.over {
		w.now = max(w.now, end)
	}
}

// runWhile lets the world run until done is true, asking every so often, but not beyond an instant. It
// reports whether done became true.
func (w *world) runWhile(end, every time.Duration, done func() bool) bool {
	for {
		if w.over {
			return true
		}
		if done() {
			return true
		}
		if w.now >= end {
			return false
		}
		w.runUntil(min(end, w.now+every))
	}
}

func (w *world) step() {
	e := w.queue.pop()
	w.now = e.at
	w.result.Events++
	e.do()
}

// tracef writes a line of the trace about nobody in particular.
func (w *world) tracef(format string, args ...any) {
	if w.trace.on() {
		w.trace.write(w.now, "", format, args...)
	}
}

// violate ends the run with a violation, if it is the first.
func (w *world) violate(where, format string, args ...any) {
	if w.result.Violation != nil {
		return
	}
	w.result.Violation = &Violation{At: w.now, Where: where, What: fmt.Sprintf(format, args...)}
	w.over = true
	if w.trace.on() {
		w.trace.write(w.now, where, "VIOLATION: %s", w.result.Violation.What)
		w.traceAll()
	}
}

// catchBug makes a panic of the code under test a violation.
func (w *world) catchBug() {
	if reason := recover(); reason != nil {
		w.violate("", "panic: %v\n%s", reason, panicSite())
	}
}

// tracePlan begins the trace with what was drawn.
func (w *world) tracePlan() {
	if !w.trace.on() {
		return
	}
	p := &w.plan
	w.tracef("seed %d: %d machines, election %v, heartbeat %v, tick %v, leases %t, drift %d ppm, trouble %v, heal all %t",
		w.seed, p.machines, p.election, p.heartbeat, p.tick, p.leases, p.driftPPM, p.trouble, p.healAll)
	w.tracef("limits %+v, segments of %d bytes, snapshots after %d entries or %d bytes",
		p.limits, p.segmentBytes, p.snapshotLogEntries, p.snapshotLogBytes)
	w.tracef("network %+v", p.network)
	w.tracef("disk %+v, loop delay %v, apply delay %v", p.disk, p.loopDelay, p.applyDelay)
	w.tracef("load %+v", p.load)
	if p.theme != "" {
		w.tracef("theme: %s", p.theme)
	}
	for _, f := range p.faults {
		w.tracef("fault %s every %v", f.name, f.mean)
	}
}

// panicSite names the functions of the code under test that a panic came from. Addresses are left out: they differ
// from run to run.
func panicSite() string {
	var frames [32]uintptr
	n := runtime.Callers(3, frames[:])
	var text strings.Builder
	for iter := runtime.CallersFrames(frames[:n]); ; {
		frame, more := iter.Next()
		if strings.HasPrefix(frame.Function, "redoubt/") {
			fmt.Fprintf(&text, "\t%s (%s:%d)\n", frame.Function, path.Base(frame.File), frame.Line)
		}
		if !more {
			return text.String()
		}
	}
}
