package sim

import (
	"slices"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
)

// operator runs the cluster: it takes machines in and out of service, one at a time, and replaces what is broken. Like a
// client it asks over a network that loses its words, follows the leader, and asks again until it knows.
type operator struct {
	w      *world
	random random
	// job is what it is doing, or nil.
	job *job
	// resting: it begins nothing new but repairs.
	resting bool
	leader  *machine
}

// job is one change of the membership, from the decision to its end.
type job struct {
	what    string
	machine *machine
	change  raft.Change
	// asked numbers the attempts; late answers are not heard.
	asked    int
	deadline time.Duration
	// done is called once the change has committed, with the member's id; refused when it certainly has not, and never will.
	done    func(id raft.NodeID)
	refused func(why core.Refusal)
}

// maxMachines bounds the machines of a world, those out of service included.
const maxMachines = 14

func (o *operator) init(w *world) {
	o.w = w
	o.random = newRandom(w.seed, drawsOperator)
}

func (o *operator) busy() bool { return o.job != nil }

// begin takes up a job.
func (o *operator) begin(j *job) {
	o.job = j
	j.deadline = o.w.now + 30*time.Second
	j.machine.trace("operator: %s", j.what)
	o.ask()
}

// end lays the job down.
func (o *operator) end() { o.job = nil }

// ask sends the change to whom it believes to lead.
func (o *operator) ask() {
	j := o.job
	if j.machine.sacrificed && j.change.Kind != core.RemoveMember {
		o.end() // nobody waits for a machine that stays down
		return
	}
	j.asked++
	attempt := j.asked
	to := o.leader
	if to == nil || to.retired || o.random.oneIn(8) {
		to = o.w.anyMachine(o.random)
	}
	again := func(d time.Duration) {
		o.w.after(d, func() {
			if o.job == j && j.asked == attempt {
				o.ask()
			}
		})
	}
	again(4 * o.w.plan.election)
	if o.random.chance(o.w.plan.load.requestLoss) {
		return
	}
	o.w.after(o.delay(), func() {
		if to.process == nil || to.hidden || to.process.deaf() {
			o.leader = nil
			return
		}
		p := to.process
		p.change(j.change, func(result raft.ChangeResult) {
			o.w.after(o.delay(), func() {
				if o.job == j && j.asked == attempt {
					o.answered(p, result, again)
				}
			})
		})
	})
}

func (o *operator) delay() time.Duration {
	return o.random.duration(o.w.plan.network.delayMin, o.w.plan.network.delayMax)
}

// answered takes in what became of the change.
func (o *operator) answered(p *process, result raft.ChangeResult, again func(time.Duration)) {
	j := o.job
	switch result.Refusal {
	case core.Accepted:
		j.machine.trace("operator: %s: done, node %d, entry %d", j.what, result.Member, result.Index)
		j.done(result.Member)
	case core.NotLeader:
		if j.change.Kind == core.AddMember && j.asked == 1 && o.random.oneIn(8) {
			j.machine.trace("operator: gives the join up, which certainly was not done")
			o.w.check.undone = append(o.w.check.undone, j.change.Instance)
			j.refused(result.Refusal)
			return
		}
		o.leader = o.w.machineOf(p.standing.Leader)
		if o.leader == p.m {
			o.leader = nil
		}
		again(o.random.duration(time.Millisecond, 100*time.Millisecond))
	case core.NoMajority, core.NotCaughtUp:
		if o.resting && !j.machine.damaged() {
			o.end() // some stay down: it may never be possible
			return
		}
		again(o.random.duration(10*time.Millisecond, 300*time.Millisecond))
	case core.Unknown, core.Transferring, core.Overloaded, core.ChangePending, core.Forming:
		again(o.random.duration(10*time.Millisecond, 300*time.Millisecond))
	default:
		j.machine.trace("operator: %s: refused, %v", j.what, result.Refusal)
		j.refused(result.Refusal)
	}
}

// change begins a change of the membership, if none is under way.
func (o *operator) change() {
	if o.busy() || o.resting {
		return
	}
	if o.repair() {
		return
	}
	n := voters(o.w.check.membership())
	if n > 1 && o.w.leader() != nil && o.random.chance(o.w.plan.leaderLeaves) {
		o.leave(o.w.leader(), "leave of the leader")
		return
	}
	switch roll := o.random.IntN(10); {
	case roll < 2 && n > 1:
		o.leave(o.someMember(), "leave")
	case roll < 3 && n > 1 && o.w.leader() != nil:
		o.leave(o.w.leader(), "leave of the leader")
	case roll < 5:
		o.move()
	default:
		if n < 7 && len(o.w.machines) < maxMachines {
			o.join(o.w.addMachine())
		}
	}
}

// someMember draws a machine whose node is a member, or nil.
func (o *operator) someMember() *machine {
	members := o.w.check.membership().Members
	if len(members) == 0 {
		return nil
	}
	return o.w.machineOf(members[o.random.IntN(len(members))].ID)
}

// join takes a machine with an empty disk in.
func (o *operator) join(m *machine) {
	promote := o.random.oneIn(2)
	prepared := m.disk.prepareJoin()
	change := raft.Change{Kind: core.AddMember, Address: m.address, Instance: prepared.Instance(), Promote: promote}
	o.begin(&job{what: "join", machine: m, change: change, done: func(id raft.NodeID) {
		o.end()
		m.id, m.joined, m.peers = id, true, o.peers()
		m.disk.completeJoin(prepared, id, m.peers)
		m.start()
		if !promote {
			o.w.after(o.random.span(10*time.Millisecond, time.Second), func() { o.promote(m) })
		}
	}, refused: func(core.Refusal) {
		o.end()
		m.retired = true
	}})
}

// peers are the members that a new one is told of.
func (o *operator) peers() []raft.Peer {
	var peers []raft.Peer
	for _, m := range o.w.check.membership().Members {
		peers = append(peers, raft.Peer{ID: m.ID, Address: m.Address})
	}
	return peers
}

// promote makes a learner a voter.
func (o *operator) promote(m *machine) {
	if o.busy() {
		o.w.after(o.random.span(10*time.Millisecond, time.Second), func() { o.promote(m) })
		return
	}
	member, ok := o.w.check.membership().Member(m.id)
	if !ok || member.Voter || m.damaged() || m.retired || m.sacrificed {
		return
	}
	o.begin(&job{what: "promote", machine: m, change: raft.Change{Kind: core.PromoteMember, ID: m.id},
		done: func(raft.NodeID) { o.end() }, refused: func(core.Refusal) { o.end() }})
}

// leave takes a member out, and its machine out of service, at once or later.
func (o *operator) leave(m *machine, what string) {
	if m == nil {
		return
	}
	id := m.id
	o.begin(&job{what: what, machine: m, change: raft.Change{Kind: core.RemoveMember, ID: id},
		done: func(raft.NodeID) { o.removed(m) },
		refused: func(why core.Refusal) {
			if why == core.NotMember {
				o.removed(m) // by an earlier attempt
				return
			}
			o.end()
		}})
}

// removed takes a machine out of service whose node is no member any more.
func (o *operator) removed(m *machine) {
	o.end()
	if m.damaged() {
		o.renew(m)
		return
	}
	o.w.after(o.random.span(time.Millisecond, 5*time.Second), func() {
		m.retired = true
		if m.up() {
			m.crash(killed)
		}
	})
}

// move gives a member another address: first in the membership or first on the machine.
func (o *operator) move() {
	m := o.someMember()
	if m == nil || m.process == nil {
		return
	}
	port := m.port + 1
	restart := func() {
		if m.up() {
			m.crash(killed)
		}
		m.listen(port)
		m.startIn(o.random.span(time.Millisecond, 100*time.Millisecond))
	}
	first := o.random.oneIn(2)
	if first {
		restart()
	}
	o.begin(&job{what: "move", machine: m, change: raft.Change{Kind: core.MoveMember, ID: m.id, Address: m.addressOf(port)},
		done: func(raft.NodeID) {
			o.end()
			if !first {
				restart()
			}
		}, refused: func(core.Refusal) { o.end() }})
}

// repairIn lets the operator look after broken machines in a while.
func (o *operator) repairIn(d time.Duration) {
	o.w.after(d, func() {
		if o.busy() || !o.repair() && o.anyDamaged() {
			o.repairIn(d + 100*time.Millisecond)
		}
	})
}

func (o *operator) anyDamaged() bool {
	return slices.ContainsFunc(o.w.machines, func(m *machine) bool { return m.damaged() && !m.retired })
}

// repair begins to replace a machine whose disk is lost or damaged: its node is removed, and it joins again with an
// empty disk, as a new node. It reports whether there was one.
func (o *operator) repair() bool {
	for _, m := range o.w.machines {
		if m.damaged() && !m.retired && m.id != 0 {
			o.leave(m, "leave of the damaged")
			return true
		}
	}
	return false
}

// renew gives a machine an empty disk and lets it join as a new node.
func (o *operator) renew(m *machine) {
	if m.up() {
		m.crash(strictPower)
	}
	m.disk = newDisk(m)
	m.id, m.lost, m.flipped, m.spare, m.joined, m.peers = 0, "", "", false, false, nil
	m.instance = m.random.Uint64() | 1
	o.join(m)
}

// transfer asks the leader to hand over to somebody. It tells whether there is a leader, and somebody.
func (o *operator) transfer() bool {
	leader, to := o.w.leader(), o.someMember()
	if leader == nil || to == nil || to == leader || leader.process.paused {
		return false
	}
	leader.trace("operator: hand over to %s", to.name())
	leader.process.do(func() { leader.process.raft.TransferLeadership(to.id) })
	return true
}
