package sim

import "time"

// Trouble of followers, for the themes that are about them.

// follower draws a machine whose node runs and does not lead, or nil.
func (n *nemesis) follower(leader *machine) *machine {
	start := n.random.IntN(len(n.w.machines))
	for i := range n.w.machines {
		if m := n.w.machines[(start+i)%len(n.w.machines)]; m != leader && m.up() && !m.retired {
			return m
		}
	}
	return nil
}

// forget cuts a follower off from its leader, so that it will stand for election; and when it is about to, the voters that it
// asks have just restarted, or have heard of a newer term from a candidate that is gone. They have promised that leader to elect
// nobody yet.
func (n *nemesis) forget() {
	leader := n.w.leader()
	follower := n.follower(leader)
	if leader == nil || follower == nil || n.forgetting {
		return
	}
	n.forgetting = true
	follower.trace("hears nothing of %s", leader.name())
	n.w.network.cut(leader, follower, true)
	n.w.network.cut(follower, leader, true)
	election := n.w.plan.election
	n.w.after(n.random.duration(election*9/10, election*12/10), func() {
		if n.resting || !leader.up() {
			return
		}
		if n.random.oneIn(3) {
			n.handingOverTo = n.random.between(1, 3)
			n.w.operator.transfer()
			return
		}
		for _, m := range n.w.machines {
			n.w.network.cut(leader, m, m != leader)
			n.w.network.cut(m, leader, m != leader)
			if m != leader && m != follower && m.up() {
				m.crash(pick(n.random, killed, strictPower))
				m.startIn(n.random.span(time.Millisecond, 20*time.Millisecond))
			}
		}
	})
	n.w.after(4*election, func() {
		n.forgetting = false
		if !n.resting {
			n.w.network.mend()
		}
	})
}

// stood follows a candidate that asks for votes at its leader's wish: it may end as soon as it has asked so many.
func (n *nemesis) stood(candidate *machine) {
	if n.handingOverTo == 0 || n.resting {
		return
	}
	if n.handingOverTo--; n.handingOverTo == 0 {
		n.w.after(0, func() {
			if candidate.up() && !n.resting {
				candidate.crash(killed)
				candidate.startIn(n.w.plan.election)
			}
		})
	}
}

// lagBehind cuts a follower off again and again, for moments in which the leader goes on. It may be slow to apply, too.
func (n *nemesis) lagBehind() {
	m := n.follower(n.w.leader())
	if m == nil {
		return
	}
	if n.random.oneIn(2) {
		p := m.process
		p.slowApply = n.random.span(200*time.Millisecond, 3*time.Second)
		m.trace("everything is applied %v late", p.slowApply)
		n.w.after(4*time.Second, func() { p.slowApply = 0 })
	}
	if n.random.oneIn(3) {
		m.disk.slowUntil, m.disk.slowFactor = n.w.now+2*time.Second, n.random.between(5, 50)
	}
	n.blink(m, n.random.between(2, 8))
}

// blink cuts a machine off for a moment, or one way of it, so many times.
func (n *nemesis) blink(m *machine, times int) {
	if n.resting || times == 0 {
		return
	}
	hears, isHeard := !n.random.oneIn(3), !n.random.oneIn(3)
	set := func(hears, isHeard bool) {
		for _, other := range n.w.machines {
			if other != m {
				n.w.network.cut(other, m, !hears)
				n.w.network.cut(m, other, !isHeard)
			}
		}
	}
	m.trace("for a moment: hears %t, is heard %t", hears, isHeard)
	set(hears, isHeard)
	n.w.after(n.random.span(50*time.Millisecond, time.Second), func() {
		if n.resting {
			return
		}
		set(true, true)
		n.w.after(n.random.span(20*time.Millisecond, 500*time.Millisecond), func() { n.blink(m, times-1) })
	})
}

// muteHandOver hands leadership over to a node that nobody hears before it is about to ask for votes again, which it does as
// anybody would. Those who still hear the old leader learn of the newer term from it.
func (n *nemesis) muteHandOver() { n.muting = n.w.operator.transfer() }
