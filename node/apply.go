package node

import (
	"fmt"

	"redoubt/fsm"
	"redoubt/raft"
	"redoubt/raft/core"
)

// maxEntriesPerLock bounds how long readers wait for the applier.
const maxEntriesPerLock = 128

// runApplier applies what raft delivers, in log order, until the node stops. It is the only writer of the
// state machine.
func (n *Node) runApplier() {
	defer n.gate.close() // what is not applied by then is not applied here any more
	for {
		select {
		case <-n.raft.Done():
			return
		case message := <-n.applyCh:
			if message.Snapshot != nil {
				if err := n.loadSnapshot(*message.Snapshot); err != nil {
					n.fail(err)
					dropTickets(message.Entries)
					return
				}
				continue
			}
			for rest := message.Entries; len(rest) > 0; {
				batch := rest[:min(len(rest), maxEntriesPerLock)]
				rest = rest[len(batch):]
				if err := n.applyEntries(batch); err != nil {
					n.fail(err)
					dropTickets(rest)
					return
				}
			}
		}
	}
}

// applyEntries applies consecutive entries under one lock, then wakes who waits for them.
func (n *Node) applyEntries(entries []raft.Committed) error {
	err := n.applyLocked(entries)
	if err != nil {
		dropTickets(entries)
		return err
	}
	n.gate.advance(entries[len(entries)-1].Index)
	for i := range entries {
		if t, ok := entries[i].Ticket.(*ticket); ok {
			t.applied()
		}
	}
	return nil
}

func (n *Node) applyLocked(entries []raft.Committed) error {
	n.machine.Lock()
	defer n.machine.Unlock()
	for i := range entries {
		entry := &entries[i]
		n.machine.Advance(entry.Index, entry.Time)
		if err := n.applyEntry(entry); err != nil {
			return fmt.Errorf("apply entry %d: %w", entry.Index, err)
		}
		n.snapshots.count(len(entry.Data))
	}
	n.maybeSnapshot(entries[len(entries)-1].Entry)
	return nil
}

func (n *Node) applyEntry(entry *raft.Committed) error {
	switch entry.Kind {
	case core.EntryCommand:
		if err := n.batch.Reset(entry.Data); err != nil {
			return err
		}
		if t, ok := entry.Ticket.(*ticket); ok {
			return n.applyTicket(&n.batch, t)
		}
		return n.applyBatch(&n.batch)
	case core.EntryConfiguration:
		configuration, err := core.DecodeConfiguration(entry.Data)
		if err != nil {
			return err
		}
		n.configuration = configuration
	}
	return nil
}

// applyBatch runs a batch that nobody here waits for.
func (n *Node) applyBatch(batch *fsm.Batch) error {
	for {
		command, ok, err := batch.Next()
		if err != nil || !ok {
			return err
		}
		n.machine.Apply(command.Args, &n.nobody)
	}
}

// applyTicket runs a batch whose connection waits, with the reads and literals of the pipeline between its
// writes. The reads see the state at this very entry. Replies of unusual size do not pile up (P6): reads after the
// last write are left to the connection, and what is beyond maxEntryReplyBytes is not kept.
func (n *Node) applyTicket(batch *fsm.Batch, t *ticket) error {
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
				panic("BUG: node: an entry holds fewer commands than its ticket")
			}
			if size > maxEntryReplyBytes {
				n.machine.Apply(command.Args, &n.nobody)
				t.reply.Error("UNCERTAIN the replies of this pipeline were too large to keep; the write was applied")
				continue
			}
			n.machine.Apply(command.Args, t.reply)
		case size > maxEntryReplyBytes:
			t.reply.Error("TRYAGAIN the replies of this pipeline are too large")
		default:
			n.machine.Read(0, op.Args, t.reply)
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
