package raft_test

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/raft/memnet"
)

// cluster runs nodes over an in-memory network. Each node's service keeps the list of all commands, and checks that
// no two nodes ever apply different commands at one index.
type cluster struct {
	t       *testing.T
	net     *memnet.Network
	peers   []raft.Peer
	nodes   map[raft.NodeID]*service
	options []raft.Option
	// snapshotEvery, when not zero, is after how many commands a service takes a snapshot.
	snapshotEvery int

	mu      sync.Mutex
	changed *sync.Cond
	agreed  map[uint64]string // command by index, whoever applied it first
	broken  error
}

// service is one node and what it has applied.
type service struct {
	raft      *raft.Raft
	persister *raft.MemoryPersister
	applied   uint64
	loaded    uint64 // the index of the newest snapshot that came from a leader
	commands  []string
}

func newCluster(t *testing.T, size int, options ...raft.Option) *cluster {
	t.Helper()
	c := &cluster{
		t:       t,
		net:     memnet.New(1),
		nodes:   make(map[raft.NodeID]*service),
		agreed:  make(map[uint64]string),
		options: append([]raft.Option{raft.WithTimeouts(20*time.Millisecond, 150*time.Millisecond)}, options...),
	}
	c.changed = sync.NewCond(&c.mu)
	for id := 1; id <= size; id++ {
		c.peers = append(c.peers, raft.Peer{ID: raft.NodeID(id)})
	}
	t.Cleanup(c.close)
	return c
}

// start runs all nodes.
func (c *cluster) start() *cluster {
	for _, p := range c.peers {
		c.run(p.ID, raft.NewMemoryPersister())
	}
	return c
}

func (c *cluster) close() {
	for id := range c.nodes {
		c.stop(id)
	}
	if err := c.net.Close(); err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		c.t.Error(c.broken)
	}
}

// run starts a node with what a persister remembers.
func (c *cluster) run(id raft.NodeID, persister *raft.MemoryPersister) {
	c.t.Helper()
	applyCh := make(chan raft.ApplyMsg)
	options := append(slices.Clone(c.options), raft.WithNetwork(c.net.Endpoint(id)))
	r, err := raft.Make(c.peers, id, persister, applyCh, options...)
	if err != nil {
		c.t.Fatal(err)
	}
	s := &service{raft: r, persister: persister}
	c.mu.Lock()
	c.nodes[id] = s
	c.mu.Unlock()
	go c.serve(s, applyCh)
}

// stop ends a node. What its persister holds stays.
func (c *cluster) stop(id raft.NodeID) *raft.MemoryPersister {
	c.mu.Lock()
	s := c.nodes[id]
	delete(c.nodes, id)
	c.mu.Unlock()
	s.raft.Stop()
	return s.persister.Copy()
}

func (c *cluster) restart(id raft.NodeID) { c.run(id, c.stop(id)) }

func (c *cluster) serve(s *service, applyCh <-chan raft.ApplyMsg) {
	for {
		select {
		case <-s.raft.Done():
			return
		case message := <-applyCh:
			c.apply(s, message)
		}
	}
}

func (c *cluster) apply(s *service, message raft.ApplyMsg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.changed.Broadcast()
	if message.Snapshot != nil {
		meta, data := s.persister.Snapshot()
		if meta.Index < message.Snapshot.Index {
			c.fail(fmt.Errorf("asked to load snapshot %d, the persister has %d", message.Snapshot.Index, meta.Index))
			return
		}
		s.commands, s.applied, s.loaded = nil, meta.Index, meta.Index
		if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&s.commands); err != nil {
			c.fail(err)
		}
		return
	}
	for _, entry := range message.Entries {
		if entry.Index <= s.applied {
			continue // covered by a snapshot newer than the one we were asked to load
		}
		if entry.Index != s.applied+1 {
			c.fail(fmt.Errorf("entry %d was delivered after entry %d", entry.Index, s.applied))
		}
		s.applied = entry.Index
		if entry.Kind != core.EntryCommand {
			continue
		}
		command := string(entry.Data)
		if other, ok := c.agreed[entry.Index]; ok && other != command {
			c.fail(fmt.Errorf("state machine safety: index %d is %q on one node and %q on another", entry.Index, other, command))
		}
		c.agreed[entry.Index] = command
		s.commands = append(s.commands, command)
		if c.snapshotEvery > 0 && len(s.commands)%c.snapshotEvery == 0 {
			c.snapshot(s, entry)
		}
	}
}

func (c *cluster) snapshot(s *service, entry raft.Committed) {
	var data bytes.Buffer
	if err := gob.NewEncoder(&data).Encode(s.commands); err != nil {
		c.fail(err)
	}
	meta := raft.SnapshotMeta{
		Position:      core.Position{Index: entry.Index, Term: entry.Term},
		Configuration: raft.InitialConfiguration(c.peers),
		Time:          entry.Time,
	}
	s.persister.SaveSnapshot(meta, data.Bytes())
	s.raft.SnapshotTaken(meta)
}

func (c *cluster) fail(err error) {
	if c.broken == nil {
		c.broken = err
	}
}

// await waits until holds, checked under the lock whenever something was applied or some time has passed.
func (c *cluster) await(what string, holds func() bool) {
	c.t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for limit := time.Now().Add(deadline); ; <-ticker.C {
		c.mu.Lock()
		ok, broken := holds(), c.broken
		c.mu.Unlock()
		if broken != nil {
			c.t.Fatal(broken)
		}
		if ok {
			return
		}
		if time.Now().After(limit) {
			c.t.Fatalf("did not happen within %v: %s", deadline, what)
		}
	}
}

// leader waits for a node among ids that leads in the highest term, and returns it.
func (c *cluster) leader(ids ...raft.NodeID) raft.NodeID {
	c.t.Helper()
	var leader raft.NodeID
	c.await("a leader is elected", func() bool {
		var highest uint64
		leader = 0
		for _, id := range ids {
			s, ok := c.nodes[id]
			if !ok {
				continue
			}
			term, leads := s.raft.GetState()
			if term > highest {
				highest, leader = term, 0
			}
			if leads && term == highest {
				leader = id
			}
		}
		return leader != 0
	})
	return leader
}

func (c *cluster) all() []raft.NodeID {
	var ids []raft.NodeID
	for _, p := range c.peers {
		ids = append(ids, p.ID)
	}
	return ids
}

// commit gets a command committed by the leader among ids, and applied by every one of ids. A command
// whose leader was lost is proposed again, so it may be there twice.
func (c *cluster) commit(command string, ids ...raft.NodeID) {
	c.t.Helper()
	limit := time.Now().Add(deadline)
	for time.Now().Before(limit) {
		c.mu.Lock()
		s := c.nodes[c.leaderNow(ids)]
		c.mu.Unlock()
		if s == nil {
			c.leader(ids...)
			continue
		}
		index, term, ok := s.raft.Start([]byte(command))
		if !ok {
			continue
		}
		if c.appliedBy(index, term, command, s, ids) {
			return
		}
	}
	c.t.Fatalf("%q was not committed and applied by %v within %v", command, ids, deadline)
}

func (c *cluster) leaderNow(ids []raft.NodeID) raft.NodeID {
	for _, id := range ids {
		if s, ok := c.nodes[id]; ok {
			if _, leads := s.raft.GetState(); leads {
				return id
			}
		}
	}
	return 0
}

// appliedBy waits until all ids have applied index, and reports whether it is the command. It gives up when the
// proposer's term is over and the entry has not come.
func (c *cluster) appliedBy(index, term uint64, command string, proposer *service, ids []raft.NodeID) bool {
	c.t.Helper()
	mine := true
	c.await(fmt.Sprintf("%v apply entry %d", ids, index), func() bool {
		done := true
		for _, id := range ids {
			s, ok := c.nodes[id]
			done = done && ok && s.applied >= index
		}
		if done {
			mine = c.agreed[index] == command
			return true
		}
		now, leads := proposer.raft.GetState()
		if now != term || !leads {
			mine = false
			return true
		}
		return false
	})
	return mine
}

func (c *cluster) appliedIndex(id raft.NodeID) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[id].applied
}

// others returns all ids but the given ones.
func (c *cluster) others(but ...raft.NodeID) []raft.NodeID {
	return slices.DeleteFunc(c.all(), func(id raft.NodeID) bool { return slices.Contains(but, id) })
}
