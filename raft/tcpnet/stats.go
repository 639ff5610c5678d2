package tcpnet

import (
	"sync/atomic"

	"redoubt/raft/core"
)

// Stats are figures about one node's end of the network. Counts are since New.
type Stats struct {
	// Peers are the figures of each peer that is dialled.
	Peers map[core.NodeID]PeerStats
	// Accepted is how many nodes are connected to this one, and Pending how many connections are
	// without a finished handshake.
	Accepted, Pending int
	// ReceivedMessages and ReceivedBytes count what was delivered; bytes are those of the frames.
	ReceivedMessages, ReceivedBytes uint64
	// RefusedHandshakes counts accepted connections that were turned away, silent strangers included.
	RefusedHandshakes uint64
	// BadFrames counts frames that closed their connection: damaged, too large or not what that peer
	// may send.
	BadFrames uint64
	// StrayMessages counts messages that were sent to a node that is no peer, and dropped.
	StrayMessages uint64
}

// PeerStats are figures about what this node sends to one peer. Counts are since the peer was set.
type PeerStats struct {
	// Address is what is dialled.
	Address string
	// Connected: see Network.Connected.
	Connected bool
	// Connects counts connections made, handshake included.
	Connects uint64
	// QueuedMessages and QueuedBytes are what waits or is being written. Bytes are an upper bound.
	QueuedMessages, QueuedBytes int
	// SentMessages and SentBytes count what was handed to the operating system; bytes are those of the frames.
	SentMessages, SentBytes uint64
	// DroppedMessages counts what did not fit into the queue, was too large, or waited for a
	// connection that did not come or broke.
	DroppedMessages uint64
}

// counters are the Stats that connections count.
type counters struct {
	receivedMessages, receivedBytes             atomic.Uint64
	refusedHandshakes, badFrames, strayMessages atomic.Uint64
}

func (c *counters) stats() Stats {
	return Stats{
		ReceivedMessages:  c.receivedMessages.Load(),
		ReceivedBytes:     c.receivedBytes.Load(),
		RefusedHandshakes: c.refusedHandshakes.Load(),
		BadFrames:         c.badFrames.Load(),
		StrayMessages:     c.strayMessages.Load(),
	}
}
