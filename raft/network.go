package raft

import "redoubt/raft/core"

// Network carries messages between the nodes of one cluster. It may lose, delay, reorder and
// duplicate them; it must not change them.
type Network interface {
	// Start begins delivery: receive is called for each message that arrives for this node, one
	// call at a time per sender. It must not be called after Close.
	Start(receive func(core.Message)) error
	// Send queues messages for their receivers (Head().To) and never blocks: what does not fit
	// into a peer's bounded queue is dropped. It may be called from one goroutine at a time.
	Send(messages []core.Message)
	// Close stops delivery and releases everything. No receive call runs after it returns.
	Close() error
}
