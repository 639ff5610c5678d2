package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"redoubt/internal/offheap"
	"redoubt/internal/vfs"
	"redoubt/node/replica"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/raft/tcpnet"
	"redoubt/resp"
)

// Options say what a node is and where it lives.
type Options struct {
	// ID is this node's id, for ever; zero, if the directory is to say. ClusterID is the cluster's name.
	ID        raft.NodeID
	ClusterID string
	// FS and Dir are where the node keeps its data.
	FS  vfs.FS
	Dir string
	// Peers are the initial members, this node included. They are not read by a node that joined a cluster.
	Peers []raft.Peer
	// PeerListener takes the peers' connections. It may be nil in a cluster that stays one node.
	PeerListener net.Listener
	// RESP configures the front end, listeners included.
	RESP resp.Options
	// Heartbeat and Election are Raft's timeouts.
	Heartbeat, Election time.Duration
	// MaxEntryBytes bounds one log entry: one pipeline's writes.
	MaxEntryBytes int
	// LeaseReads lets a leader read without a round while its lease lasts: the reads are linearizable only as long as no
	// clock drifts by more than the lease allows for.
	LeaseReads bool
	// Limits bound what Raft holds in memory. EntryBytes is set from MaxEntryBytes.
	Limits raft.Limits
	// SegmentBytes is the size of a log segment.
	SegmentBytes int64
	// SnapshotLogBytes and SnapshotLogEntries say after how much log a snapshot is taken.
	SnapshotLogBytes, SnapshotLogEntries int64
	// HeavyWork is called before a peer's snapshot is checked or loaded beside the clients, which takes a processor for long,
	// and done after that. Several may be under way at once. Nil: nobody wants to know.
	HeavyWork func() (done func())
	// Clock replaces the machine's clock. Nil: the machine's.
	Clock raft.Clock
	// Logger hears what the operator should know.
	Logger *slog.Logger
}

// Node is a running replica: goroutines, listeners and connections around a replica.Replica.
type Node struct {
	options   Options
	log       *slog.Logger
	replica   *replica.Replica
	raft      *raft.Raft
	network   *tcpnet.Network // nil without a PeerListener
	front     *resp.Server
	directory *directory
	requests  requestPool
	// standing rings when the standing changes.
	standing bell

	workers sync.WaitGroup
	pacer   *pacer
	// failures takes why the node cannot go on, for reasons that neither the replica nor raft know.
	failures chan error
}

// ErrRefused says that the cluster refuses the node for good: it was removed, or its disk is not the one that the
// cluster knows.
var ErrRefused = errors.New("the cluster refuses this node")

// Start recovers a node from its directory and joins it to its cluster. It serves clients when it returns.
func Start(options Options) (n *Node, err error) {
	n = &Node{
		options:   options,
		log:       options.Logger,
		directory: newDirectory(),
		pacer:     newPacer(),
		failures:  make(chan error, 1),
	}
	if err := n.openReplica(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.replica.Close())
		}
	}()
	if err := n.startRaft(); err != nil {
		return nil, err
	}
	n.workers.Go(n.runTicker)
	n.front, err = resp.New(n, options.RESP)
	if err != nil {
		n.stopRaft()
		return nil, err
	}
	n.workers.Go(n.serveClients)
	return n, nil
}

// openReplica recovers the replica from its directory.
func (n *Node) openReplica() (err error) {
	o := n.options
	n.replica, err = replica.Open(replica.Options{
		ID: o.ID, ClusterID: o.ClusterID, Peers: o.Peers, NewInstance: newInstance,
		FS: o.FS, Dir: o.Dir, Memory: func() replica.Memory { return offheap.New() },
		MaxEntryBytes: o.MaxEntryBytes, SegmentBytes: o.SegmentBytes,
		SnapshotLogBytes: o.SnapshotLogBytes, SnapshotLogEntries: o.SnapshotLogEntries,
		Election: o.Election, Clock: o.Clock, Logger: o.Logger,
		Background: n.workers.Go, Pace: n.pacer.pace, HeavyWork: o.HeavyWork,
		Redirect: n.directory.client,
	})
	if err != nil {
		return err
	}
	n.requests.replica = n.replica
	n.directory.set(n.replica.ID(), announcedAddresses(o.RESP))
	if peers := n.replica.Peers(); len(peers) > 1 && n.replica.Index() == 0 {
		n.log.Info("this node knows no cluster yet: one forms as soon as all first nodes are there", "nodes", peers)
	}
	return nil
}

// newInstance draws the identity of a data directory.
func newInstance() uint64 {
	var drawn [8]byte
	_, _ = rand.Read(drawn[:]) // it never fails
	return max(1, binary.LittleEndian.Uint64(drawn[:]))
}

func (n *Node) startRaft() error {
	limits := n.options.Limits
	limits.EntryBytes = n.replica.MaxEntryBytes()
	options := append(n.replica.RaftOptions(),
		raft.WithStanding(func(standing raft.Standing) {
			n.replica.Standing(standing)
			n.standing.ring()
		}),
		raft.WithLogger(n.log),
		raft.WithTimeouts(n.options.Heartbeat, n.options.Election),
		raft.WithLimits(limits),
	)
	if n.options.LeaseReads {
		options = append(options, raft.WithLeases())
	}
	if n.options.PeerListener != nil {
		network, err := n.newNetwork()
		if err != nil {
			return err
		}
		n.network = network
		options = append(options, raft.WithNetwork(network))
	}
	var err error
	n.raft, err = raft.Make(n.replica.Peers(), n.replica.ID(), n.replica.Persister(), nil, options...)
	if err != nil {
		return err
	}
	n.replica.Bind(n.raft)
	return nil
}

// newNetwork connects the node to its peers.
func (n *Node) newNetwork() (*tcpnet.Network, error) {
	greeting, err := encodeHello(n.directory.all(n.replica.ID()))
	if err != nil {
		return nil, err
	}
	return tcpnet.New(tcpnet.Options{
		Self:      n.replica.ID(),
		ClusterID: n.options.ClusterID,
		Listener:  n.options.PeerListener,
		Instance:  n.replica.Instance(),
		Peers:     n.contacts(),
		Hello:     greeting,
		Admit:     n.replica.Admit,
		OnRefused: n.refused,
		OnHello: func(id raft.NodeID, message []byte) {
			if err := n.directory.learn(id, message, n.isMember); err != nil {
				n.log.Warn("a peer announces itself in an unknown form", "peer", id, "error", err)
			}
		},
		MaxFrameBytes: n.replica.MaxEntryBytes() + (4 << 20),
		Logger:        n.log,
	})
}

// isMember tells whether a node is this one or a member, by the membership that is applied here.
func (n *Node) isMember(id raft.NodeID) bool {
	_, ok := n.replica.Configuration().Member(id)
	return ok || id == n.ID()
}

// contacts are where other nodes may be found before the log says who is a member.
func (n *Node) contacts() map[raft.NodeID]string {
	contacts := make(map[raft.NodeID]string)
	for _, peer := range n.replica.Identity().Peers {
		contacts[peer.ID] = peer.Address
	}
	for _, peer := range n.replica.Peers() {
		contacts[peer.ID] = peer.Address
	}
	return contacts
}

// refused takes a peer's refusal in. One that will not pass ends the node.
func (n *Node) refused(by raft.NodeID, reason string) {
	if replica.RefusedForGood(reason) {
		n.fail(fmt.Errorf("%w: node %d says: %s", ErrRefused, by, reason))
	}
}

// fail ends the waiting of Wait, if it is the first failure.
func (n *Node) fail(err error) {
	select {
	case n.failures <- err:
	default:
	}
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

// runTicker is the replica's clock. Its last tick answers whoever still waits when raft has stopped.
func (n *Node) runTicker() {
	ticker := time.NewTicker(replica.TickInterval)
	defer ticker.Stop()
	defer n.replica.Tick()
	for {
		select {
		case <-n.raft.Done():
			return
		case <-ticker.C:
			n.replica.Tick()
		}
	}
}

// ID returns the node's id, which is its directory's.
func (n *Node) ID() raft.NodeID { return n.replica.ID() }

// Wait blocks until the node fails by itself, or until ctx ends, and returns the failure or nil.
func (n *Node) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-n.failures:
		return err
	case <-n.replica.Failed():
		return n.replica.Err()
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
		return errors.Join(err, n.replica.Close())
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("the disk does not answer: %w", ctx.Err()))
	}
}

// stopRaft ends consensus and everything that feeds on it.
func (n *Node) stopRaft() {
	n.raft.Stop()
	n.pacer.stop()
	n.workers.Wait()
}

// handOver asks a follower to lead, so that a planned stop costs the cluster no election timeout: the most advanced one first, and one
// more if that does not take over, as a node does not that still loads a snapshot. Each that does not costs two election timeouts.
func (n *Node) handOver(ctx context.Context) {
	if n.raft.Standing().Role != core.Leader {
		return
	}
	ctx, cancel := n.handOverTime(ctx)
	defer cancel()
	successors := n.successors()
	for _, successor := range successors[:min(2, len(successors))] {
		if n.raft.Standing().Role != core.Leader || !n.network.Connected(successor) {
			continue
		}
		leader, err := n.transfer(ctx, successor)
		if leader == successor {
			return
		}
		n.log.Warn("a follower did not take leadership over", "follower", successor, "leader", leader, "error", err)
		if err != nil {
			return
		}
	}
}

// handOverTime bounds a hand-over: if all nodes stop together there may be no next leader to wait for, and who stops has clients to
// see off in the same time.
func (n *Node) handOverTime(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := 4 * n.options.Election
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/2)
	}
	return context.WithTimeout(ctx, limit)
}

// successors returns the connected voters, those whose logs are the furthest first.
func (n *Node) successors() []raft.NodeID {
	if n.network == nil {
		return nil
	}
	configuration := n.raft.Configuration()
	voters := slices.DeleteFunc(n.raft.Progress(), func(p core.Progress) bool {
		member, ok := configuration.Member(p.ID)
		return !ok || !member.Voter || p.ID == n.replica.ID() || !n.network.Connected(p.ID)
	})
	slices.SortStableFunc(voters, func(a, b core.Progress) int { return cmp.Compare(b.Match, a.Match) })
	ids := make([]raft.NodeID, len(voters))
	for i, p := range voters {
		ids[i] = p.ID
	}
	return ids
}
