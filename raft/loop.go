package raft

import (
	"runtime"
	"time"

	"redoubt/raft/core"
)

// start begins all goroutines.
func (r *Raft) start(applyCh chan<- ApplyMsg) error {
	r.workers.Add(3)
	go r.runDisk()
	go r.runReader()
	go r.runApply(applyCh)
	if r.network != nil {
		if err := r.network.Start(func(m core.Message) { r.inbox.addMessage(m) }); err != nil {
			close(r.stopping)
			r.end()
			return err
		}
	}
	go r.run()
	return nil
}

// run is the loop: the only goroutine that steps the core. It never blocks on disk, network or applyCh.
func (r *Raft) run() {
	defer r.end()
	ticker := time.NewTicker(time.Duration(r.tick) * time.Millisecond)
	defer ticker.Stop()
	var spare letters
	r.step(r.tickInput())
	for {
		select {
		case <-r.stopping:
			return
		case <-ticker.C:
			r.step(r.tickInput())
		case <-r.inbox.wake:
			// Connections that are ready to run add theirs first: the batch grows, and nobody waits for a clock.
			runtime.Gosched()
		}
		full := r.inbox.take(spare)
		r.handle(&full)
		full.reset()
		spare = full
		r.publish(r.core.Status())
	}
}

func (r *Raft) tickInput() core.Tick {
	return core.Tick{Mono: r.clock.Mono(), Wall: r.clock.Wall()}
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
		r.step(core.Receive{Message: message})
	}
	for _, f := range l.calls {
		f()
	}
	r.held = append(r.held, l.proposals...)
	if len(r.held) > 0 && (r.unsaved() < maxUnsaved || r.core.Status().Role != core.Leader) {
		r.propose(r.held)
		clear(r.held)
		r.held = r.held[:0]
	}
	if l.round != nil {
		r.beginRound(l.round)
	}
}

// maxUnsaved is how many increments may wait for the disk before proposals are held back. What arrives while one
// is being synced goes into the next append, so that batches grow with the load, and a lone client
// waits for nothing. (Two give smaller batches and measured slower: docs/BENCH.md.)
const maxUnsaved = 1

// unsaved returns how many increments the disk has not finished.
func (r *Raft) unsaved() uint64 { return r.persisting - r.persisted }

// propose appends all waiting commands at once.
func (r *Raft) propose(waiting []proposal) {
	commands := make([][]byte, len(waiting))
	for i, p := range waiting {
		commands[i] = p.command
	}
	effects := r.core.Step(core.Propose{Mono: r.clock.Mono(), Commands: commands})
	first := effects.Proposed.First
	for i, p := range waiting {
		if effects.Proposed.Refusal != core.Accepted {
			p.ticket.Dropped(refusalError(effects.Proposed.Refusal))
			continue
		}
		at := core.Position{Index: first.Index + uint64(i), Term: first.Term}
		if t, ok := p.ticket.(Positioned); ok {
			t.Appended(at)
		}
		r.tickets.push(at, p.ticket)
	}
	r.carryOut(effects)
}

func refusalError(refusal core.Refusal) error {
	switch refusal {
	case core.Overloaded:
		return ErrOverloaded
	case core.TooLarge:
		return ErrTooLarge
	default:
		return ErrNotLeader
	}
}

func (r *Raft) step(input core.Input) { r.carryOut(r.core.Step(input)) }

// carryOut does what the core decided. Each kind goes to the one goroutine that keeps its order.
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
	for _, request := range e.ReadLog {
		r.reader.push(readJob{log: &request})
	}
	for _, request := range e.ReadSnapshot {
		r.reader.push(readJob{snapshot: &request})
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
	r.publish(status)
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

// end stops the workers and drops what still waits. It runs once, after the loop.
func (r *Raft) end() {
	r.disk.close()
	r.reader.close()
	dropUndelivered(mergeApplyJobs(r.applies.close()))
	r.workers.Wait()
	if r.network != nil {
		if err := r.network.Close(); err != nil {
			r.log.Warn("raft network did not close cleanly", "error", err)
		}
	}
	rest := r.inbox.close()
	r.tickets.dropAll(ErrUncertain)
	for _, p := range append(r.held, rest.proposals...) {
		p.ticket.Dropped(ErrStopped)
	}
	if rest.round != nil {
		rest.round.finish(0, ErrStopped)
	}
	for _, round := range r.rounds {
		round.finish(0, ErrStopped)
	}
	close(r.done)
}
