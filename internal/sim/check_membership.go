package sim

import (
	"fmt"
	"slices"
	"strings"

	"redoubt/raft/core"
)

func equalConfigurations(a, b core.Configuration) bool {
	return a.HighestID == b.HighestID && slices.Equal(a.Members, b.Members)
}

// reconfigured takes in a committed configuration: an id is given once, to one disk, for ever.
func (c *checker) reconfigured(p *process, e *core.Entry) {
	configuration, err := core.DecodeConfiguration(e.Data)
	if err != nil {
		c.w.violate(p.m.name(), "entry %d holds no configuration: %v", e.Index, err)
		return
	}
	before := c.membership()
	for _, m := range configuration.Members {
		instance, known := c.ids[m.ID]
		_, stayed := before.Member(m.ID)
		if known && !stayed {
			c.w.violate(p.m.name(), "entry %d gives the id %d a second time", e.Index, m.ID)
		}
		if known && instance != 0 && m.Instance != instance {
			c.w.violate(p.m.name(), "entry %d gives the id %d to disk %x; it was that of disk %x", e.Index, m.ID, m.Instance, instance)
		}
		c.ids[m.ID] = m.Instance
	}
	c.configurations = append(c.configurations, located{e.Index, configuration})
	c.w.result.Changes++
	c.w.tracef("membership from entry %d: %s", e.Index, describe(configuration))
}

// membership is the newest committed configuration; that of the founders at first.
func (c *checker) membership() core.Configuration {
	if n := len(c.configurations); n > 0 {
		return c.configurations[n-1].configuration
	}
	return c.w.founding
}

// membershipAt is the newest committed configuration at or before an index.
func (c *checker) membershipAt(index uint64) core.Configuration {
	for _, l := range slices.Backward(c.configurations) {
		if l.index <= index {
			return l.configuration
		}
	}
	return c.w.founding
}

// durableOnQuorum tells whether the disks of a quorum of voters hold an entry that a node is about to apply. A leader
// commits by the newest configuration in its log, which is at or after that which the entry itself stands under; which of
// those it was when it decided, cannot be seen. A follower may apply first, and not know yet by what its leader went.
func (w *world) durableOnQuorum(p *process, at core.Position, kind core.EntryKind) bool {
	if p.leads() {
		return w.holdsUnder(p.m.disk.shadow.configurations, at, kind) || w.holdsQuorum(p.manual.Core().Configuration(), at, kind)
	}
	for _, m := range w.machines {
		if w.holdsUnder(m.disk.shadow.configurations, at, kind) {
			return true
		}
	}
	// The newest may be in its leader's memory alone, or may have been.
	if w.holdsQuorum(w.check.proposed.configuration, at, kind) {
		return true
	}
	membership := w.check.membership()
	return membership.Joint() && w.holdsQuorum(leaveJoint(membership), at, kind)
}

// holdsUnder tells whether a quorum holds an entry, by the configuration that it stands under or any later one.
func (w *world) holdsUnder(configurations []located, at core.Position, kind core.EntryKind) bool {
	for i, c := range configurations {
		if i+1 < len(configurations) && configurations[i+1].index <= at.Index {
			continue // replaced before the entry
		}
		if w.holdsQuorum(c.configuration, at, kind) {
			return true
		}
		// A leader goes by what follows a joint configuration as soon as that is committed, before any disk has it.
		if c.configuration.Joint() && c.index <= at.Index && w.holdsQuorum(leaveJoint(c.configuration), at, kind) {
			return true
		}
	}
	return false
}

// holdsQuorum tells whether the disks of a quorum hold an entry. While a cluster forms it takes no commands.
func (w *world) holdsQuorum(c core.Configuration, at core.Position, kind core.EntryKind) bool {
	return (kind != core.EntryCommand || formed(c)) && decides(c, func(m *core.Member) bool { return w.holds(m, at) })
}

// leaveJoint returns the configuration that follows a joint one.
func leaveJoint(c core.Configuration) core.Configuration {
	after := core.Configuration{HighestID: c.HighestID}
	for _, m := range c.Members {
		m.OldVoter = false
		after.Members = append(after.Members, m)
	}
	return after
}

// formed tells whether the disks of all voters are recorded.
func formed(c core.Configuration) bool {
	return !slices.ContainsFunc(c.Members, func(m core.Member) bool { return (m.Voter || m.OldVoter) && m.Instance == 0 })
}

// decides tells whether those who have some property can decide by a configuration: a majority, or all voters while the
// cluster forms.
func decides(c core.Configuration, has func(*core.Member) bool) bool {
	if formed(c) {
		return quorum(c, has)
	}
	return !slices.ContainsFunc(c.Members, func(m core.Member) bool { return (m.Voter || m.OldVoter) && !has(&m) })
}

// quorum tells whether a majority of the voters has some property, and in a joint configuration one of the old ones.
func quorum(c core.Configuration, has func(*core.Member) bool) bool {
	votes, voters, oldVotes, oldVoters := 0, 0, 0, 0
	for i := range c.Members {
		m := &c.Members[i]
		one := 0
		if has(m) {
			one = 1
		}
		if m.Voter {
			voters, votes = voters+1, votes+one
		}
		if m.OldVoter {
			oldVoters, oldVotes = oldVoters+1, oldVotes+one
		}
	}
	return votes > voters/2 && (oldVoters == 0 || oldVotes > oldVoters/2)
}

// holders names the machines whose disks hold an entry.
func (w *world) holders(at core.Position) string {
	var names []string
	for _, m := range w.machines {
		if m.id != 0 && m.disk.shadow.holds(at) {
			names = append(names, m.name())
		}
	}
	return strings.Join(names, " ")
}

// holds tells whether the disk that speaks for a member holds an entry.
func (w *world) holds(member *core.Member, at core.Position) bool {
	m := w.machineOf(member.ID)
	switch {
	case m == nil:
		return false
	case m.lost != "":
		return m.attested.holds(at)
	default:
		return (member.Instance == 0 || m.instance == member.Instance) && m.disk.shadow.holds(at)
	}
}

// describe shows a membership on one line.
func describe(c core.Configuration) string {
	var text strings.Builder
	for i, m := range c.Members {
		if i > 0 {
			text.WriteByte(' ')
		}
		fmt.Fprintf(&text, "%d@%s", m.ID, m.Address)
		for _, flag := range []struct {
			set  bool
			name string
		}{{m.Voter, "voter"}, {m.OldVoter, "old"}, {m.Promote, "promote"}, {m.Instance != 0, "known"}} {
			if flag.set {
				text.WriteString("," + flag.name)
			}
		}
	}
	return text.String()
}

// checkTold: a change that was said to be done is, at the entry that was named, and one that was said not to be never is.
func (c *checker) checkTold() {
	for _, t := range c.told {
		if t.result.Index == 0 {
			continue // it changed nothing
		}
		if t.result.Index > uint64(len(c.committed)) {
			c.w.violate("", "the operator was told that change %+v is done at entry %d, which was never committed", t.change, t.result.Index)
			return
		}
		if !shows(c.membershipAt(t.result.Index), t.change, t.result.Member) {
			c.w.violate("", "the operator was told that change %+v is done at entry %d, which does not show it", t.change, t.result.Index)
		}
	}
	for _, instance := range c.undone {
		for _, l := range c.configurations {
			if slices.ContainsFunc(l.configuration.Members, func(m core.Member) bool { return m.Instance == instance }) {
				c.w.violate("", "the operator was told that nothing was done to let disk %x join; entry %d lets it", instance, l.index)
			}
		}
	}
}

// shows tells whether a change of a member is done in a configuration.
func shows(c core.Configuration, change core.Change, id core.NodeID) bool {
	member, ok := c.Member(id)
	switch change.Kind {
	case core.AddMember:
		return ok && member.Instance == change.Instance
	case core.PromoteMember:
		return ok && member.Voter
	case core.RemoveMember:
		return !ok
	case core.MoveMember:
		return ok && member.Address == change.Address
	}
	return false
}
