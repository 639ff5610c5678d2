package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"redoubt/fsm"
	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/raft/tcpnet"
	"redoubt/resp"
	"redoubt/wal"
)

// Options say what a node is and where it lives.
type Options struct {
	// ID is this node's id, for ever; ClusterID the cluster's name.
	ID        raft.NodeID
	ClusterID string
	// FS and Dir are where the node keeps its data.
	FS  vfs.FS
	Dir string
	// Peers are the initial members, this node included.
	Peers []raft.Peer
	// PeerListener takes the peers' connections. It may be nil in a cluster of one.
	PeerListener net.Listener
	// RESP configures the front end, listeners included.
	RESP resp.Options
	// Heartbeat and Election are Raft's timeouts.
	Heartbeat, Election time.Duration
	// MaxEntryBytes bounds one log entry: one pipeline's writes.
	MaxEntryBytes int
	// Limits bound what Raft holds in memory. EntryBytes is set from MaxEntryBytes.
	Limits raft.Limits
	// SegmentBytes is the size of a log segment.
	SegmentBytes int64
	// SnapshotLogBytes and SnapshotLogEntries say after how much log a snapshot is taken.
	SnapshotLogBytes, SnapshotLogEntries int64
	// Clock replaces the machine's clock. Nil: the machine's.
	Clock raft.Clock
	// Logger hears what the operator should know.
	Logger *slog.Logger
}

// Node is a running replica.
type Node struct {
	options   Options
	log       *slog.Logger
	storage   *storage
	raft      *raft.Raft
	network   *tcpnet.Network // nil in a cluster of one
	front     *resp.Server
	directory *directory
	applyCh   chan raft.ApplyMsg
	gate      *gate
	tickets   ticketPool
	machine   machine
	snapshots snapshotter
	// configuration is the membership as of the last applied entry; it belongs to the applier.
	configuration core.Configuration
	// batch and nobody (who drops replies) serve every entry; they belong to the applier.
	batch  fsm.Batch
	nobody fsm.Writer
	// bootCommit is the commit index that the node knew when it last stopped.
	bootCommit uint64

	workers  sync.WaitGroup
	failOnce sync.Once
	failed   chan struct{}
	failure  error
}

// Start recovers a node from its directory and joins it to its cluster. It serves clients when it returns.
func Start(options Options) (n *Node, err error) {
	// A larger entry would be refused by every log that it reaches, and end every node.
	options.MaxEntryBytes = min(options.MaxEntryBytes, wal.DefaultMaxRecordBytes-entryHeaderBytes)
	n = &Node{
		options: options,
		log:     options.Logger,
		applyCh: make(chan raft.ApplyMsg),
		gate:    newGate(),
		failed:  make(chan struct{}),
		nobody:  fsm.Writer{Discard: true},
	}
	n.snapshots.logBytes, n.snapshots.logEntries = options.SnapshotLogBytes, options.SnapshotLogEntries
	n.snapshots.lastOK.Store(true)
	if err := n.openStorage(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.storage.Close())
		}
	}()
	if err := n.startRaft(); err != nil {
		return nil, err
	}
	n.workers.Go(n.runApplier)
	n.workers.Go(n.runExpiry)
	n.front, err = resp.New(n, options.RESP)
	if err != nil {
		n.stopRaft()
		return nil, err
	}
	n.workers.Go(n.serveClients)
	return n, nil
}

// openStorage opens the directory and puts the newest good snapshot in place.
func (n *Node) openStorage() error {
	storage, machine, err := openStorage(n.options)
	if err != nil {
		return err
	}
	n.storage = storage
	n.machine.Machine = machine
	n.bootCommit = storage.remembered.Commit
	n.configuration = storage.base.Configuration
	if len(n.configuration.Members) == 0 {
		n.configuration = raft.InitialConfiguration(n.options.Peers)
	}
	n.gate.advance(machine.Index())
	n.snapshots.index.Store(storage.base.Index)
	return nil
}

func (n *Node) startRaft() error {
	announced := announcedAddresses(n.options.RESP)
	n.directory = newDirectory(n.options.ID, announced)
	limits := n.options.Limits
	limits.EntryBytes = n.options.MaxEntryBytes
	options := []raft.Option{
		raft.WithLogger(n.log),
		raft.WithTimeouts(n.options.Heartbeat, n.options.Election),
		raft.WithLimits(limits),
	}
	if n.options.Clock != nil {
		options = append(options, raft.WithClock(n.options.Clock))
	}
	if n.options.PeerListener != nil {
		network, err := n.newNetwork(announced)
		if err != nil {
			return err
		}
		n.network = network
		options = append(options, raft.WithNetwork(network))
	}
	var err error
	n.raft, err = raft.Make(n.options.Peers, n.options.ID, n.storage, n.applyCh, options...)
	return err
}

// newNetwork connects the node to its peers.
func (n *Node) newNetwork(announced []string) (*tcpnet.Network, error) {
	greeting, err := encodeHello(announced)
	if err != nil {
		return nil, err
	}
	peers := make(map[raft.NodeID]string)
	for _, peer := range n.options.Peers {
		if peer.ID != n.options.ID {
			peers[peer.ID] = peer.Address
		}
	}
	return tcpnet.New(tcpnet.Options{
		Self:      n.options.ID,
		ClusterID: n.options.ClusterID,
		Listener:  n.options.PeerListener,
		Peers:     peers,
		Hello:     greeting,
		OnHello: func(id raft.NodeID, message []byte) {
			if err := n.directory.learn(id, message); err != nil {
				n.log.Warn("a peer announces itself in an unknown form", "peer", id, "error", err)
			}
		},
		MaxFrameBytes: n.options.MaxEntryBytes + (4 << 20),
		Logger:        n.log,
	})
}

func announcedAddresses(options resp.Options) []string {
	announced := make([]string, len(options.Listeners))
	for i, listener := range options.Listeners {
		announced[i] = listener.Announce
	}
	return announced
}

func (n *Node) serveClients() {
	if err := n.front.Serve(); err != nil {
		n.fail(fmt.Errorf("front end: %w", err))
	}
}

// fail records why the node cannot go on.
func (n *Node) fail(err error) {
	n.failOnce.Do(func() {
		n.failure = err
		close(n.failed)
	})
}

// Wait blocks until the node fails by itself, or until ctx ends, and returns the failure or nil.
func (n *Node) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.failed:
		return n.failure
	case <-n.raft.Done():
		return n.raft.Err()
	}
}

// Stop ends the node: it hands leadership over if it can, lets commands under way finish, and closes its files. ctx
// bounds how long it is polite, and how long it waits for a disk that hangs; its files stay open then, for the
// process to end with them.
func (n *Node) Stop(ctx context.Context) error {
	n.handOver(ctx)
	err := n.front.Shutdown(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		n.stopRaft()
	}()
	select {
	case <-stopped:
		return errors.Join(err, n.storage.Close())
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("the disk does not answer: %w", ctx.Err()))
	}
}

// stopRaft ends consensus and everything that feeds on it.
func (n *Node) stopRaft() {
	n.raft.Stop()
	n.workers.Wait()
}

// handOver asks the most advanced follower to lead, so that a planned stop costs the cluster no election timeout.
func (n *Node) handOver(ctx context.Context) {
	if n.raft.Standing().Role != core.Leader {
		return
	}
	successor := n.successor()
	if successor == core.None {
		return
	}
	n.raft.TransferLeadership(successor)
	ticker := time.NewTicker(waitInterval)
	defer ticker.Stop()
	limit := time.After(2 * n.options.Election)
	for n.raft.Standing().Role == core.Leader {
		select {
		case <-ctx.Done():
			return
		case <-limit:
			return
		case <-ticker.C:
		}
	}
}

// successor returns the connected voter whose log is the furthest, or None.
func (n *Node) successor() raft.NodeID {
	configuration := n.raft.Configuration()
	var best core.Progress
	for _, p := range n.raft.Progress() {
		member, ok := configuration.Member(p.ID)
		if !ok || !member.Voter || p.ID == n.options.ID || n.network == nil || !n.network.Connected(p.ID) {
			continue
		}
		if best.ID == core.None || p.Match > best.Match {
			best = p
		}
	}
	return best.ID
}
