package core

import (
	"fmt"
	"slices"
)

// Chaos in the membership: nodes that join, leave, move and lose their disks at any moment, and what must hold of it.

// maxNodes bounds the nodes of one run, the removed ones included.
const maxNodes = 8

// changed is a change that was answered as done.
type changed struct {
	change Change
	result ChangeResult
}

// asked is a change that is not answered yet.
type asked struct {
	id     uint64
	node   NodeID
	change Change
}

// newNode makes a node with an empty disk, which knows of the given configuration alone.
func (c *cluster) newNode(configuration Configuration) *node {
	c.instances++
	n := &node{id: NodeID(len(c.nodes) + 1), first: 1, rate: 1000, instance: c.instances}
	if !c.calm {
		n.offset = int64(c.random.IntN(2000))
		if c.limits.LeaseMillis != 0 {
			n.rate = []int64{900, 1000, 1100}[c.random.IntN(3)]
		}
	}
	n.snapshot.Configuration = configuration
	c.nodes = append(c.nodes, n)
	for i := range c.cut {
		c.cut[i] = append(c.cut[i], false)
	}
	c.cut = append(c.cut, make([]bool, len(c.nodes)))
	return n
}

// provision starts a node that is yet to join.
func (c *cluster) provision() {
	if len(c.nodes) < maxNodes {
		c.start(c.newNode(Configuration{}))
	}
}

// changeAny asks a node for any change: mostly one that makes sense.
func (c *cluster) changeAny(n *node) {
	if n == nil || n.core == nil {
		return
	}
	kind := ChangeKind(1 + c.random.IntN(4))
	targets := slices.Clone(c.nodes)
	if c.random.IntN(4) > 0 {
		targets = slices.DeleteFunc(targets, func(t *node) bool {
			m, ok := n.core.Configuration().Member(t.id)
			return ok == (kind == AddMember) || (kind == PromoteMember && m.Voter)
		})
	}
	if len(targets) == 0 {
		return
	}
	target := targets[c.random.IntN(len(targets))]
	change := Change{Kind: kind, ID: target.id}
	switch change.Kind {
	case AddMember:
		change.Address, change.Promote = "new", c.random.IntN(2) == 0
		if c.disks || c.random.IntN(2) == 0 {
			change.Instance = target.instance
		}
	case MoveMember:
		change.Address = fmt.Sprint("moved", c.random.IntN(3))
	}
	c.change(n, change)
}

// change asks a node for a change.
func (c *cluster) change(n *node, change Change) {
	if !n.awake() {
		return
	}
	// The voters of n that were wiped cannot answer, which n does not know yet if it heard them lately.
	if next, _, refusal := n.core.Configuration().with(change); refusal == Accepted && c.disks && !c.bears(next, &node{}) {
		return
	}
	c.changeID++
	c.asked = append(c.asked, asked{c.changeID, n.id, change})
	c.step(n, ChangeMembership{ID: c.changeID, Mono: c.mono(n), Change: change})
}

// checkChange checks that each change is answered once, by the node that was asked.
func (c *cluster) checkChange(n *node, result ChangeResult) {
	at := slices.IndexFunc(c.asked, func(a asked) bool { return a.id == result.ID && a.node == n.id })
	if at < 0 {
		c.fail("node %d answers change %d, which was not asked or is answered already", n.id, result.ID)
	}
	if result.Refusal == Accepted {
		if result.Member == n.id && c.asked[at].change.Kind == RemoveMember {
			c.retired++
		}
		c.changed = append(c.changed, changed{c.asked[at].change, result})
	}
	c.asked = slices.Delete(c.asked, at, at+1)
}

// wipeAny takes the disk of a node whose loss the cluster can bear: once it has formed, a minority, of which some nodes
// may know no disk yet. All first members must not be blank, as they would form the cluster anew: see instance.go.
func (c *cluster) wipeAny(n *node) {
	remains := func(m Member) bool { return m.Voter && m.ID != n.id && !c.node(m.ID).lost }
	if !c.disks || n.wiped || n.paused || !slices.ContainsFunc(c.initial.Members, remains) {
		return
	}
	committed := c.configurationAt(uint64(len(c.committed)))
	if !c.bears(committed, n) {
		return
	}
	_, member := committed.Member(n.id)
	for _, other := range c.nodes {
		if other.wiped {
			continue
		}
		for _, l := range other.configurations() {
			m, ok := l.configuration.Member(n.id)
			if forming(l.configuration) {
				continue // it decides nothing without all
			}
			if (ok && m.Instance != n.instance) || !c.bears(l.configuration, n) {
				return
			}
			member = member || ok
		}
	}
	c.wipe(n)
	n.wiped = member
	c.wipes++
}

// forming tells whether a configuration has voters whose disks are not known.
func forming(configuration Configuration) bool {
	return slices.ContainsFunc(configuration.Members, func(m Member) bool { return (m.Voter || m.OldVoter) && m.Instance == 0 })
}

// wipe takes the disk of a node, and gives it an empty one.
func (c *cluster) wipe(n *node) {
	c.note("wipe %d", n.id)
	c.crash(n)
	c.instances++
	configuration := Configuration{}
	if _, ok := c.initial.Member(n.id); ok {
		configuration = c.initial
	}
	*n = node{
		id: n.id, first: 1, offset: n.offset, rate: n.rate, slot: n.slot, instance: c.instances, wiped: true, lost: true,
		snapshot: SnapshotMeta{Configuration: configuration},
	}
	c.network = slices.DeleteFunc(c.network, func(m Message) bool { return m.Head().From == n.id })
}

// bears tells whether a configuration keeps its majorities without a node and those that were wiped before.
func (c *cluster) bears(configuration Configuration, without *node) bool {
	return majorities(configuration, func(m Member) bool {
		return m.Instance != 0 && m.ID != without.id && !c.node(m.ID).wiped
	})
}

// majorities tells whether yes holds for a majority of the voters, old and new.
func majorities(configuration Configuration, yes func(Member) bool) bool {
	for _, group := range []func(Member) bool{
		func(m Member) bool { return m.Voter },
		func(m Member) bool { return m.OldVoter },
	} {
		size, agree := 0, 0
		for _, m := range configuration.Members {
			if group(m) {
				size++
				if yes(m) {
					agree++
				}
			}
		}
		if size > 0 && agree <= size/2 {
			return false
		}
	}
	return true
}

// configurations returns what a node may go by: from its disk, and if it runs, from memory.
func (n *node) configurations() []located {
	configuration, at := n.committedConfiguration()
	all := []located{{at, configuration}}
	for i := range n.log {
		if e := &n.log[i]; e.Kind == EntryConfiguration && e.Index > at {
			all = append(all, located{e.Index, mustDecodeConfiguration(e)})
		}
	}
	if n.core != nil {
		all = append(all, n.core.memberships...)
	}
	return all
}

// checkMembership remembers what is in force, and checks that a leader has one change under way at most (Raft §6).
func (c *cluster) checkMembership(n *node) {
	if l := n.core.memberships.current(); l.index != n.inForce {
		n.inForce = l.index
		c.inForce = append(c.inForce, l)
	}
	if changes := len(n.core.memberships) - 1; n.core.role == Leader && changes > 1 {
		c.fail("leader %d has %d changes of the membership under way", n.id, changes)
	}
}

// checkConfiguration checks how one committed configuration leads to the next.
func (c *cluster) checkConfiguration(e Entry) {
	before, after := c.configurationAt(e.Index-1), mustDecodeConfiguration(&e)
	voted := func(configuration Configuration, old bool) (ids []NodeID) {
		for _, m := range configuration.Members {
			if (old && m.OldVoter) || (!old && m.Voter) {
				ids = append(ids, m.ID)
			}
		}
		return ids
	}
	switch {
	case before.Joint() && (after.Joint() || !slices.Equal(voted(before, false), voted(after, false))):
		c.fail("membership: %+v is completed by %+v", before, after)
	case !before.Joint() && after.Joint() && !slices.Equal(voted(before, false), voted(after, true)):
		c.fail("membership: %+v is left by the joint %+v", before, after)
	case !before.Joint() && !after.Joint() && !slices.Equal(voted(before, false), voted(after, false)):
		c.fail("membership: the voters change without a joint configuration, from %+v to %+v", before, after)
	case after.highestID() < before.highestID():
		c.fail("membership: the highest id goes back from %d to %d", before.highestID(), after.highestID())
	}
	for _, m := range after.Members {
		if was, ok := before.Member(m.ID); ok && was.Promote && m.Voter {
			c.promoted++
		}
		was, ok := before.Member(m.ID)
		switch {
		case !ok && m.ID <= before.highestID():
			c.fail("membership: id %d is given again, the highest was %d", m.ID, before.highestID())
		case ok && was.Instance != 0 && was.Instance != m.Instance:
			c.fail("membership: the disk of member %d becomes %d, recorded was %d", m.ID, m.Instance, was.Instance)
		case before.Joint() && !ok:
			c.fail("membership: member %d is added in the middle of a change", m.ID)
		}
	}
}

// configurationAt returns the committed configuration that entry index is under.
func (c *cluster) configurationAt(index uint64) Configuration {
	for i := min(index, uint64(len(c.committed))); i > 0; i-- {
		if e := &c.committed[i-1]; e.Kind == EntryConfiguration {
			return mustDecodeConfiguration(e)
		}
	}
	return c.initial
}

// checkChanged checks that what was answered as done is in the committed log.
func (c *cluster) checkChanged() {
	for _, d := range c.changed {
		if d.result.Index > uint64(len(c.committed)) {
			c.fail("change %+v is answered as done at %d, %d are committed", d.change, d.result.Index, len(c.committed))
		}
		m, ok := c.configurationAt(d.result.Index).Member(d.result.Member)
		done := ok
		switch d.change.Kind {
		case PromoteMember:
			done = ok && m.Voter
		case RemoveMember:
			done = !ok
		case MoveMember:
			done = ok && m.Address == d.change.Address
		}
		if !done {
			c.fail("change %+v is answered as done at %d, where the member is %t %+v", d.change, d.result.Index, ok, m)
		}
	}
}

// membershipSettled tells whether nothing is left to be done about the leader's membership.
func (c *cluster) membershipSettled() bool {
	l := c.leader()
	if l == nil || l.core.changing() {
		return false
	}
	return !slices.ContainsFunc(l.core.Configuration().Members, func(m Member) bool {
		return m.Promote && !c.node(m.ID).wiped
	})
}

// members returns the nodes that are to converge: the members that still have their disk.
func (c *cluster) members() []*node {
	var nodes []*node
	for _, m := range c.configurationAt(uint64(len(c.committed))).Members {
		if n := c.node(m.ID); !n.wiped {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// checkUndisturbed checks that nobody disturbs a leader that works: neither nodes that were removed without their
// knowledge, nor those that are yet to join, nor those that lost their disk (Raft §6, thesis §4.2.3).
func (c *cluster) checkUndisturbed() {
	before := c.leader().core.Status()
	c.settle(60, func() bool { return false })
	if after := c.leader().core.Status(); after.Term != before.Term || after.Leader != before.Leader {
		c.fail("disturbed: %+v led, and without any fault now %+v does", before, after)
	}
}
