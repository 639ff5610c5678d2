package sim

import (
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"redoubt/raft"
	"redoubt/raft/core"
)

// print is what the checkers keep of a log entry.
type print struct {
	term uint64
	sum  uint64
}

// shadow is what a disk's log must hold, kept beside it from what the node was told: Save returned, so it is there. A
// restarted node's log is held against it, and so is what nodes tell each other about theirs.
type shadow struct {
	// base is the position before the first of entries.
	base core.Position
	// entries are durable, and hard is.
	entries []print
	hard    core.HardState
	// pending are increments that need not survive a loss of power, oldest first.
	pending []increment
	// configurations are those in the log, the first of them at or before its base.
	configurations []located
	// installing is the snapshot whose installation a crash may have cut short.
	installing core.SnapshotMeta
	// installed is the index of the newest that was installed.
	installed uint64
}

// increment is what one Save brought: entries that continue the log or replace its end.
type increment struct {
	hard    core.HardState
	first   uint64
	entries []print
}

// located is a configuration and the index of its entry.
type located struct {
	index         uint64
	configuration core.Configuration
}

func newShadow() *shadow { return &shadow{} }

// last returns the index of the last durable entry.
func (s *shadow) last() uint64 { return s.base.Index + uint64(len(s.entries)) }

// holds tells whether the entry at a position is durable.
func (s *shadow) holds(at core.Position) bool {
	if at.Index <= s.base.Index {
		return true // what is below the base is committed, and a snapshot has it
	}
	return at.Index <= s.last() && s.entries[at.Index-s.base.Index-1].term == at.Term
}

// has tells whether the entry at a position is in the log, durable or not.
func (s *shadow) has(at core.Position) bool {
	for i := len(s.pending) - 1; i >= 0; i-- {
		p := &s.pending[i]
		if len(p.entries) == 0 || at.Index < p.first {
			continue
		}
		return at.Index < p.first+uint64(len(p.entries)) && p.entries[at.Index-p.first].term == at.Term
	}
	return s.holds(at)
}

// written is the hard state that was written last, durable or not.
func (s *shadow) written() core.HardState {
	if n := len(s.pending); n > 0 {
		return s.pending[n-1].hard
	}
	return s.hard
}

// settle makes all that is pending durable.
func (s *shadow) settle() {
	for _, p := range s.pending {
		s.hard = p.hard
		if len(p.entries) == 0 || p.first <= s.base.Index {
			continue
		}
		keep := min(p.first-s.base.Index-1, uint64(len(s.entries)))
		s.entries = append(s.entries[:keep], p.entries...)
	}
	s.pending = s.pending[:0]
}

// cut forgets what lies before the first index that the log still holds.
func (s *shadow) cut(first uint64) {
	if first <= s.base.Index+1 || first > s.last()+1 {
		return
	}
	n := first - s.base.Index - 1
	s.base = core.Position{Index: first - 1, Term: s.entries[n-1].term}
	s.entries = append([]print(nil), s.entries[n:]...)
	for len(s.configurations) > 1 && s.configurations[1].index < first {
		s.configurations = s.configurations[1:]
	}
}

// reset is an installed snapshot.
func (s *shadow) reset(meta core.SnapshotMeta) {
	s.settle()
	s.base, s.entries, s.installed = meta.Position, s.entries[:0], meta.Index
	s.configurations = []located{{meta.Index, meta.Configuration}}
}

// configure takes in the configurations among new entries.
func (s *shadow) configure(entries []core.Entry) {
	if len(entries) == 0 {
		return
	}
	n := len(s.configurations)
	for n > 0 && s.configurations[n-1].index >= entries[0].Index {
		n--
	}
	s.configurations = s.configurations[:n]
	for i := range entries {
		if e := &entries[i]; e.Kind == core.EntryConfiguration {
			if c, err := core.DecodeConfiguration(e.Data); err == nil {
				s.configurations = append(s.configurations, located{e.Index, c})
			}
		}
	}
}

// versions calls see with every version of the entry at an index that the disk may hold.
func (s *shadow) versions(index uint64, see func(print)) {
	if index > s.base.Index && index <= s.last() {
		see(s.entries[index-s.base.Index-1])
	}
	for _, p := range s.pending {
		if index >= p.first && index < p.first+uint64(len(p.entries)) {
			see(p.entries[index-p.first])
		}
	}
}

// certain returns the last index that the log must reach, whatever was lost of what is pending.
func (s *shadow) certain() uint64 {
	last := s.last()
	for _, p := range s.pending {
		if len(p.entries) > 0 {
			last = min(last, p.first-1)
		}
	}
	return last
}

// found holds a restarted node's log against the shadow, and then is what was found. It returns what is wrong.
func (s *shadow) found(state raft.State, entries []core.Entry) error {
	if err := s.compareHard(state.HardState); err != nil {
		return err
	}
	installed := s.installing.Index > 0 && state.Snapshot.Index >= s.installing.Index
	if certain := s.certain(); state.Last.Index < certain && !installed {
		return fmt.Errorf("the log ends at %d after a restart; %d was durable", state.Last.Index, certain)
	}
	for i := range entries {
		e, known := &entries[i], false
		if e.Index <= s.base.Index {
			continue
		}
		now := printOf(e)
		s.versions(e.Index, func(p print) { known = known || p == now })
		if !known {
			return fmt.Errorf("entry %d of the log holds after a restart what was never written there (term %d)", e.Index, e.Term)
		}
	}
	s.pending, s.installing = s.pending[:0], core.SnapshotMeta{}
	s.hard = state.HardState
	s.base = core.Position{Index: state.FirstIndex - 1}
	if state.FirstIndex == state.Snapshot.Index+1 {
		s.base = state.Snapshot.Position
	}
	s.entries = s.entries[:0]
	for i := range entries {
		s.entries = append(s.entries, printOf(&entries[i]))
	}
	return nil
}

// compareHard checks that term and vote did not go back.
func (s *shadow) compareHard(have core.HardState) error {
	if have.Term < s.hard.Term {
		return fmt.Errorf("term %d after a restart; %d was durable", have.Term, s.hard.Term)
	}
	if have.Term == s.hard.Term && s.hard.Vote != core.None && have.Vote != s.hard.Vote {
		return fmt.Errorf("vote for %d in term %d after a restart; the one for %d was durable", have.Vote, have.Term, s.hard.Vote)
	}
	return nil
}

func printOf(e *core.Entry) print {
	return print{term: e.Term, sum: xxhash.Sum64(e.Data) ^ uint64(e.Time)<<8 ^ uint64(e.Kind)}
}

// termAt returns the term of the entry at an index, durable or not, or zero if it is not held.
func (s *shadow) termAt(index uint64) uint64 {
	if index == s.base.Index {
		return s.base.Term
	}
	term := uint64(0)
	s.versions(index, func(p print) { term = p.term }) // the newest comes last
	return term
}

// newest returns the position of the last entry, durable or not, and the term and vote that go with it.
func (s *shadow) newest() (core.Position, core.HardState) {
	last, hard := s.last(), s.hard
	for _, p := range s.pending {
		hard = p.hard
		if len(p.entries) > 0 {
			last = p.first + uint64(len(p.entries)) - 1
		}
	}
	return core.Position{Index: last, Term: s.termAt(last)}, hard
}

// configuration returns the newest in the log.
func (s *shadow) configuration() located { return s.configurations[len(s.configurations)-1] }

// configurationBefore returns the configuration under which the entry at an index was appended.
func (s *shadow) configurationBefore(index uint64) core.Configuration {
	for _, l := range slices.Backward(s.configurations) {
		if l.index < index {
			return l.configuration
		}
	}
	return s.configurations[0].configuration
}
