package core

import (
	"fmt"
	"hash/fnv"
	"slices"
)

// The checks of a cluster stand outside the code under test: they look only at effects and disks, save
// for the logs of new leaders.

// checkLeader checks election safety and leader completeness (Raft figure 3).
func (c *cluster) checkLeader(n *node, status Status) {
	if status.Role != Leader {
		return
	}
	for _, l := range c.leaders {
		if l.term == status.Term {
			if l.id != n.id {
				c.fail("election safety: %d and %d lead term %d", l.id, n.id, l.term)
			}
			return
		}
	}
	c.leaders = append(c.leaders, leaderOf{status.Term, n.id})
	c.elections++
	for _, e := range c.committed {
		if term, known := n.core.log.term(e.Index); known && term != e.Term {
			c.fail("leader completeness: leader %d of term %d has term %d at committed %d, which has %d", n.id, status.Term, term, e.Index, e.Term)
		}
	}
	if last := n.core.LastIndex(); last < uint64(len(c.committed)) {
		c.fail("leader completeness: the log of leader %d ends at %d, %d are committed", n.id, last, len(c.committed))
	}
}

// applyEntry checks state machine safety, and that a majority holds what is applied.
func (c *cluster) applyEntry(n *node, e Entry) {
	if e.Index != n.index+1 {
		c.fail("node %d applies %d after %d", n.id, e.Index, n.index)
	}
	hash := fnv.New64a()
	_, _ = fmt.Fprintf(hash, "%d %d %d %d %d %s", n.digest, e.Index, e.Term, e.Kind, e.Time, e.Data)
	if e.Kind == EntryConfiguration {
		n.configuration = mustDecodeConfiguration(&e)
	}
	n.index, n.digest = e.Index, hash.Sum64()
	if e.Index <= uint64(len(c.committed)) {
		if c.digests[e.Index-1] != n.digest {
			c.fail("state machine safety: node %d applies another entry at %d: %+v, not %+v", n.id, e.Index, e, c.committed[e.Index-1])
		}
		return
	}
	if last := len(c.committed); last > 0 && c.committed[last-1].Time > e.Time {
		c.fail("log time goes back at %d: %d after %d", e.Index, e.Time, c.committed[last-1].Time)
	}
	c.checkDurable(n, e)
	if e.Kind == EntryConfiguration {
		c.checkConfiguration(e)
	}
	c.committed = append(c.committed, e)
	c.digests = append(c.digests, n.digest)
}

// checkDurable checks that a quorum holds e, by the configuration that it is under or one that came after: its leader
// may have counted by that before anybody else had it.
func (c *cluster) checkDurable(n *node, e Entry) {
	if c.durable(n.configuration, e) {
		return
	}
	for _, l := range c.inForce {
		if l.index > e.Index && c.durable(l.configuration, e) {
			return
		}
	}
	c.fail("durability: entry %d is applied on node %d, and no quorum of %+v holds it", e.Index, n.id, n.configuration)
}

// durable tells whether a quorum of a configuration holds e, or held it on a disk that is lost.
func (c *cluster) durable(configuration Configuration, e Entry) bool {
	holds := func(m Member) bool { return c.node(m.ID).wiped || c.node(m.ID).holds(e) }
	if c.disks && forming(configuration) {
		// All must hold it, and nothing is taken that could be lost.
		return e.Kind != EntryCommand && !slices.ContainsFunc(configuration.Members, func(m Member) bool { return (m.Voter || m.OldVoter) && !holds(m) })
	}
	return majorities(configuration, holds)
}

// ask asks a node for a read index, by a reading of its clock that may be older than the question.
func (c *cluster) ask(n *node, forward bool, mono int64) {
	if !n.awake() {
		return
	}
	c.readID++
	c.reads = append(c.reads, readFloor{c.readID, uint64(len(c.committed)), n.id})
	c.step(n, Read{ID: c.readID, Mono: mono, Forward: forward})
}

func (c *cluster) checkRead(n *node, r ReadResult) {
	at := slices.IndexFunc(c.reads, func(f readFloor) bool { return f.id == r.ID })
	if at < 0 {
		c.fail("read %d is answered twice", r.ID)
	}
	switch {
	case r.Refusal != Accepted:
	case r.Until != 0 && c.mono(n) >= r.Until:
		c.late++ // the reader asks again
	default:
		c.confirmed++
		if r.Until != 0 {
			c.leased++
		}
		if r.Index < c.reads[at].floor {
			c.fail("read %d on node %d sees index %d, but %d was committed when it was asked", r.ID, n.id, r.Index, c.reads[at].floor)
		}
	}
	c.reads = slices.Delete(c.reads, at, at+1)
}
