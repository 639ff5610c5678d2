package raft

import "redoubt/raft/core"

// readRound is one confirmation round, shared by all the reads that arrived before it began.
type readRound struct {
	id   uint64
	done chan struct{} // closed when index and err are set

	index uint64
	err   error
}

func (round *readRound) finish(index uint64, err error) {
	round.index, round.err = index, err
	close(round.done)
}

// ReadIndex confirms that this node leads and returns the read index: a state machine that has applied the
// log up to it shows every command acknowledged, by any node, before this call (thesis §6.4). No clock
// is trusted. All reads that arrive together share one round.
//
// Errors: ErrNotLeader if the node does not lead, or lost leadership first; ErrStopped.
func (r *Raft) ReadIndex() (uint64, error) {
	if r.standing.Load().Role != core.Leader {
		return 0, ErrNotLeader
	}
	round, ok := r.inbox.joinRound()
	if !ok {
		return 0, ErrStopped
	}
	<-round.done
	return round.index, round.err
}

// beginRound hands a gathered round to the core.
func (r *Raft) beginRound(round *readRound) {
	r.nextID++
	round.id = r.nextID
	r.rounds = append(r.rounds, round)
	r.step(core.Read{ID: round.id})
}

// endRound wakes the reads of a round that was confirmed or refused.
func (r *Raft) endRound(result core.ReadResult) {
	for i, round := range r.rounds {
		if round.id != result.ID {
			continue
		}
		r.rounds = append(r.rounds[:i], r.rounds[i+1:]...)
		if result.Refusal != core.Accepted {
			round.finish(0, refusalError(result.Refusal))
		} else {
			round.finish(result.Index, nil)
		}
		return
	}
	panic("BUG: raft: the core answered a read that was not asked")
}
