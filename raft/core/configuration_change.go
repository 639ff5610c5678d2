package core

import "slices"

// maxChosenID bounds the ids that may be asked for, so that there is always a next one to give.
const maxChosenID NodeID = 1 << 62

// highestID returns the highest id that any member ever had.
func (c Configuration) highestID() NodeID {
	if n := len(c.Members); n > 0 {
		return max(c.HighestID, c.Members[n-1].ID)
	}
	return c.HighestID
}

// voters returns how many members vote in the (new) configuration.
func (c Configuration) voters() int {
	n := 0
	for i := range c.Members {
		if c.Members[i].Voter {
			n++
		}
	}
	return n
}

// instance returns the member that speaks from the given disk. Zero is the disk of nobody.
func (c Configuration) instance(instance uint64) (Member, bool) {
	i := slices.IndexFunc(c.Members, func(m Member) bool { return instance != 0 && m.Instance == instance })
	if i < 0 {
		return Member{}, false
	}
	return c.Members[i], true
}

// with returns the configuration that a change leads to, and the id of the member that it is about. A change of who
// votes leads to a joint one, which final completes (Raft §6); any other takes one step. A change that is
// done already gives c itself. c is not joint and stays as it is.
func (c Configuration) with(change Change) (Configuration, NodeID, Refusal) {
	if len(change.Address) > MaxAddressBytes {
		return c, change.ID, Malformed
	}
	if change.Kind == AddMember {
		return c.withNew(change)
	}
	i := slices.IndexFunc(c.Members, func(m Member) bool { return m.ID == change.ID })
	switch {
	case change.ID == None:
		return c, change.ID, Malformed
	case i < 0:
		return c, change.ID, NotMember
	}
	next, refusal := c.withChanged(i, change)
	return next, change.ID, refusal
}

// withChanged changes the member at i.
func (c Configuration) withChanged(i int, change Change) (Configuration, Refusal) {
	m := &c.Members[i]
	switch change.Kind {
	case PromoteMember:
		if m.Voter {
			return c, AlreadyMember
		}
		next := c.joint()
		next.Members[i].Voter, next.Members[i].Promote = true, false
		return next, Accepted
	case RemoveMember:
		if !m.Voter {
			next := c.clone()
			next.Members = slices.Delete(next.Members, i, i+1)
			return next, Accepted
		}
		if c.voters() == 1 {
			return c, LastVoter
		}
		next := c.joint()
		next.Members[i].Voter = false
		return next, Accepted
	case MoveMember:
		if change.Address == "" {
			return c, Malformed
		}
		if change.Address == m.Address {
			return c, Accepted
		}
		next := c.clone()
		next.Members[i].Address = change.Address
		return next, Accepted
	}
	return c, Malformed
}

// withNew adds a learner.
func (c Configuration) withNew(change Change) (Configuration, NodeID, Refusal) {
	if m, ok := c.instance(change.Instance); ok {
		if change.ID != None && change.ID != m.ID {
			return c, m.ID, AlreadyMember
		}
		return c, m.ID, Accepted
	}
	id := change.ID
	if id == None {
		id = c.highestID() + 1
	}
	switch _, member := c.Member(id); {
	case change.Address == "", change.ID > maxChosenID, id == None:
		return c, id, Malformed
	case member:
		return c, id, AlreadyMember
	case id <= c.highestID():
		return c, id, IDUsed
	case len(c.Members) == MaxMembers:
		return c, id, TooLarge
	}
	next := c.clone()
	next.HighestID = id
	next.Members = append(next.Members, Member{ID: id, Address: change.Address, Promote: change.Promote, Instance: change.Instance})
	return next, id, Accepted
}

// clone returns a copy that may be changed, with HighestID spelt out.
func (c Configuration) clone() Configuration {
	return Configuration{Members: slices.Clone(c.Members), HighestID: c.highestID()}
}

// joint returns a copy in which the voters of c still vote, beside those that it is to have (Raft §6).
func (c Configuration) joint() Configuration {
	next := c.clone()
	for i := range next.Members {
		next.Members[i].OldVoter = next.Members[i].Voter
	}
	return next
}

// final returns the configuration that completes a joint one: who voted in the old alone is no member any more.
func (c Configuration) final() Configuration {
	next := c.clone()
	next.Members = slices.DeleteFunc(next.Members, func(m Member) bool { return m.OldVoter && !m.Voter })
	for i := range next.Members {
		next.Members[i].OldVoter = false
	}
	return next
}
