// Package tcpnet carries the messages of a Raft cluster over TCP. It implements raft.Network.
//
// # Connections
//
// Every node dials each of its peers and keeps that connection for what it sends; what it receives
// comes over the connections that it accepted. Each begins with a handshake that names protocol
// version, cluster, both nodes and the sender's disk (handshake.go has the bytes), and then carries the frames of
// package wire. A lost connection is dialled anew with exponential backoff, at once when the peer
// is heard of. A peer that is gone without a word (a cut cable, a stopped process) is noticed within
// IdleTimeout and PingInterval.
//
// A node that is no peer may connect and is listened to: Raft needs that while a node
// learns of a configuration, and Hello tells who it is; Admit can turn it away. A greeting also tells the
// instance: the disk from which the node speaks. Who may speak for a node is not proven:
// run the cluster in a private network, or give Options a TLS Listener and Dial.
//
// SetMembers follows the membership of the cluster.
//
// # Bounds
//
// Send never blocks: what waits for a peer is bounded in bytes and messages, and the rest is
// dropped, as Raft allows. Whatever connects, it can take no more than 64 handshakes and
// MaxAccepted connections, each with one frame of at most MaxFrameBytes that its sender has paid for
// in bytes sent. Damage in a frame, or a message that is not from the peer to this node, closes the connection.
//
// There is one goroutine that writes for each peer and one that reads for each connection. A message costs
// neither a goroutine nor a channel operation: whatever waits is encoded into one buffer and written with one call.
package tcpnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"redoubt/raft/core"
	"redoubt/raft/wire"
)

// Network is one node's end of the cluster's network. Its methods may be called by several
// goroutines at once, save that receive and the functions of Options must not call Close.
type Network struct {
	options  Options
	listener net.Listener
	log      *slog.Logger
	// ctx ends with Close, and every goroutine with it.
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	// receive is set by Start, before any goroutine that calls it.
	receive func(m core.Message, instance uint64)
	// peers is replaced, never changed, so that Send takes no lock to read it.
	peers atomic.Pointer[map[core.NodeID]*peer]

	// mu guards what follows, and changes of peers.
	mu      sync.Mutex
	started bool
	closed  bool
	// pending are accepted connections without a finished handshake, oldest first.
	pending []*inbound
	// senders are the nodes that are connected to this one.
	senders map[core.NodeID]*sender
	// known are the addresses of peers, and of this node, as we were told; learned is what connected nodes say of
	// themselves.
	known   map[core.NodeID][]string
	learned map[core.NodeID]string
	// leaving are the former members whose connections are about to be closed.
	leaving map[core.NodeID]*time.Timer

	counters
	refusals rationedLog
}

// New returns the network of one node. It listens from now on, and accepts and dials from Start on.
// The caller must Close it.
func New(options Options) (*Network, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	listener := options.Listener
	if listener == nil {
		if listener, err = net.Listen("tcp", options.Listen); err != nil {
			return nil, fmt.Errorf("tcpnet: %w", err)
		}
	}
	n := &Network{
		options:  options,
		listener: listener,
		log:      options.Logger.With("node", uint64(options.Self)),
		senders:  make(map[core.NodeID]*sender),
		learned:  make(map[core.NodeID]string),
		leaving:  make(map[core.NodeID]*time.Timer),
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.peers.Store(&map[core.NodeID]*peer{})
	n.SetPeers(options.Peers)
	return n, nil
}

// closeWith closes conn when ctx ends, in a goroutine that Close waits for. The caller releases it
// when it no longer needs that.
func (n *Network) closeWith(ctx context.Context, conn net.Conn) (release func()) {
	n.wg.Add(1)
	stop := context.AfterFunc(ctx, func() {
		defer n.wg.Done()
		conn.Close()
	})
	return func() {
		if stop() {
			n.wg.Done()
		}
	}
}

// Addr returns the address that the network listens on.
func (n *Network) Addr() net.Addr { return n.listener.Addr() }

// Start begins delivery: receive is called for each message that arrives for this node, with the instance that its
// sender's greeting told, one call at a time per sender. It owns the message. While it does not return, nothing more is read from that
// sender, which gives the connection up after its IdleTimeout. Start must be called once, and not
// after Close.
func (n *Network) Start(receive func(m core.Message, instance uint64)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return errors.New("tcpnet: Start after Close")
	}
	if n.started {
		return errors.New("tcpnet: started twice")
	}
	n.started = true
	n.receive = receive
	n.wg.Go(n.accept)
	for _, p := range *n.peers.Load() {
		n.wg.Go(p.run)
	}
	return nil
}

// Send queues messages for their receivers and never blocks. What does not fit into a peer's queue,
// is longer than MaxFrameBytes, or is for a node that is no peer, is dropped and counted. It keeps
// no reference to the slice, but does to the messages' data, which must not change.
func (n *Network) Send(messages []core.Message) {
	peers := *n.peers.Load()
	for _, m := range messages {
		p := peers[m.Head().To]
		if p == nil {
			n.strayMessages.Add(1)
			continue
		}
		size := wire.SizeBound(m)
		if size-wire.HeaderBytes > n.options.MaxFrameBytes {
			p.refuse(m, size)
			continue
		}
		p.enqueue(m, size)
	}
	// Writers are woken only now, so that they find all that was sent and write it with one call.
	for _, p := range peers {
		p.signal()
	}
}

// Connected says whether this node's connection to the peer stands, as far as is known. It may be
// true for up to IdleTimeout and PingInterval after the peer is gone.
func (n *Network) Connected(id core.NodeID) bool {
	p := (*n.peers.Load())[id]
	return p != nil && p.connected.Load()
}

// Close ends every connection and goroutine. No receive call runs after it returns. What is queued
// is dropped.
func (n *Network) Close() error {
	n.mu.Lock()
	var err error
	if !n.closed {
		n.closed = true
		n.cancel()
		err = n.listener.Close()
		for id := range n.leaving {
			n.stay(id)
		}
		for _, p := range *n.peers.Load() {
			p.stop()
		}
	}
	n.mu.Unlock()
	n.wg.Wait()
	if err != nil {
		return fmt.Errorf("tcpnet: %w", err)
	}
	return nil
}

// Stats returns figures about the network, as of now.
func (n *Network) Stats() Stats {
	peers := maps.Clone(*n.peers.Load())
	stats := n.counters.stats()
	stats.Peers = make(map[core.NodeID]PeerStats, len(peers))
	for id, p := range peers {
		stats.Peers[id] = p.stats()
	}
	n.mu.Lock()
	stats.Accepted = len(n.senders)
	stats.Pending = len(n.pending)
	n.mu.Unlock()
	return stats
}
