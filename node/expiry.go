package node

import (
	"time"

	"redoubt/raft/core"
)

// expiryInterval is how often the leader looks for due keys. Reads of a due key that come earlier make
// the entry themselves.
const expiryInterval = 100 * time.Millisecond

// runExpiry logs an entry whenever keys are due, so that memory is freed and reads of such keys need not
// wait. It also looks whether a full disk has room again, and whether reads wait that another leader should serve.
func (n *Node) runExpiry() {
	ticker := time.NewTicker(expiryInterval)
	defer ticker.Stop()
	for {
		select {
		case <-n.raft.Done():
			return
		case <-ticker.C:
		}
		if n.storage.full.Load() {
			if err := n.storage.prepare(); err != nil {
				n.fail(err)
				return
			}
		}
		if n.raft.Standing().Role != core.Leader {
			// With a disk that hangs, this node may never apply what it confirmed as leader. Somebody else has it.
			n.gate.turnAway()
		}
		for n.keysAreDue() {
			if n.expire() != nil {
				break // not the leader any more, or overloaded: the next tick looks again
			}
		}
	}
}

// keysAreDue reports whether this node leads and holds a key whose deadline has passed by its log clock.
func (n *Node) keysAreDue() bool {
	if n.raft.Standing().Role != core.Leader {
		return false
	}
	now := n.raft.LogNow()
	n.machine.RLock()
	defer n.machine.RUnlock()
	return n.machine.NextDeadline() < now
}
