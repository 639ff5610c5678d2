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
}

// Configuration is the membership of a cluster: who stores the log and who votes. It is joint while
// any member is an OldVoter; a decision then needs a majority of both groups.
type Configuration struct {
	// Members are sorted by ID, without duplicates.
	Members []Member
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
		previous = m.ID
	}
	return nil
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
