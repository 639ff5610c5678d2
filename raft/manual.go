package raft

import (
	"errors"
	"time"

	"redoubt/raft/core"
)

// Manual runs the workers of a node that has no goroutines of its own. Whoever builds a service on this package can
// so run a whole cluster of it in one goroutine, in virtual time, and repeat a run exactly: the node does what the
// same calls in the same order made it do before. The workers are those of a node from Make; only the
// waiting is the scheduler's.
//
// For a run to be repeatable, give the node WithClock, WithSeed and WithIncarnation, and a network and a persister
// that are deterministic. All calls to a node, its network and its persister come from one goroutine. Raft.Start and
// Raft.ReadIndex, which wait, cannot be used: Raft.Propose and Raft.Confirm take their place. None of the
// calls may be made from within a callback of the same node, save those that only hand something over
// (Propose, Confirm, ChangeMembership, SnapshotTaken, TransferLeadership). But while the service applies, other workers than
// ApplyWorker may be run, as long as the node has not failed.
//
// A crash is the dropping of the node: what its persister had made durable is what the next life begins with.
type Manual struct{ raft *Raft }

// MakeManual makes a node like Make, but starts no goroutine: the caller runs its workers. It needs WithApply.
//
// wake is called when a worker has something to do, and then not again for that worker until it is run. It may be
// called before MakeManual returns, and must do nothing but note the worker.
func MakeManual(peers []Peer, me NodeID, persister Persister, wake func(Worker), options ...Option) (*Raft, *Manual, error) {
	if wake == nil {
		return nil, nil, errors.New("raft: a manual node needs to wake its scheduler")
	}
	r, err := build(peers, me, persister, nil, wake, options)
	if err != nil {
		return nil, nil, err
	}
	return r, &Manual{r}, nil
}

// Run does one piece of what waits for a worker, and nothing if nothing does: a round of the loop, one write and
// sync of everything that can share it, one reading, one call of the service. It never blocks (if the
// service's apply does not). If more waits, wake has been called again when it returns. again, if not zero, asks
// for another call after so long: a full disk is tried again.
func (m *Manual) Run(w Worker) (again time.Duration) {
	m.raft.bells[w].answer()
	if m.raft.isStopping() {
		m.raft.endOnce()
		return 0
	}
	return m.raft.work(w)
}

// Tick tells the node that a tick of its clock has passed, as a node from Make learns at each interval of WithTick.
func (m *Manual) Tick() {
	if !m.raft.isStopping() {
		m.raft.tick()
	}
}

// Core returns the node's core, for a simulation to check. It must only be looked at, and not while Run or Tick runs.
func (m *Manual) Core() *core.Core { return m.raft.core }

// Queued is how much waits for each worker of a node.
type Queued struct {
	// Messages and Proposals wait for the loop, or were held back by it; Bytes is the size of all those proposals.
	Messages, Proposals int
	Bytes               int64
	// DiskJobs and Reads wait for the disk worker and the reader, Applies for the service.
	DiskJobs, Reads, Applies int
}

// Queued returns what waits now, for a simulation to check that it is bounded.
func (m *Manual) Queued() Queued {
	r := m.raft
	messages, proposals := r.inbox.figures()
	return Queued{
		Messages:  messages,
		Proposals: proposals + len(r.held),
		Bytes:     r.waitingBytes.Load(),
		DiskJobs:  r.disk.len(),
		Reads:     r.reads.len(),
		Applies:   r.applies.len() + len(r.undelivered),
	}
}

// endOnce ends a manual node; one from Make ends with its loop.
func (r *Raft) endOnce() {
	select {
	case <-r.done:
	default:
		r.end()
	}
}
