package sim

import (
	"redoubt/raft"
	"redoubt/raft/core"
)

// Trouble around changes of the membership, for the themes that are about them.

// askBeside lets somebody else change the membership while the operator may be at it: a member is given another name of its
// machine. Every other time it waits for the next leader, and is the first to ask it.
func (n *nemesis) askBeside() {
	if n.random.oneIn(2) {
		n.greeting = true
		return
	}
	if m := n.w.leader(); m != nil {
		n.askToRename(m.process)
	}
}

// greet follows the election of a leader.
func (n *nemesis) greet(p *process) {
	if n.greeting && !n.resting {
		n.greeting = false
		n.w.after(n.random.duration(0, n.w.plan.network.delayMax), func() { n.askToRename(p) })
	}
}

// askToRename asks a node to change a member's address to another name under which its machine always answers.
func (n *nemesis) askToRename(p *process) {
	members := n.w.check.membership().Members
	if n.resting || p.dead || len(members) == 0 {
		return
	}
	member := members[n.random.IntN(len(members))]
	m := n.w.machineOf(member.ID)
	if m == nil {
		return
	}
	address := m.aliases[n.random.IntN(len(m.aliases))]
	m.trace("second operator: asks %s to call it %s", p.m.name(), address)
	p.change(raft.Change{Kind: core.MoveMember, ID: member.ID, Address: address}, func(result raft.ChangeResult) {
		if result.Refusal == core.Accepted {
			m.trace("second operator: it is called %s", address)
		}
	})
}

// breakChange lets the next leader that changes the membership meet trouble just then.
func (n *nemesis) breakChange() { n.breaking = true }

// changing follows a leader that has put another membership into its log.
func (n *nemesis) changing(p *process) {
	if !n.breaking || n.resting || n.random.oneIn(3) {
		return
	}
	n.breaking = false
	m := p.m
	wait := n.random.duration(0, 4*n.w.plan.network.delayMax)
	if n.random.oneIn(3) {
		wait = 0
	}
	n.w.after(wait, func() {
		if p.dead || n.resting {
			return
		}
		switch n.random.IntN(6) {
		case 0:
			m.crash(pick(n.random, killed, power, strictPower))
			m.startIn(n.back())
		case 1:
			p.pause(n.random.span(n.w.plan.election, 8*n.w.plan.election))
		case 2:
			n.cut(m.name()+" is not heard", func(from, _ *machine) bool { return from == m })
		case 3:
			n.partition()
		default:
			n.cut("isolation of "+m.name(), func(from, to *machine) bool { return from == m || to == m })
		}
	})
}
