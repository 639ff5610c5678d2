package raft

import (
	"time"

	"redoubt/raft/core"
)

// gatherer decides how long commands that could be appended wait for others that are about to come. Each append costs every
// node a write, a sync and some messages, whatever is in it; and clients that wait for their answers come back together
// after it. It is pure: its times are microseconds of one clock, given by the caller.
//
// A client alone waits for nobody for long. Nobody waits longer than two commits take anyway, nor where waiting turns out to be in vain.
type gatherer struct {
	// crowd is about how many commands wait or are under way at once: as many can be hoped for.
	crowd int
	// commitTime is about how long an append takes to commit, or longestGather if that is longer.
	commitTime int64
	// timed is the index whose commit is being timed, from timedAt on; zero: none is. timedSize commands went into the log with it.
	timed     uint64
	timedAt   int64
	timedSize int
	// seen is the last index known to be committed.
	seen uint64
	// until is when those that wait will have waited long enough, zero: none do. began is how many there were at since: when they began
	// to wait, or when others had their answers after that. The last of those who are there now, count of them, came at came.
	until, since, came int64
	began, count       int
	// vain is about waiting that brought little: for some appends, nobody waits.
	vain backoff
	// late is about all but a few who were kept waiting for those: some appends go without a few.
	late backoff
}

const (
	// lullCrowd is how many must be missing that a moment without looking for them pays.
	lullCrowd = 8
	// promptly is the part of a commit's time, one over promptly, that may go by for each command that comes in time.
	promptly = 4
	// longestGather bounds a wait, in microseconds.
	longestGather = 2000
	// largeCrowd is how many at once go in two halves that take turns: while one commits, the other is answered and comes
	// back. A smaller crowd would pay more for twice as many appends than it gains.
	largeCrowd = 64
	// enoughBytes is an append that is large enough without waiting.
	enoughBytes = 256 << 10
	// maxVain bounds a backoff: at most 1<<maxVain appends go by between two attempts.
	maxVain = 6
)

// backoff says how many appends go by before something is tried again that failed: twice as many each time in a row.
type backoff struct{ failures, left int }

func (b *backoff) failed() {
	b.failures = min(b.failures+1, maxVain)
	b.left = 1 << b.failures
}

func (b *backoff) worked() { b.failures = 0 }

// goBy takes note of an append, and reports whether it was one of those before the next attempt.
func (b *backoff) goBy() bool {
	waits := b.left > 0
	b.left = max(0, b.left-1)
	return waits
}

// meets takes note of how many commands wait or are under way.
func (g *gatherer) meets(commands int) { g.crowd = max(g.crowd, commands) }

// wait returns for how many microseconds more the commands that could be appended now, of so many bytes together, should
// wait for others. Time that has been promised so does not grow.
func (g *gatherer) wait(now int64, commands int, bytes int64) int64 {
	if commands > g.count {
		g.count, g.came = commands, now
	}
	switch {
	case bytes >= enoughBytes:
		g.until = 0 // no more could be waited for, however soon they come
		return 0
	case g.commitTime == 0 || g.vain.left > 0 || commands >= g.enough():
		return 0
	case g.until == 0:
		g.until = now + min(2*g.commitTime, longestGather)
		g.begin(now, commands)
	}
	return max(0, g.until-now)
}

// begin takes note that so many wait now, and that others can come from now on.
func (g *gatherer) begin(now int64, commands int) {
	g.since, g.began = now, commands
	g.came, g.count = now, commands
}

// enough returns how many commands need not wait for more: the crowd, half of a large one, or most of it where the others
// are always late.
func (g *gatherer) enough() int {
	switch {
	case g.large():
		return g.crowd / 2
	case g.late.left > 0:
		return g.most()
	}
	return g.crowd
}

func (g *gatherer) large() bool { return g.crowd >= largeCrowd }

func (g *gatherer) most() int { return g.crowd - g.crowd/8 }

// missing returns how many more commands those that wait are waiting for; none if none wait.
func (g *gatherer) missing(commands int) int {
	if g.until == 0 || commands == 0 {
		return 0
	}
	return max(0, g.enough()-commands)
}

// appended takes note that commands went into the log, the last of them at index.
func (g *gatherer) appended(now int64, commands int, index uint64) {
	loose := g.late.goBy()
	switch {
	case g.until == 0:
		g.vain.goBy()
	case !g.inTime(commands):
		g.vain.failed()
	default:
		g.vain.worked()
		g.judgeLast(commands, loose)
	}
	g.over()
	if !g.large() {
		g.shrink() // meets tells of those who are still there
	}
	if g.timed == 0 {
		g.timed, g.timedAt, g.timedSize = index, now, commands
	}
}

// inTime reports whether nearly all who were waited for came, and one soon after the other. Clients do who ask again as soon as they are
// answered. Those that have something else to do now and then come at any time: waiting for them only makes the others wait.
func (g *gatherer) inTime(commands int) bool {
	gained := int64(max(1, commands-g.began))
	return commands >= g.enough()-g.enough()/8 && (g.came-g.since)*promptly <= g.commitTime*gained
}

// over takes note that nobody waits any more: what did is in the log, or was refused.
func (g *gatherer) over() { g.until, g.count = 0, 0 }

func (g *gatherer) shrink() { g.crowd -= (g.crowd + 15) / 16 }

// judgeLast takes note of whether the last few of a crowd came before the time was up. A loose append did not wait for them.
func (g *gatherer) judgeLast(commands int, loose bool) {
	switch {
	case g.large(): // nobody waits for its last
	case commands >= g.crowd:
		g.late.worked()
	case commands >= g.most() && !loose:
		g.late.failed()
	}
}

// committed takes note of the commit index, and of how many other commands wait or are under way then, and how many of these wait.
//
// Of a large crowd, those who have their answers and are on their way back are never met together with the others. It is as large as
// it was while half as many as have gone come before those are answered, and both together are half of it. It is smaller otherwise.
func (g *gatherer) committed(now int64, index uint64, others, waiting int) {
	if index > g.seen && g.until != 0 {
		g.begin(now, waiting) // who was not answered could not come
	}
	g.seen = max(g.seen, index)
	if g.timed == 0 || index < g.timed {
		return
	}
	g.learn(min(now-g.timedAt, longestGather))
	g.timed = 0
	if g.large() && (2*others < g.timedSize || 2*(others+g.timedSize) < g.crowd) {
		g.shrink()
	}
}

// learn takes note of how long a commit took.
func (g *gatherer) learn(took int64) {
	if g.commitTime == 0 {
		g.commitTime = took
	}
	g.commitTime += (took - g.commitTime) / 8
}

// gathers reports whether commands may wait for others here. A Manual's scheduler decides itself when the loop runs, and so what goes
// together; and it must not depend on this machine's clock.
func (r *Raft) gathers() bool { return !r.manual && r.core.Status().Role == core.Leader }

// watchCrowd tells the gatherer what has committed, and how many commands wait or are under way.
func (r *Raft) watchCrowd() {
	if !r.gathers() {
		return
	}
	commit := r.core.CommitIndex()
	all := len(r.held) + int(r.core.LastIndex()-commit)
	r.gatherer.committed(r.micros(), commit, all, len(r.held))
	r.gatherer.meets(all)
}

// gathering reports whether what is held waits for more, and sees to it that the loop comes back when that is over.
func (r *Raft) gathering() bool {
	if !r.gathers() {
		return false
	}
	waited := r.gatherer.until != 0
	wait := r.gatherer.wait(r.micros(), len(r.held), r.waitingBytes.Load())
	if wait > 0 && !waited {
		r.alarm.Reset(time.Duration(wait) * time.Microsecond)
	}
	return wait > 0
}

// gatheredAll tells the gatherer that all that is held went into the log.
func (r *Raft) gatheredAll() {
	if r.gathers() {
		r.gatherer.appended(r.micros(), len(r.held), r.core.LastIndex())
	}
}

// Lull reports whether the node has nothing to do but wait for the rest of a crowd, most likely for some ten microseconds more:
// who reads commands from connections will find more of them at once a moment later. It costs next to nothing to ask.
func (r *Raft) Lull() bool { return r.lull.Load() }

// noteLull keeps what Lull tells.
func (r *Raft) noteLull() {
	last := r.core.LastIndex()
	r.lull.Store(r.gathers() && !r.notYet && r.gatherer.missing(len(r.held)) >= lullCrowd &&
		r.core.CommitIndex() == last && r.applied == last && len(r.rounds) == 0)
}

// micros returns the time that the gatherer goes by.
func (r *Raft) micros() int64 { return time.Since(r.made).Microseconds() }
