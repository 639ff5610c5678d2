package fsm

import (
	"cmp"
	"math"
	"slices"
)

// sessionWindow is how many sequences of a session are told apart, counted back from the highest one that was
// used. A client may have so many commands under way, and they may come in any order.
const sessionWindow = 128

// sessionReplyMax is the size in bytes of the longest reply that is kept.
const sessionReplyMax = 64 << 10

// session is what is known about the commands of one client: those it ran under ONCE, and their replies. A
// session whose epoch is shared with a View is never changed, save for the fields that order it
// among the others, which a View does not read.
type session struct {
	id uint64
	// ttl is for how long it lives after it was last used, and active is when that was, both in log time milliseconds.
	ttl, active int64
	// used is the machine's count of uses at the last one: it orders sessions that were used at one instant.
	used uint64
	// top is the highest sequence that was run, or zero.
	top uint64
	// done are the sequences in the window that were run, ascending.
	done []outcome
	// bytes is the size of the replies in done.
	bytes int
	epoch uint32
	// dueAt is the session's place in the order of deadlines, and older and newer are its neighbours among those that
	// hold replies, ordered by their last use.
	dueAt        int
	older, newer *session
}

// outcome is a sequence that was run. It is run never again.
type outcome struct {
	sequence uint64
	// reply is the reply in canonical form, or empty if it was not kept.
	reply string
}

// deadline is when the session is gone, in log time milliseconds.
func (s *session) deadline() int64 {
	if s.active > math.MaxInt64-s.ttl {
		return math.MaxInt64
	}
	return s.active + s.ttl
}

// forgets reports whether a sequence lies below the window, where it is not known what was run.
func (s *session) forgets(sequence uint64) bool {
	return s.top >= sessionWindow && sequence <= s.top-sessionWindow
}

// find returns where a sequence stands or belongs in done.
func (s *session) find(sequence uint64) (at int, found bool) {
	return slices.BinarySearchFunc(s.done, sequence, func(o outcome, sequence uint64) int {
		return cmp.Compare(o.sequence, sequence)
	})
}

// add notes that a sequence was run, which the window covers or lies above, and moves the window.
func (s *session) add(sequence uint64, reply string) {
	if sequence > s.top {
		s.top = sequence
		below := 0
		for below < len(s.done) && s.forgets(s.done[below].sequence) {
			s.bytes -= len(s.done[below].reply)
			below++
		}
		s.done = slices.Delete(s.done, 0, below)
	}
	at, found := s.find(sequence)
	if found || s.forgets(sequence) {
		panic("BUG: fsm: a sequence was run twice, or below its window")
	}
	s.done = slices.Insert(s.done, at, outcome{sequence, reply})
	s.bytes += len(reply)
}

// evict lets go of the kept reply with the lowest sequence.
func (s *session) evict() {
	for i := range s.done {
		if n := len(s.done[i].reply); n > 0 {
			s.done[i].reply = ""
			s.bytes -= n
			return
		}
	}
	panic("BUG: fsm: session counts replies that it does not hold")
}
