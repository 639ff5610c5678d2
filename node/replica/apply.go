package replica

import (
	"fmt"
	"runtime"

	"redoubt/fsm"
	"redoubt/raft"
	"redoubt/raft/core"
)

const (
	// maxEntriesPerLock bounds how long reads wait for Apply.
	maxEntriesPerLock = 128
	// firstAnswered is how many entries are applied before their clients are answered, where many wait: while these read and ask again, the
	// rest is applied, twice as many each time.
	firstAnswered = 8
	// maxLockReplyBytes bounds the replies that are gathered before those who wait for them are woken, in bytes, by one
	// entry's more.
	maxLockReplyBytes = 4 << 20
)

// Apply takes in what raft delivers, in log order and one call at a time, for raft.WithApply. It is the only writer of
// the state machine.
func (r *Replica) Apply(message raft.ApplyMsg) {
	err := r.Err()
	if message.Snapshot != nil && err == nil {
		err = r.loadSnapshot(*message.Snapshot)
	}
	size := firstAnswered
	for rest := r.unapplied(message.Entries); len(rest) > 0; size = min(2*size, maxEntriesPerLock) {
		if err != nil {
			dropTickets(rest)
			break
		}
		if rest[0].Ticket == nil {
			size = maxEntriesPerLock // nobody waits here
		}
		batch := rest[:min(len(rest), size)]
		var done int
		if done, err = r.applyEntries(batch); err == nil {
			rest = rest[done:]
		}
		if len(rest) > 0 && batch[0].Ticket != nil {
			runtime.Gosched() // who was answered goes first
		}
	}
	if err != nil {
		r.fail(err)
	}
}

// unapplied returns the entries that the state does not cover yet: it may come from a later snapshot.
func (r *Replica) unapplied(entries []raft.Committed) []raft.Committed {
	at := r.machine.Index()
	n := 0
	for n < len(entries) && entries[n].Index <= at {
		n++
	}
	dropTickets(entries[:n])
	return entries[n:]
}

// applyEntries applies consecutive entries under one lock, or the first of them if their replies are large, then wakes who
// waits for them. It returns how many were applied.
func (r *Replica) applyEntries(entries []raft.Committed) (done int, err error) {
	done, err = r.applyLocked(entries)
	if err != nil {
		return 0, err
	}
	entries = entries[:done]
	r.gate.advance(entries[done-1].Index)
	for i := range entries {
		if t, ok := entries[i].Ticket.(*ticket); ok {
			t.applied()
		}
	}
	return done, nil
}

func (r *Replica) applyLocked(entries []raft.Committed) (done int, err error) {
	r.machine.Lock()
	defer r.machine.Unlock()
	r.warmEntries(entries)
	for replies := 0; done < len(entries) && replies < maxLockReplyBytes; done++ {
		entry := &entries[done]
		if at := r.machine.Index(); entry.Index != at+1 {
			panic(fmt.Sprintf("BUG: replica: entry %d is to be applied to the state of index %d", entry.Index, at))
		}
		r.machine.Advance(entry.Index, entry.Time)
		r.machine.term = entry.Term
		if err := r.applyEntry(entry); err != nil {
			return done, fmt.Errorf("apply entry %d: %w", entry.Index, err)
		}
		if t, ok := entry.Ticket.(*ticket); ok {
			replies += len(t.reply.Buf)
		}
		r.checks.note(r.machine.Machine)
		r.snapshots.count(len(entry.Data))
	}
	r.maybeSnapshot()
	return done, nil
}

func (r *Replica) applyEntry(entry *raft.Committed) error {
	switch entry.Kind {
	case core.EntryCommand:
		if err := r.batch.Reset(entry.Data); err != nil {
			return err
		}
		if index, sum, ok := r.batch.Check(); ok {
			if err := r.checks.compare(index, sum); err != nil {
				return err
			}
		}
		if t, ok := entry.Ticket.(*ticket); ok {
			return r.applyTicket(&r.batch, t)
		}
		return r.applyBatch(&r.batch)
	case core.EntryConfiguration:
		configuration, err := core.DecodeConfiguration(entry.Data)
		if err != nil {
			return err
		}
		r.configuration.Store(&configuration)
	}
	return nil
}

// applyBatch runs a batch that nobody here waits for.
func (r *Replica) applyBatch(batch *fsm.Batch) error {
	for {
		command, ok, err := batch.Next()
		if err != nil || !ok {
			return err
		}
		r.run(command, &r.nobody)
	}
}

// run applies one command, once however often its session sends it.
func (r *Replica) run(command fsm.BatchCommand, reply *fsm.Writer) {
	r.machine.ApplyOnce(command.Session, command.Sequence, command.Args, reply)
}

// applyTicket runs a batch whose connection waits, with the reads and literals of the pipeline between its
// writes. The reads see the state at this very entry. Replies of unusual size do not pile up (P6): reads after the
// last write are left to the connection, and what is beyond maxEntryReplyBytes is not kept.
func (r *Replica) applyTicket(batch *fsm.Batch, t *ticket) error {
	before, lastWrite := len(t.reply.Buf), len(t.ops)-1
	for lastWrite >= 0 && !isWrite(t.ops[lastWrite]) {
		lastWrite--
	}
	for i := range t.ops {
		op, size := &t.ops[i], len(t.reply.Buf)-before
		switch {
		case i > lastWrite && size > maxReplyBytes:
			t.answered = i
			return nil
		case op.Command == nil:
			t.reply.Raw(op.Literal)
		case op.Command.Writes():
			command, ok, err := batch.Next()
			if err != nil {
				return err
			}
			if !ok {
				panic("BUG: replica: an entry holds fewer commands than its ticket")
			}
			if size > maxEntryReplyBytes {
				r.run(command, &r.nobody)
				t.reply.Error("UNCERTAIN the replies of this pipeline were too large to keep; the write was applied")
				continue
			}
			r.run(command, t.reply)
		case size > maxEntryReplyBytes:
			t.reply.Error("TRYAGAIN the replies of this pipeline are too large")
		default:
			r.machine.Read(0, op.Args, t.reply)
		}
	}
	t.answered = len(t.ops)
	return nil
}

// dropTickets tells waiting connections that their outcome will not be known here.
func dropTickets(entries []raft.Committed) {
	for i := range entries {
		if t, ok := entries[i].Ticket.(*ticket); ok {
			t.Dropped(raft.ErrUncertain)
		}
	}
}
