package sim

import (
	"slices"
	"time"
)

// Trouble in the first moment of a cluster: some of its nodes do not know yet whose disks the others have.

// formations is the theme of seeds about the first moment.
const formations = "formation"

// formLate is about a node that misses that the cluster has formed, while others lose their disks.
func (p *plan) formLate(r random) {
	p.machines = pick(r, 3, 3, 3, 4, 5)
	p.trouble = r.span(3*time.Second, 8*time.Second)
}

// forming follows a leader that has put the first membership with all disks into its log: one of the others does not hear of
// it for long.
func (n *nemesis) forming(p *process) {
	if n.w.plan.theme != formations || n.resting || n.late != nil || !formed(p.manual.Core().Configuration()) || len(n.w.machines) < 2 {
		return
	}
	for n.late == nil || n.late == p.m {
		n.late = n.w.machines[n.random.IntN(len(n.w.machines))]
	}
	late := n.late
	n.divide(late.name()+" misses that the cluster forms", []*machine{late})
	n.w.after(n.random.span(n.w.plan.election/4, 4*n.w.plan.election), func() {
		if !n.resting {
			n.loseBeside(late)
		}
	})
}

// loseBeside takes as many disks as the cluster must bear. Their nodes come back under their old ids at once, and hear only each
// other and the one that is late. Then all hear each other.
func (n *nemesis) loseBeside(late *machine) {
	beside := []*machine{late}
	for _, i := range n.random.Perm(len(n.w.machines)) {
		if m := n.w.machines[i]; m != late && n.w.mayDamage(m) {
			m.wipe("it did not outlive the first moment")
			beside = append(beside, m)
		}
	}
	n.divide("those without a disk, and who is late", beside)
	for _, m := range beside[1:] {
		if n.w.comesBackAlone(m) {
			m.start()
		}
	}
	apart := n.random.span(2*n.w.plan.election, 12*n.w.plan.election)
	n.mendIn(apart)
	n.w.operator.repairIn(apart + n.random.span(n.w.plan.election, 2*time.Second))
}

// divide cuts all links between some machines and the others.
func (n *nemesis) divide(what string, side []*machine) {
	n.sever(what, func(from, to *machine) bool { return slices.Contains(side, from) != slices.Contains(side, to) })
}
