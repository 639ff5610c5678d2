package core

import (
	"errors"
	"fmt"
)

// Member is one node of a Configuration.
type Member struct {
	ID NodeID
	// Address is where the peers reach the node. The core does not read it.
	Address string
	// Voter: it votes in the (new) configuration. A member with neither flag is a learner.
	Voter bool
	// OldVoter: it votes in the configuration that a joint one is leaving (Raft §6).
	OldVoter bool
	// Promote: a learner that the leader makes a voter once its log has caught up.
	Promote bool
	// Instance names the disk that speaks for the id, drawn at random when its directory was made; zero while it
	// is not known. A node that comes with another one has lost what it attested, and is not heard.
	Instance uint64
}

// Configuration is the membership of a cluster: who stores the log and who votes. It is joint while
// any member is an OldVoter; a decision then needs a majority of both groups.
type Configuration struct {
	// Members are sorted by ID, without duplicates.
	Members []Member
	// HighestID is the highest id that any member ever had: a new one must be higher (ids are never reused).
	// Zero, in the configuration that a cluster begins with, stands for the highest of Members.
	HighestID NodeID
}

// ChangeKind says what a Change does.
type ChangeKind uint8

// The changes of a membership.
const (
	// AddMember adds a learner. With Promote it becomes a voter once its log has caught up.
	AddMember ChangeKind = iota + 1
	// PromoteMember makes a learner that has caught up a voter.
	PromoteMember
	// RemoveMember takes a member out, the leader included.
	RemoveMember
	// MoveMember changes a member's address.
	MoveMember
)

// Change is one change of the membership (Raft §6, thesis chapter 4).
type Change struct {
	Kind ChangeKind
	// ID is the member. In AddMember, zero asks for the next free id.
	ID NodeID
	// Address is the member's in AddMember and MoveMember.
	Address string
	// Instance and Promote are the new member's in AddMember. Adding an Instance that is a member already
	// changes nothing and succeeds, so that a join whose answer was lost can be repeated.
	Instance uint64
	Promote  bool
}

// Limits of a configuration, kept by the codec and by New.
const (
	// MaxMembers bounds the members of a configuration.
	MaxMembers = 1024
	// MaxAddressBytes bounds a member's address.
	MaxAddressBytes = 1024
)

// Joint tells whether the configuration is the joint one of a change under way (Raft §6).
func (c Configuration) Joint() bool {
	for i := range c.Members {
		if c.Members[i].OldVoter {
			return true
		}
	}
	return false
}

// Member returns the member with the given id.
func (c Configuration) Member(id NodeID) (Member, bool) {
	for i := range c.Members {
		if c.Members[i].ID == id {
			return c.Members[i], true
		}
	}
	return Member{}, false
}

// validate checks order, ids and sizes. An empty configuration is valid: a node that is yet to join.
func (c Configuration) validate() error {
	if len(c.Members) > MaxMembers {
		return fmt.Errorf("configuration of %d members, at most %d are allowed", len(c.Members), MaxMembers)
	}
	previous := None
	for i := range c.Members {
		m := &c.Members[i]
		if m.ID == None {
			return errors.New("configuration names a member without an id")
		}
		if m.ID <= previous {
			return fmt.Errorf("configuration names member %d after %d, members must be sorted and distinct", m.ID, previous)
		}
		if len(m.Address) > MaxAddressBytes {
			return fmt.Errorf("configuration holds an address of %d bytes, at most %d are allowed", len(m.Address), MaxAddressBytes)
		}
		if m.Promote && (m.Voter || m.OldVoter) {
			return fmt.Errorf("configuration is to promote member %d, which votes already", m.ID)
		}
		previous = m.ID
	}
	if c.HighestID != None && c.HighestID < previous {
		return fmt.Errorf("configuration names member %d, beyond its highest id %d", previous, c.HighestID)
	}
	return nil
}

// same tells whether two configurations are one and the same: that of a change which changed nothing.
func (c Configuration) same(other Configuration) bool {
	return len(c.Members) == len(other.Members) && len(c.Members) > 0 && &c.Members[0] == &other.Members[0]
}

// located is a configuration and the index of the entry or snapshot that it came from.
type located struct {
	index         uint64
	configuration Configuration
}

// memberships are the configurations that may still matter, oldest first: the newest that is
// committed, so that a roll back has somewhere to go, and all after it. The last one is in force: a
// configuration takes effect when it enters the log (Raft §6).
type memberships []located

// current returns the configuration in force.
func (m memberships) current() located { return m[len(m)-1] }

// add puts a newer configuration in force.
func (m memberships) add(l located) memberships {
	if last := m.current(); l.index < last.index {
		bug("configuration of index %d after that of index %d", l.index, last.index)
	}
	return append(m, l)
}

// rollBack forgets the configurations from index on. It tells whether the one in force changed.
func (m memberships) rollBack(index uint64) (memberships, bool) {
	n := len(m)
	for n > 1 && m[n-1].index >= index {
		n--
	}
	return m[:n], n < len(m)
}

// committed forgets the configurations that a committed one has replaced.
func (m memberships) committed(index uint64) memberships {
	n := 0
	for n+1 < len(m) && m[n+1].index <= index {
		n++
	}
	return m[n:]
}
