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
// them. It replaces a channel per kind: adding costs a mutex. Whoever adds calls knock or hurry afterwards.
type inbox struct {
	mu     sync.Mutex
	closed bool
	// filled: something waits.
	filled bool
	letter letters
}

// letters is the content of an inbox, by kind.
type letters struct {
	messages  []core.Receive
	proposals []proposal
	// readers wait to begin a round; those of forwarded do so on a node that follows, too.
	readers, forwarded []Reader
	changes            []pendingChange
	inputs             []core.Input
	calls              []func()
	persisted          uint64 // highest Persist.Seq that is durable
	applied            uint64 // highest index that the service was given
}

// add runs change under the lock. It reports false once the inbox is closed.
func (in *inbox) add(change func(*letters)) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return false
	}
	change(&in.letter)
	in.filled = true
	return true
}

// waits reports whether something waits for the loop.
func (in *inbox) waits() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.filled
}

// addMessage drops the message when too many wait: Raft heals what a network loses.
func (in *inbox) addMessage(m core.Message, instance uint64) {
	in.add(func(l *letters) {
		if len(l.messages) < maxWaitingMessages {
			l.messages = append(l.messages, core.Receive{Message: m, Instance: instance})
		}
	})
}

func (in *inbox) addProposal(p proposal) bool {
	return in.add(func(l *letters) { l.proposals = append(l.proposals, p) })
}

func (in *inbox) addReader(reader Reader, forward bool) bool {
	return in.add(func(l *letters) {
		if forward {
			l.forwarded = append(l.forwarded, reader)
		} else {
			l.readers = append(l.readers, reader)
		}
	})
}

func (in *inbox) addChange(c pendingChange) bool {
	return in.add(func(l *letters) { l.changes = append(l.changes, c) })
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

// figures returns how many messages and proposals wait.
func (in *inbox) figures() (messages, proposals int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.letter.messages), len(in.letter.proposals)
}

// take exchanges the content for an empty one whose slices may be reused.
func (in *inbox) take(empty letters) letters {
	in.mu.Lock()
	defer in.mu.Unlock()
	full := in.letter
	in.letter, in.filled = empty, false
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
	clear(l.readers)
	clear(l.forwarded)
	clear(l.changes)
	clear(l.inputs)
	clear(l.calls)
	*l = letters{
		messages: l.messages[:0], proposals: l.proposals[:0], readers: l.readers[:0], forwarded: l.forwarded[:0],
		changes: l.changes[:0], inputs: l.inputs[:0], calls: l.calls[:0],
	}
}
