package tcpnet_test

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/raft/tcpnet"
)

// nameOf is what stands for a node's address.
func nameOf(id core.NodeID) string { return fmt.Sprint("node-", id) }

func idOf(name string) (id core.NodeID) {
	fmt.Sscanf(name, "node-%d", &id)
	return id
}

// faultCluster runs real drivers over real sockets: loopback, through wires that a test can harm.
type faultCluster struct {
	t       *testing.T
	wires   *wires
	peers   []raft.Peer
	options []raft.Option

	mu      sync.Mutex
	nodes   map[core.NodeID]*store
	disks   map[core.NodeID]*raft.MemoryPersister
	agreed  map[uint64]string      // the command at each index, whoever applied it first
	leaders map[uint64]core.NodeID // the leader of each term
	broken  error
}

// store is one life of a node and its service: strings by key, to append to and to read.
type store struct {
	cluster *faultCluster
	id      core.NodeID
	raft    *raft.Raft
	disk    *raft.MemoryPersister

	mu      sync.Mutex
	moved   sync.Cond // applied has grown, or the node is stopped
	applied uint64
	values  map[string]string
	stopped bool
	// configuration is the membership as of applied.
	configuration raft.Configuration
}

func startFaultCluster(t *testing.T, size int, options ...raft.Option) *faultCluster {
	c := &faultCluster{
		t: t, wires: newWires(), options: options,
		nodes: make(map[core.NodeID]*store), disks: make(map[core.NodeID]*raft.MemoryPersister),
		agreed: make(map[uint64]string), leaders: make(map[uint64]core.NodeID),
	}
	for id := core.NodeID(1); int(id) <= size; id++ {
		c.peers = append(c.peers, raft.Peer{ID: id, Address: nameOf(id)})
	}
	t.Cleanup(func() {
		for _, p := range c.peers {
			c.stop(p.ID)
		}
	})
	for _, p := range c.peers {
		c.begin(p.ID, raft.NewMemoryPersister())
	}
	return c
}

// begin starts a node's next life.
func (c *faultCluster) begin(id core.NodeID, disk *raft.MemoryPersister) {
	listener := listen(c.t)
	c.wires.listen(nameOf(id), listener.Addr().String())
	instance := uint64(id) << 32
	network, err := tcpnet.New(tcpnet.Options{
		Self: id, ClusterID: "faults", Listener: listener, Instance: instance, Dial: c.wires.dial(id),
		BackoffMin: time.Millisecond, BackoffMax: 30 * time.Millisecond, DialTimeout: 100 * time.Millisecond,
		PingInterval: 50 * time.Millisecond, IdleTimeout: 300 * time.Millisecond, WriteTimeout: 300 * time.Millisecond,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	s := &store{cluster: c, id: id, disk: disk, values: make(map[string]string), configuration: raft.InitialConfiguration(c.peers)}
	s.moved.L = &s.mu
	options := append([]raft.Option{
		raft.WithApply(s.apply), raft.WithNetwork(network), raft.WithInstance(instance),
		raft.WithTimeouts(30*time.Millisecond, 150*time.Millisecond),
		raft.WithLimits(raft.Limits{AppendBytes: 4 << 10, SnapshotChunkBytes: 1 << 10, TailBytes: 16 << 10}),
		raft.WithStanding(func(standing raft.Standing) { c.elected(id, standing) }),
	}, c.options...)
	s.mu.Lock() // apply may be called before Make returns
	s.raft, err = raft.Make(c.peers, id, disk, nil, options...)
	s.mu.Unlock()
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.nodes[id] = s
	c.mu.Unlock()
}

// stop ends a node's life, and returns what its disk holds.
func (c *faultCluster) stop(id core.NodeID) *raft.MemoryPersister {
	c.mu.Lock()
	s := c.nodes[id]
	delete(c.nodes, id)
	c.mu.Unlock()
	if s == nil {
		return nil
	}
	s.raft.Stop()
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.moved.Broadcast()
	return s.disk.Copy()
}

func (c *faultCluster) node(id core.NodeID) *store {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[id]
}

// heal takes all harm from the wires.
func (c *faultCluster) heal() {
	for _, from := range c.peers {
		for _, to := range c.peers {
			c.wires.link(from.ID, to.ID).set(false, 0)
		}
	}
}

// fail notes the first broken promise.
func (c *faultCluster) fail(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		c.broken = fmt.Errorf(format, args...)
	}
}

func (c *faultCluster) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// elected checks that a term has one leader (election safety).
func (c *faultCluster) elected(id core.NodeID, standing raft.Standing) {
	if standing.Role != core.Leader {
		return
	}
	c.mu.Lock()
	other, ok := c.leaders[standing.Term]
	c.leaders[standing.Term] = id
	c.mu.Unlock()
	if ok && other != id {
		c.fail("election safety: nodes %d and %d both led in term %d", other, id, standing.Term)
	}
}

// agree checks that whatever is applied at an index is the same everywhere (state machine safety).
func (c *faultCluster) agree(id core.NodeID, index uint64, command string) {
	c.mu.Lock()
	other, ok := c.agreed[index]
	c.agreed[index] = command
	c.mu.Unlock()
	if ok && other != command {
		c.fail("state machine safety: node %d applied %q at index %d, another %q", id, command, index, other)
	}
}

// snapshotEvery is after how many entries a store takes a snapshot.
const snapshotEvery = 200

// apply is what raft.WithApply calls.
func (s *store) apply(message raft.ApplyMsg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.moved.Broadcast()
	if message.Snapshot != nil {
		s.load(message.Snapshot.Index)
		return
	}
	for _, entry := range message.Entries {
		if entry.Index <= s.applied {
			continue // of a snapshot newer than the one that was asked for
		}
		if entry.Index != s.applied+1 {
			s.cluster.fail("node %d was given entry %d after %d", s.id, entry.Index, s.applied)
		}
		s.applied = entry.Index
		s.cluster.agree(s.id, entry.Index, string(entry.Data))
		if entry.Kind == core.EntryConfiguration {
			s.follow(entry.Entry)
		}
		if key, text, ok := strings.Cut(string(entry.Data), " "); ok && entry.Kind == core.EntryCommand {
			s.values[key] += text
			if t, ok := entry.Ticket.(appendTicket); ok {
				t <- appended{value: fingerprint{}.plus(s.values[key])}
			}
		}
		if entry.Index%snapshotEvery == 0 {
			s.snapshot(entry.Entry)
		}
	}
}

// follow keeps the membership for the next snapshot.
func (s *store) follow(entry raft.Entry) {
	configuration, err := core.DecodeConfiguration(entry.Data)
	if err != nil {
		s.cluster.fail("node %d: entry %d: %v", s.id, entry.Index, err)
	}
	s.configuration = configuration
}

func (s *store) load(index uint64) {
	meta, data := s.disk.Snapshot()
	if meta.Index < index {
		s.cluster.fail("node %d was told to load snapshot %d, its disk has %d", s.id, index, meta.Index)
		return
	}
	if meta.Index <= s.applied {
		return
	}
	s.applied, s.values, s.configuration = meta.Index, nil, meta.Configuration
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&s.values); err != nil {
		s.cluster.fail("node %d: snapshot %d: %v", s.id, meta.Index, err)
	}
}

func (s *store) snapshot(last raft.Entry) {
	var data bytes.Buffer
	if err := gob.NewEncoder(&data).Encode(s.values); err != nil {
		s.cluster.fail("node %d: %v", s.id, err)
	}
	meta := raft.SnapshotMeta{
		Position: core.Position{Index: last.Index, Term: last.Term}, Time: last.Time,
		Configuration: s.configuration,
	}
	s.disk.SaveSnapshot(meta, data.Bytes())
	s.raft.SnapshotTaken(meta)
}

// appendTicket waits for one append; its capacity is 1.
type appendTicket chan appended

type appended struct {
	value  fingerprint
	reason error
}

func (t appendTicket) Dropped(reason error) { t <- appended{reason: reason} }

// readTicket waits for the confirmation of a read; its capacity is 1.
type readTicket chan raft.ReadResult

func (t readTicket) Confirmed(result raft.ReadResult) { t <- result }

// append adds text to a key's value and returns what it is then.
func (s *store) append(key, text string) (fingerprint, error) {
	t := make(appendTicket, 1)
	s.raft.Propose([]byte(key+" "+text), t)
	result := <-t
	return result.value, result.reason
}

var errGone = errors.New("the node stopped")

// read returns a key's value, linearizably, from this very node.
func (s *store) read(key string) (string, error) {
	for {
		t := make(readTicket, 1)
		s.raft.Confirm(t, true)
		confirmed := <-t
		if confirmed.Err != nil {
			return "", confirmed.Err
		}
		s.mu.Lock()
		for s.applied < confirmed.Index && !s.stopped {
			s.moved.Wait()
		}
		value, gone := s.values[key], s.stopped
		s.mu.Unlock()
		if gone {
			return "", errGone
		}
		if confirmed.Until == 0 || s.raft.Clock().Mono() < confirmed.Until {
			return value, nil
		}
	}
}
