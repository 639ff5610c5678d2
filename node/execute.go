package node

import (
	"errors"
	"slices"

	"redoubt/fsm"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// Bounds on one step of Execute. What is beyond them is done in the next step.
const (
	// maxReplyBytes stops a run of reads once so much waits to be sent.
	maxReplyBytes = 1 << 20
	// maxReplyingWrites bounds the writes of one proposal, each of which may reply a whole value.
	maxReplyingWrites = 4096
	// maxReadsAmongWrites bounds the reads of one proposal ahead of its last write.
	maxReadsAmongWrites = 128
	// maxEntryReplyBytes bounds the replies of one proposal, whose writes must all run at one entry.
	maxEntryReplyBytes = 64 << 20
)

// Replies to a write that was not taken.
const (
	// diskFullError has the code with which Redis refuses writes that it could not persist.
	diskFullError = "MISCONF Errors writing to the log: no space left on device; writes are refused until there is room"
	tooLargeError = "ERR command exceeds max-entry-bytes"
)

// Execute implements resp.Backend.
func (n *Node) Execute(b *resp.Batch) (done int) {
	if n.raft.Standing().Role != core.Leader {
		return n.executeAside(b)
	}
	switch {
	case !slices.ContainsFunc(b.Ops, isWrite):
		return n.read(b)
	case n.storage.full.Load():
		return n.executeFull(b)
	default:
		return n.write(b)
	}
}

// executeFull serves a batch while the disk is full: its writes are refused, its reads are served.
func (n *Node) executeFull(b *resp.Batch) (done int) {
	all := b.Ops
	defer func() { b.Ops = all }()
	b.Ops = slices.Clone(all)
	for i := range b.Ops {
		if isWrite(b.Ops[i]) {
			b.Ops[i] = resp.Op{Literal: []byte("-" + diskFullError + "\r\n")}
		}
	}
	return n.read(b)
}

// write proposes the batch, or as much of its beginning as one entry may hold, and waits for its replies.
func (n *Node) write(b *resp.Batch) (done int) {
	command, done := n.encode(b.Ops)
	if done == 0 {
		b.Reply.Error(tooLargeError)
		return 1
	}
	before := len(b.Reply.Buf)
	t := n.tickets.get(b.Ops[:done], &b.Reply)
	n.raft.Propose(command, t)
	reason := t.wait()
	answered := t.answered
	n.tickets.put(t)
	if reason != nil {
		// The applier may have failed in the middle: one reply for each op, not two.
		b.Reply.Buf = b.Reply.Buf[:before]
		n.replyDropped(b, b.Ops[:done], reason)
		return done
	}
	return answered
}

// encode makes the payload of a log entry from the writes among ops: the same bytes go to disk, to
// the peers and to every state machine. Reads and literals stay with the ticket. It returns how many
// ops are covered; none, if the first write alone is too large.
func (n *Node) encode(ops []resp.Op) (command []byte, done int) {
	size := 16
	for i := range ops {
		if isWrite(ops[i]) {
			for _, arg := range ops[i].Args {
				size += len(arg) + 4
			}
			if size > n.options.MaxEntryBytes {
				break
			}
		}
	}
	command = fsm.AppendBatchHeader(make([]byte, 0, min(size, n.options.MaxEntryBytes)))
	writes, reads := 0, 0
	for i := range ops {
		if !isWrite(ops[i]) {
			reads++
			continue
		}
		if writes == maxReplyingWrites || writes > 0 && reads > maxReadsAmongWrites {
			return command, i
		}
		before := len(command)
		command = fsm.AppendCommand(command, 0, 0, ops[i].Args)
		if len(command) > n.options.MaxEntryBytes {
			return command[:before], i
		}
		writes++
	}
	return command, len(ops)
}

func isWrite(op resp.Op) bool { return op.Command != nil && op.Command.Writes() }

// replyDropped answers the ops of a proposal that did not come back. Its writes are either certainly
// not done, and then redirected, or unknown, and then said to be (P3). Reads have no outcome to doubt.
func (n *Node) replyDropped(b *resp.Batch, ops []resp.Op, reason error) {
	for _, op := range ops {
		switch {
		case op.Command == nil:
			b.Reply.Raw(op.Literal)
		case errors.Is(reason, raft.ErrUncertain) && op.Command.Writes():
			resp.AppendUncertain(&b.Reply)
		case errors.Is(reason, raft.ErrOverloaded):
			b.Reply.Error("TRYAGAIN Too many writes are waiting to be committed")
		case errors.Is(reason, raft.ErrDiskFull):
			b.Reply.Error(diskFullError)
		case errors.Is(reason, raft.ErrTooLarge):
			b.Reply.Error(tooLargeError)
		default:
			n.redirect(b, op)
		}
	}
}

// executeAside serves a batch on a node that does not lead: reads after READONLY from the applied
// state; everything else is sent to the leader.
func (n *Node) executeAside(b *resp.Batch) (done int) {
	for i, op := range b.Ops {
		if i > 0 && len(b.Reply.Buf) > maxReplyBytes {
			return i
		}
		switch {
		case op.Command == nil:
			b.Reply.Raw(op.Literal)
		case b.ReadOnly && !op.Command.Writes() && n.loading():
			b.Reply.Error("LOADING Redoubt is applying its log")
		case b.ReadOnly && !op.Command.Writes():
			n.machine.RLock()
			n.machine.Read(0, op.Args, &b.Reply)
			n.machine.RUnlock()
		default:
			n.redirect(b, op)
		}
	}
	return len(b.Ops)
}

// loading tells whether the node has yet to apply what it knew to be committed before its start: until then its
// state may be older than what it has shown already.
func (n *Node) loading() bool { return n.gate.applied.Load() < n.bootCommit }

// redirect names the leader, at the address it announces for the connection's listener. Commands
// without a key name slot 0: one group owns every slot.
func (n *Node) redirect(b *resp.Batch, op resp.Op) {
	leader := n.raft.Standing().Leader
	address := n.directory.client(leader, b.Listener)
	if leader == core.None || leader == n.options.ID || address == "" {
		resp.AppendClusterDown(&b.Reply)
		return
	}
	slot := 0
	if keys := op.Command.Keys(op.Args); len(keys) > 0 {
		slot = fsm.Slot(keys[0])
	}
	resp.AppendMoved(&b.Reply, slot, address)
}
