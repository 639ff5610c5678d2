package node

import (
	"redoubt/fsm"
	"redoubt/resp"
)

// read serves a batch without writes on the leader. It returns early once many replies wait to be sent.
func (n *Node) read(b *resp.Batch) (done int) {
	index, err := n.raft.ReadIndex()
	if err != nil || !n.gate.wait(index) {
		return n.executeAside(b)
	}
	now := n.raft.LogNow()
	done, due := n.readOps(b, b.Ops, now)
	for due {
		// A key's deadline lies between log time and our clock. Only the log may declare it
		// expired, or the next leader, with an earlier clock, would bring it back (P4).
		if err := n.expire(); err != nil {
			n.replyDropped(b, b.Ops[done:], err)
			return len(b.Ops)
		}
		// Leadership may have been lost and won again, with a log clock that starts behind the old one.
		now = min(now, n.raft.LogNow())
		var more int
		more, due = n.readOps(b, b.Ops[done:], now)
		done += more
	}
	return done
}

// readOps serves ops from the applied state until one must wait for an expiry, or the replies grow large.
func (n *Node) readOps(b *resp.Batch, ops []resp.Op, now int64) (done int, due bool) {
	n.machine.RLock()
	defer n.machine.RUnlock()
	for i := range ops {
		if i > 0 && len(b.Reply.Buf) > maxReplyBytes {
			return i, false
		}
		if ops[i].Command == nil {
			b.Reply.Raw(ops[i].Literal)
			continue
		}
		if n.machine.Read(now, ops[i].Args, &b.Reply) {
			return i, true
		}
	}
	return len(ops), false
}

// expire logs an entry that carries the present log time, and waits until it is applied: every key
// due by now is then gone for good, on every node.
func (n *Node) expire() error {
	var nothing fsm.Writer
	t := n.tickets.get(nil, &nothing)
	n.raft.Propose(fsm.AppendBatchHeader(nil), t)
	err := t.wait()
	n.tickets.put(t)
	return err
}
