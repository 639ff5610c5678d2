package raft

import (
	"sync"

	"redoubt/raft/core"
)

// maxWaitingMessages bounds the peers' messages that wait for the loop. Entries in them are bounded
// in bytes by the leader's window.
const maxWaitingMessages = 4096

// inbox gathers what happens to the node until the loop comes for it. Everything that waits is
// taken at once, so that however many connections propose, one append, one write and one sync carry
// them. It replaces a channel per kind: adding costs a mutex, and at most one wake-up per round of the loop.
type inbox struct {
	wake chan struct{} // capacity 1

	mu     sync.Mutex
	closed bool
	letter letters
}

// letters is the content of an inbox, by kind.
type letters struct {
	messages  []core.Message
	proposals []proposal
	round     *readRound // the reads that wait to begin a round, or nil
	inputs    []core.Input
	calls     []func()
	persisted uint64 // highest Persist.Seq that is durable
	applied   uint64 // highest index delivered to applyCh
}

type proposal struct {
	command []byte
	ticket  Ticket
}

// add runs change under the lock and wakes the loop. It reports false once the inbox is closed.
func (in *inbox) add(change func(*letters)) bool {
	in.mu.Lock()
	if in.closed {
		in.mu.Unlock()
		return false
	}
	change(&in.letter)
	in.mu.Unlock()
	in.ring()
	return true
}

func (in *inbox) ring() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// addMessage drops the message when too many wait: Raft heals what a network loses.
func (in *inbox) addMessage(m core.Message) bool {
	return in.add(func(l *letters) {
		if len(l.messages) < maxWaitingMessages {
			l.messages = append(l.messages, m)
		}
	})
}

func (in *inbox) addProposal(p proposal) bool {
	return in.add(func(l *letters) { l.proposals = append(l.proposals, p) })
}

func (in *inbox) addInput(i core.Input) bool {
	return in.add(func(l *letters) { l.inputs = append(l.inputs, i) })
}

func (in *inbox) addCall(f func()) bool {
	return in.add(func(l *letters) { l.calls = append(l.calls, f) })
}

func (in *inbox) addPersisted(seq uint64) bool {
	return in.add(func(l *letters) { l.persisted = seq })
}

func (in *inbox) addApplied(index uint64) bool {
	return in.add(func(l *letters) { l.applied = max(l.applied, index) })
}

// joinRound returns the read round that waits to begin, making it if there is none.
func (in *inbox) joinRound() (round *readRound, ok bool) {
	ok = in.add(func(l *letters) {
		if l.round == nil {
			l.round = &readRound{done: make(chan struct{})}
		}
		round = l.round
	})
	return round, ok
}

// take exchanges the content for an empty one whose slices may be reused.
func (in *inbox) take(empty letters) letters {
	in.mu.Lock()
	defer in.mu.Unlock()
	full := in.letter
	in.letter = empty
	return full
}

// close refuses whatever comes later and returns what is there.
func (in *inbox) close() letters {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	full := in.letter
	in.letter = letters{}
	return full
}

// reset empties letters for reuse, so that nothing taken is kept alive.
func (l *letters) reset() {
	clear(l.messages)
	clear(l.proposals)
	clear(l.inputs)
	clear(l.calls)
	*l = letters{
		messages: l.messages[:0], proposals: l.proposals[:0], inputs: l.inputs[:0], calls: l.calls[:0],
	}
}
