package raft

import (
	"runtime"
	"time"

	"redoubt/raft/core"
)

// connect opens the network.
func (r *Raft) connect() error {
	r.followMembers()
	if r.network == nil {
		return nil
	}
	return r.network.Start(r.receive)
}

// start begins all goroutines.
func (r *Raft) start() {
	for w := DiskWorker; w <= ApplyWorker; w++ {
		r.workers.Go(func() { r.serve(w) })
	}
	go r.run()
}

// run is the loop's own goroutine. Only who holds turning steps the core, and never blocks on disk, network or
// service: this goroutine for the clock and for clients, and in hurry whoever brings news from the disk or a peer.
func (r *Raft) run() {
	defer r.end()
	ticker := time.NewTicker(r.tickInterval)
	defer ticker.Stop()
	for {
		ticked := false
		select {
		case <-r.stopping:
			return
		case <-ticker.C:
			ticked = true
		case <-r.bells[LoopWorker].token:
			// Connections that are ready to run add theirs first: the batch grows, and nobody waits for a clock.
			runtime.Gosched()
		}
		r.turning.Lock()
		if ticked {
			r.tick()
		}
		r.work(LoopWorker)
		r.turning.Unlock()
		if r.inbox.waits() {
			r.bells[LoopWorker].ring()
		}
	}
}

// knock has the loop's goroutine come for what was added, together with what others are about to add.
// A caller that has said Hold is about to do so itself.
func (r *Raft) knock() {
	if r.holds.Load() == 0 || r.manual {
		r.bells[LoopWorker].ring()
	}
}

// Hold says that the caller is about to propose commands, or to ask for reads, several times, and that it will call Release
// without waiting for anything: the node handles them together then.
func (r *Raft) Hold() { r.holds.Add(1) }

// Release has the node handle what came since Hold.
func (r *Raft) Release() {
	r.holds.Add(-1)
	if r.inbox.waits() {
		r.hurry()
	}
}

// hurry handles what was added at once, on the caller's goroutine, unless another is at it: that one sees to it then.
// Waking the loop's goroutine for every message and every sync costs more than handling them.
func (r *Raft) hurry() {
	if r.manual {
		if r.inbox.waits() { // nothing was added to a node that has stopped
			r.knock()
		}
		return
	}
	for range maxHurriedTurns {
		if !r.turning.TryLock() {
			return // whoever turns looks again afterwards
		}
		r.work(LoopWorker)
		r.turning.Unlock()
		if !r.inbox.waits() {
			return
		}
	}
	r.bells[LoopWorker].ring()
}

// maxHurriedTurns bounds how long a worker or a connection serves the loop in place of its own work.
const maxHurriedTurns = 4

// receive takes in a peer's message.
func (r *Raft) receive(m core.Message, instance uint64) {
	r.inbox.addMessage(m, instance)
	r.hurry()
}

// tick passes time.
func (r *Raft) tick() {
	r.notYet = false
	r.step(core.Tick{Mono: r.clock.Mono(), Wall: r.clock.Wall()})
}

// turn is one round of the loop: it handles all that waits.
func (r *Raft) turn() {
	full := r.inbox.take(r.spare)
	r.handle(&full)
	full.reset()
	r.spare = full
	r.followMembers()
	r.noteLull()
	r.publish(r.core.Status())
}

// handle steps the core through everything that waited: first what the disk and the state machine
// finished, then the peers, then the clients, so that clients meet the newest knowledge.
func (r *Raft) handle(l *letters) {
	if l.persisted > 0 {
		r.persisted = l.persisted
		r.step(core.Persisted{Seq: l.persisted})
	}
	if l.applied > r.applied {
		r.applied = l.applied
		r.step(core.Applied{Index: l.applied})
	}
	for _, input := range l.inputs {
		r.step(input)
	}
	for _, message := range l.messages {
		r.step(message)
	}
	for _, f := range l.calls {
		f()
	}
	for _, c := range l.changes {
		r.beginChange(c)
	}
	r.held = append(r.held, l.proposals...)
	r.watchCrowd()
	r.propose()
	r.beginRound(l.readers, false)
	r.beginRound(l.forwarded, true)
}

func (r *Raft) step(input core.Input) { r.carryOut(r.core.Step(input)) }

// carryOut does what the core decided. Each kind goes to the one worker that keeps its order.
func (r *Raft) carryOut(e core.Effects) {
	if e.Status != nil {
		r.changeStanding(*e.Status)
	}
	if len(e.Send) > 0 {
		r.send(e.Send)
	}
	if e.Persist != nil {
		r.persisting = e.Persist.Seq
		r.disk.push(diskJob{persist: e.Persist})
	}
	for i := range e.WriteSnapshot {
		r.disk.push(diskJob{piece: &e.WriteSnapshot[i]})
	}
	if e.InstallSnapshot != nil {
		r.disk.push(diskJob{install: e.InstallSnapshot})
	}
	if len(e.Apply) > 0 {
		r.applies.push(applyJob{entries: r.commit(e.Apply)})
	}
	for _, result := range e.Reads {
		r.endRound(result)
	}
	for _, result := range e.Changes {
		r.endChange(result)
	}
	for _, request := range e.ReadLog {
		r.reads.push(readJob{log: &request})
	}
	for _, request := range e.ReadSnapshot {
		r.reads.push(readJob{snapshot: &request})
	}
}

func (r *Raft) send(messages []core.Message) {
	if r.network == nil || len(messages) == 0 {
		return
	}
	r.sending.Lock()
	defer r.sending.Unlock()
	r.network.Send(messages)
}

// commit pairs committed entries with the tickets that wait for them.
func (r *Raft) commit(entries []core.Entry) []Committed {
	committed := make([]Committed, len(entries))
	for i, entry := range entries {
		committed[i].Entry = entry
		committed[i].Ticket = r.tickets.take(core.Position{Index: entry.Index, Term: entry.Term})
	}
	return committed
}

// changeStanding publishes a new role, term or leader. A node that no longer leads cannot learn what
// becomes of its proposals in time, and says so at once.
func (r *Raft) changeStanding(status core.Status) {
	previous := r.standing.Load()
	if previous.Role == core.Leader && (status.Role != core.Leader || status.Term != previous.Term) {
		r.tickets.dropAll(ErrUncertain)
	}
	r.notYet = false
	r.gatherer = gatherer{}
	r.publish(status)
	r.onStanding(*r.standing.Load())
	if previous.Role != status.Role || previous.Leader != status.Leader {
		r.log.Info("raft standing changed", "role", status.Role, "term", status.Term, "leader", status.Leader)
	}
}

func (r *Raft) publish(status core.Status) {
	next := Standing{Status: status, CommitIndex: r.core.CommitIndex(), LastIndex: r.core.LastIndex()}
	if previous := r.standing.Load(); previous == nil || *previous != next {
		r.standing.Store(&next)
	}
}

// end answers everybody who still waits and then waits for the workers. It runs once, after the last turn of the
// loop. What is in the log, or was committed and not delivered, may be done or not; what never reached the core
// is certainly not (P3).
func (r *Raft) end() {
	r.turning.Lock() // for ever: nobody turns any more
	if r.alarm != nil {
		r.alarm.Stop()
	}
	r.lull.Store(false)
	rest := r.inbox.close()
	r.disk.close()
	r.reads.close()
	r.applies.close()
	r.tickets.dropAll(ErrUncertain)
	for _, p := range append(r.held, rest.proposals...) {
		p.ticket.Dropped(ErrStopped)
	}
	r.held = nil
	stopped := ReadResult{Err: ErrStopped}
	for _, round := range r.rounds {
		r.answerReaders(round.readers, stopped)
	}
	r.answerReaders(rest.readers, stopped)
	r.answerReaders(rest.forwarded, stopped)
	r.dropChanges(rest.changes)
	r.workers.Wait()
	r.dropUndelivered()
	if r.network != nil {
		if err := r.network.Close(); err != nil {
			r.log.Warn("raft network did not close cleanly", "error", err)
		}
	}
	close(r.done)
}
