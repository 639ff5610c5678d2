package sim

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"time"

	"redoubt/raft/core"
)

// Loss and damage of what was durable. A cluster survives that on a minority of its voters; more must not be asked of it,
// so that every loss is counted until the node has been replaced.

// mayDamage tells whether the cluster must survive the loss of one more disk. The committed membership has to be all there
// is: with a change under way, the majority of tomorrow is not known. A learner that is to vote as soon as it has caught up
// is such a change.
func (w *world) mayDamage(m *machine) bool {
	membership := w.check.membership()
	member, ok := membership.Member(m.id)
	if !ok || member.Instance == 0 || membership.Joint() || w.operator.busy() || m.damaged() || m.retired {
		return false
	}
	if member.Promote && !member.Voter {
		return false
	}
	newest := w.check.membershipIndex()
	for _, other := range w.machines {
		for _, c := range other.disk.shadow.configurations {
			if c.index > newest && !equalConfigurations(c.configuration, membership) {
				return false // the one of an image has the index of that image
			}
		}
	}
	voters, bad := 0, 0
	for i := range membership.Members {
		voter := &membership.Members[i]
		if !voter.Voter {
			continue
		}
		voters++
		on := w.machineOf(voter.ID)
		if on == nil || on.damaged() || on == m || voter.Instance == 0 {
			bad++
		}
	}
	return bad <= (voters-1)/2
}

// damaged tells whether the machine's disk has lost something, or may have.
func (m *machine) damaged() bool { return m.lost != "" || m.flipped != "" }

// loseDisk replaces a disk with an empty one. Its node comes back under its old id now and then, as if nothing had happened;
// nobody must listen to it (SCENARIOS 32).
func (n *nemesis) loseDisk() {
	m := n.victim()
	if m == nil || !n.w.mayDamage(m) {
		return
	}
	m.wipe("empty after a repair")
	if n.random.oneIn(2) {
		n.w.after(n.back(), func() {
			if m.lost != "" && !m.up() && !m.retired && m.id != 0 && n.w.comesBackAlone(m) {
				m.trace("comes back under its old id with an empty disk")
				m.start()
			}
		})
	}
	n.w.operator.repairIn(n.back())
}

// comesBackAlone tells whether a machine with an empty disk could form no cluster if it came back under its old id: all first
// members together could, and nobody can tell that from a first start (docs/decisions/0008). One is all where a
// cluster began with one.
func (w *world) comesBackAlone(m *machine) bool {
	for _, other := range w.machines {
		if first, ok := w.founding.Member(other.id); ok && first.Voter && other != m && other.lost == "" {
			return true
		}
	}
	return false
}

// flipBit inverts a bit of a log segment or a snapshot at rest (SCENARIOS 42).
func (n *nemesis) flipBit() {
	m := n.victim()
	if m == nil || !n.w.mayDamage(m) {
		return
	}
	var files []string
	if n.random.oneIn(2) {
		files = m.disk.files("snapshot", "")
	}
	if len(files) == 0 {
		files = m.disk.files("wal", "")
	}
	if len(files) == 0 {
		return
	}
	name := files[n.random.IntN(len(files))]
	if n.random.oneIn(2) {
		name = files[len(files)-1] // the newest
	}
	if n.flipBitOf(m, name) && n.random.oneIn(2) {
		m.crash(killed)
		m.startIn(n.back() / 4)
	}
}

// flipBitOf inverts a bit of a file. It reports false if there is none.
func (n *nemesis) flipBitOf(m *machine, name string) bool {
	size := m.disk.size(name)
	if size == 0 {
		return false
	}
	at, bit := n.random.Int64N(size), uint(n.random.IntN(8))
	if n.random.oneIn(2) {
		at = n.random.Int64N(min(size, 2048)) // where something is written
	}
	if err := m.disk.fs.FlipBit(name, at, bit); err != nil {
		return false
	}
	m.flipped = strings.TrimPrefix(name, dataDir+"/")
	m.spare = m.hasImageBut(name)
	m.trace("bit %d of byte %d of %s flips", bit, at, m.flipped)
	n.w.operator.repairIn(n.back())
	return true
}

// installed follows the installation of an image, which a node has nothing else to start from: now and then it is damaged.
func (n *nemesis) installed(m *machine) {
	if n.resting || !n.random.chance(n.w.plan.damageInstalled) {
		return
	}
	n.w.after(n.random.duration(0, 20*time.Millisecond), func() {
		images := m.disk.images()
		if !m.up() || len(images) == 0 || !n.w.mayDamage(m) {
			return
		}
		if n.flipBitOf(m, images[len(images)-1].path) {
			m.crash(killed)
			m.startIn(n.back() / 4)
		}
	})
}

// hasImageBut tells whether a file is an image and another one can be started from: the log must reach back to it, which
// it does not behind an image that a leader has sent.
func (m *machine) hasImageBut(name string) bool {
	_, ok := imageIn(name)
	return ok && slices.ContainsFunc(m.disk.images(), func(other imageFile) bool {
		return other.path != name && other.index >= m.disk.shadow.base.Index
	})
}

// refusedToStart takes in that a node does not start on its disk: it must have a reason.
func (c *checker) refusedToStart(m *machine, err error) {
	if m.disk.failedSync {
		c.w.nemesis.failed(m)
		return
	}
	if errors.Is(err, syscall.ENOSPC) {
		m.startIn(m.random.span(10*time.Millisecond, time.Second))
		return
	}
	if m.spare && m.lost == "" {
		c.w.violate(m.name(), "it does not start, although one of two images is good: %v", err)
	}
	if !m.damaged() {
		c.w.violate(m.name(), "it does not start, although nothing is wrong with its disk: %v", err)
	}
}

// failed takes in that a node ends by itself: it must have a reason.
func (c *checker) failed(p *process, err error) {
	m := p.m
	if !m.damaged() && !m.disk.failedSync {
		c.w.violate(m.name(), "it stops by itself, although nothing is wrong with its disk: %v", err)
	}
}

// membershipIndex is the index of the newest committed configuration.
func (c *checker) membershipIndex() uint64 {
	if n := len(c.configurations); n > 0 {
		return c.configurations[n-1].index
	}
	return 0
}

// voters counts who votes in a configuration.
func voters(c core.Configuration) (n int) {
	for i := range c.Members {
		if c.Members[i].Voter {
			n++
		}
	}
	return n
}
