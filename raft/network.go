package raft

import "redoubt/raft/core"

// Network carries messages between the nodes of one cluster. It may lose, delay, reorder and
// duplicate them; it must not change them.
type Network interface {
	// Start begins delivery: receive is called for each message that arrives for this node, one
	// call at a time per sender, and never blocks. instance is the disk from which the sender speaks, as
	// its handshake said (see WithInstance), or zero if the network does not tell disks apart. Start must not be
	// called after Close.
	Start(receive func(m core.Message, instance uint64)) error
	// Send queues messages for their receivers (Head().To) and never blocks: what does not fit
	// into a peer's bounded queue is dropped. It may be called from one goroutine at a time.
	Send(messages []core.Message)
	// Close stops delivery and releases everything. No receive call runs after it returns.
	Close() error
}

// MembershipNetwork is a Network that follows the membership.
type MembershipNetwork interface {
	Network
	// SetMembers is called before Start, and from the node's loop whenever the configuration in force has changed.
	// members are sorted by id and include this node while it is one; they are the callee's. It must not block.
	SetMembers(members []core.Member)
}
