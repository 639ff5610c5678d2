package raft

import "redoubt/raft/core"

// Reader waits for the confirmation of a read.
type Reader interface {
	// Confirmed is called exactly once, from the node's loop (by Confirm itself if the node has stopped or too
	// many wait), and must not block.
	Confirmed(ReadResult)
}

// ReadResult tells a Reader from which index on its read is linearizable.
type ReadResult struct {
	// Index is the read index: a state machine that has applied the log up to it shows every command acknowledged,
	// by any node, before the read was asked for (thesis §6.4).
	Index uint64
	// Until is zero, or the time in milliseconds of the node's Clock.Mono at which the lease ends that confirmed
	// the read: what was read counts only if the clock is still before it after the reading. See WithLeases.
	Until int64
	// Err is nil, ErrNotLeader (the node does not lead or lost leadership first, or no leader answered a
	// forwarded read), ErrOverloaded or ErrStopped.
	Err error
}

// maxWaitingReads bounds the readers that wait at once.
const maxWaitingReads = 1 << 20

// readRound is one confirmation, shared by all the readers that arrived before it began.
type readRound struct {
	id      uint64
	readers []Reader
}

// Confirm asks that a linearizable read be confirmed: that this node leads, or, with forward on a node that
// follows, that the leader says so on its behalf. It returns at once. No clock is trusted, save with WithLeases.
// All that ask together share one round.
func (r *Raft) Confirm(reader Reader, forward bool) {
	if r.waitingReads.Add(1) > maxWaitingReads {
		r.waitingReads.Add(-1)
		reader.Confirmed(ReadResult{Err: ErrOverloaded})
		return
	}
	if !r.inbox.addReader(reader, forward) {
		reader.Confirmed(ReadResult{Err: ErrStopped})
		return
	}
	r.knock()
}

// ReadIndex confirms that this node leads and returns the read index: see Confirm and ReadResult. It waits for the
// round, and for as long as the leader can be in doubt.
//
// Errors: ErrNotLeader if the node does not lead, or lost leadership first; ErrOverloaded; ErrStopped.
func (r *Raft) ReadIndex() (uint64, error) {
	r.mayWait("ReadIndex")
	if r.standing.Load().Role != core.Leader {
		return 0, ErrNotLeader
	}
	reader := make(waitingReader, 1)
	r.Confirm(reader, false)
	for {
		result := <-reader
		if result.Until == 0 || r.clock.Mono() < result.Until {
			return result.Index, result.Err
		}
		// The lease ended before this goroutine ran: the index may be too old by now.
		r.Confirm(reader, false)
	}
}

// waitingReader serves ReadIndex.
type waitingReader chan ReadResult

func (c waitingReader) Confirmed(result ReadResult) { c <- result }

// beginRound hands the readers that wait to the core.
func (r *Raft) beginRound(readers []Reader, forward bool) {
	if len(readers) == 0 {
		return
	}
	round := &readRound{}
	if n := len(r.spareRounds); n > 0 {
		round, r.spareRounds = r.spareRounds[n-1], r.spareRounds[:n-1]
	}
	r.nextID++
	round.id = r.nextID
	round.readers = append(round.readers[:0], readers...)
	r.rounds = append(r.rounds, round)
	r.step(core.Read{ID: round.id, Mono: r.clock.Mono(), Forward: forward})
}

// endRound answers the readers of a round that was confirmed or refused.
func (r *Raft) endRound(result core.ReadResult) {
	for i, round := range r.rounds {
		if round.id != result.ID {
			continue
		}
		r.rounds = append(r.rounds[:i], r.rounds[i+1:]...)
		answer := ReadResult{Index: result.Index, Until: result.Until}
		if result.Refusal != core.Accepted {
			answer = ReadResult{Err: refusalError(result.Refusal)}
		}
		r.answerReaders(round.readers, answer)
		r.spareRound(round)
		return
	}
	panic("BUG: raft: the core answered a read that was not asked")
}

func (r *Raft) answerReaders(readers []Reader, result ReadResult) {
	r.waitingReads.Add(-int64(len(readers)))
	for _, reader := range readers {
		reader.Confirmed(result)
	}
}

const (
	// maxSpareRounds and maxSpareReaders bound what is kept for reuse.
	maxSpareRounds  = 4
	maxSpareReaders = 4096
)

// spareRound keeps an ended round's memory for another.
func (r *Raft) spareRound(round *readRound) {
	clear(round.readers)
	if len(r.spareRounds) < maxSpareRounds && cap(round.readers) <= maxSpareReaders {
		r.spareRounds = append(r.spareRounds, round)
	}
}
