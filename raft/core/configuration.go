package core

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
