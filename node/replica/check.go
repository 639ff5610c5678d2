package replica

import (
	"fmt"

	"redoubt/fsm"
	"redoubt/raft"
)

// defaultCheckEntries is after how many entries the state is summed up, if Options do not say.
const defaultCheckEntries = 1024

// checksKept is how many sums are kept for comparing: the leader logs one some ticks after it was made.
const checksKept = 64

// checker notices a replica that has gone astray: at the same indexes every replica sums its state up, the leader logs its
// sum, and a replica that finds another one at that index stops (P5). The machine's lock guards it.
type checker struct {
	every uint64
	// kept are the last sums, by index / every.
	kept   [checksKept]check
	newest check
	// logged is the index of the newest sum that is in the log, or was proposed by this replica.
	logged uint64
}

// check is the sum over the state at an index.
type check struct{ index, sum uint64 }

func (c *checker) init(every int64) {
	c.every = defaultCheckEntries
	if every > 0 {
		c.every = uint64(every)
	}
}

// note sums the state up if its turn has come.
func (c *checker) note(m *fsm.Machine) {
	if m.Index()%c.every != 0 {
		return
	}
	index, sum := m.Checksum()
	c.newest = check{index, sum}
	c.kept[index/c.every%checksKept] = c.newest
}

// compare takes in a sum from the log. A sum at an index that this replica did not come by is not judged.
func (c *checker) compare(index, sum uint64) error {
	c.logged = max(c.logged, index)
	own := c.kept[index/c.every%checksKept]
	if own.index != index || own.sum == sum {
		return nil
	}
	return fmt.Errorf("this replica has gone astray: its state at index %d has checksum %016x, the leader's %016x", index, own.sum, sum)
}

// next returns the sum to be logged, if there is a new one.
func (c *checker) next() (check, bool) {
	if c.newest.index <= c.logged {
		return check{}, false
	}
	c.logged = c.newest.index
	return c.newest, true
}

// logCheck has the leader log its newest sum. If the entry is lost, a later one will do.
func (r *Replica) logCheck(node *raft.Raft) {
	r.machine.Lock()
	next, ok := r.checks.next()
	r.machine.Unlock()
	if ok {
		node.Propose(fsm.AppendCheckedBatchHeader(nil, next.index, next.sum), &ticket{reply: &fsm.Writer{}, wake: func() {}})
	}
}
