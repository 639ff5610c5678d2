package raft

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"redoubt/raft/core"
)

// Make starts a node and returns it.
//
//   - peers is the initial cluster, this node included. Every first member must be given the same. It is read
//     only by a node without a log; later the log says who is a member. A node that is to join a cluster that
//     exists is given none, and waits to be told.
//   - me is this node's id.
//   - persister is what the node remembers; it must belong to this node alone.
//   - applyCh receives committed commands and snapshots, in log order. Make's node sends and never closes it. It
//     may be nil with WithApply.
//
// The first message is the newest snapshot, if the persister has one. Until a snapshot has been taken in, a node votes
// and stores, and stands for no election: with WithApply until the call has returned, with applyCh until the message
// has been sent. Errors: a persister that cannot be
// read, peers without me, limits that make no sense, a network that does not start.
func Make(peers []Peer, me NodeID, persister Persister, applyCh chan<- ApplyMsg, options ...Option) (*Raft, error) {
	r, err := build(peers, me, persister, applyCh, nil, options)
	if err != nil {
		return nil, err
	}
	r.start()
	return r, nil
}

// build makes a node whose workers nobody runs yet, and opens its network. wake is nil where goroutines will run them.
func build(peers []Peer, me NodeID, persister Persister, applyCh chan<- ApplyMsg, wake func(Worker), set []Option) (*Raft, error) {
	opts := defaultOptions()
	for _, option := range set {
		option(&opts)
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	if applyCh == nil && opts.apply == nil {
		return nil, errors.New("raft: neither applyCh nor WithApply: nobody would apply what is committed")
	}
	state, err := persister.Load()
	if err != nil {
		return nil, fmt.Errorf("raft: load: %w", err)
	}
	config, err := coreConfig(peers, me, state, opts)
	if err != nil {
		return nil, err
	}
	machine, err := core.New(config)
	if err != nil {
		return nil, err
	}
	r := &Raft{
		me: me, persister: persister, network: opts.network, clock: opts.clock, log: opts.logger,
		tickInterval: opts.tick, limits: opts.limits, manual: wake != nil, made: time.Now(),
		stopping: make(chan struct{}), done: make(chan struct{}),
	}
	r.core, r.onStanding = machine, opts.onStanding
	r.prepare(wake)
	if !r.manual { // a timer keeps alive whatever it calls, and a manual node is simply dropped
		r.alarm = time.AfterFunc(math.MaxInt64, r.bells[LoopWorker].ring)
	}
	r.delivery = r.channelDelivery(applyCh)
	if opts.apply != nil {
		r.delivery = functionDelivery(opts.apply)
	}
	r.publish(machine.Status())
	if state.Snapshot.Index > 0 {
		r.applies.push(applyJob{snapshot: &state.Snapshot})
	}
	if err := r.connect(); err != nil {
		close(r.stopping)
		r.end()
		return nil, err
	}
	r.turning.Lock() // a peer may have been heard already
	r.tick()
	r.turning.Unlock()
	return r, nil
}

// prepare connects the workers' bells with what rings them.
func (r *Raft) prepare(wake func(Worker)) {
	for w := range r.bells {
		r.bells[w].token = make(chan struct{}, 1)
		if wake != nil {
			r.bells[w].wake = func() { wake(Worker(w)) }
		}
	}
	r.disk = newQueue[diskJob](&r.bells[DiskWorker])
	r.reads = newQueue[readJob](&r.bells[ReaderWorker])
	r.applies = newQueue[applyJob](&r.bells[ApplyWorker])
}

// coreConfig turns what was loaded and what was asked into the core's configuration.
func coreConfig(peers []Peer, me NodeID, state State, opts options) (core.Config, error) {
	configuration, at := state.Configuration, state.ConfigurationIndex
	if len(configuration.Members) == 0 {
		configuration, at = InitialConfiguration(peers), 0
		if _, ok := configuration.Member(me); !ok && len(peers) > 0 {
			return core.Config{}, fmt.Errorf("raft: node %d is not among the peers", me)
		}
	}
	if opts.network == nil && len(configuration.Members) != 1 {
		return core.Config{}, errors.New("raft: a cluster of several nodes needs WithNetwork")
	}
	return core.Config{
		ID:                  me,
		Configuration:       configuration,
		ConfigurationIndex:  at,
		HardState:           state.HardState,
		Snapshot:            state.Snapshot,
		FirstIndex:          state.FirstIndex,
		Tail:                state.Tail,
		Last:                state.Last,
		ElectionTicks:       opts.ticks(opts.electionTimeout),
		HeartbeatTicks:      opts.ticks(opts.heartbeatInterval),
		MaxEntryBytes:       opts.limits.EntryBytes,
		MaxAppendBytes:      opts.limits.AppendBytes,
		MaxInflightBytes:    opts.limits.InflightBytes,
		MaxInflightMessages: opts.limits.InflightMessages,
		MaxUncommittedBytes: opts.limits.UncommittedBytes,
		MaxTailBytes:        opts.limits.TailBytes,
		SnapshotChunkBytes:  opts.limits.SnapshotChunkBytes,
		Instance:            opts.instance,
		Incarnation:         opts.incarnation,
		LeaseMillis:         opts.leaseMillis(),
		Seed:                opts.seed,
	}, nil
}

// InitialConfiguration is the membership of a new cluster: every peer votes.
func InitialConfiguration(peers []Peer) Configuration {
	members := make([]core.Member, 0, len(peers))
	for _, peer := range peers {
		members = append(members, core.Member{ID: peer.ID, Address: peer.Address, Voter: true})
	}
	slices.SortFunc(members, func(a, b core.Member) int { return cmp.Compare(a.ID, b.ID) })
	return core.Configuration{Members: members}
}
