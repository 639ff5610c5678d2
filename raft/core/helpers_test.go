package core

import (
	"fmt"
	"strings"
	"testing"
)

// single wraps one core, to be fed by hand.
type single struct {
	t testing.TB
	*Core
	mono int64
}

// voters returns a configuration of voters 1..n.
func voters(n int) Configuration {
	var c Configuration
	for i := range n {
		c.Members = append(c.Members, Member{ID: NodeID(i + 1), Voter: true})
	}
	return c
}

// logOf returns a log whose entries have the given terms, from index 1.
func logOf(terms ...uint64) []Entry {
	var entries []Entry
	for i, term := range terms {
		entries = append(entries, Entry{Index: uint64(i + 1), Term: term, Kind: EntryCommand, Time: int64(i)})
	}
	return entries
}

// newSingle returns node 1 of n voters, with the given log on disk and the hard state's term at
// least that of the log.
func newSingle(t testing.TB, n int, hard HardState, log []Entry) *single {
	config := Config{ID: 1, Configuration: voters(n), HardState: hard, Tail: log}
	if len(log) > 0 {
		config.Last = log[len(log)-1].position()
		config.HardState.Term = max(hard.Term, config.Last.Term)
	}
	return newSingleFrom(t, config)
}

func newSingleFrom(t testing.TB, config Config) *single {
	t.Helper()
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	s := &single{t: t, Core: c, mono: 1000}
	s.Step(Tick{Mono: s.mono, Wall: 5000})
	s.Step(Applied{Index: config.Snapshot.Index})
	return s
}

func (s *single) tick() Effects {
	s.mono += 10
	return s.Step(Tick{Mono: s.mono, Wall: s.mono + 4000})
}

// timeout ticks until the node does something about it.
func (s *single) timeout() Effects {
	s.t.Helper()
	for range 2 * s.config.ElectionTicks {
		if e := s.tick(); e.Status != nil && e.Status.Role == PreCandidate || len(e.Send) > 0 || s.role == Candidate {
			return e
		}
	}
	s.t.Fatal("no election within twice the election timeout")
	return Effects{}
}

func (s *single) receive(m Message) Effects { return s.Step(Receive{Message: m}) }

// flush acknowledges everything that was handed out to be persisted.
func (s *single) flush() Effects {
	if s.disk.acked == s.disk.seq {
		return Effects{}
	}
	return s.Step(Persisted{Seq: s.disk.seq})
}

// from returns an envelope to node 1.
func from(id NodeID, term uint64) Envelope { return Envelope{From: id, To: 1, Term: term} }

// stand brings the node to candidacy, with the pre-votes of the others but none of their votes.
func (s *single) stand() Effects {
	s.t.Helper()
	effects := s.timeout()
	for i := range s.peers {
		if id := s.peers[i].id; id != 1 && s.role == PreCandidate {
			effects = s.receive(PreVoteReply{Envelope: from(id, s.term+1), Granted: true})
		}
	}
	if s.role != Candidate {
		s.t.Fatalf("role %d after a quorum of pre-votes, want candidate", s.role)
	}
	return effects
}

// lead brings the node to leadership by every vote. Its first entry is not durable yet.
func (s *single) lead() Effects {
	s.t.Helper()
	s.stand()
	effects := s.flush()
	for i := range s.peers {
		if id := s.peers[i].id; id != 1 && s.role == Candidate {
			effects = s.receive(VoteReply{Envelope: from(id, s.term), Granted: true, Wall: 5000})
		}
	}
	if s.role != Leader {
		s.t.Fatalf("role %d after a quorum of votes, want leader", s.role)
	}
	return effects
}

// leadCommitted brings the node to leadership with everything committed and applied.
func (s *single) leadCommitted() {
	s.t.Helper()
	s.lead()
	s.flush()
	for i := range s.peers {
		if id := s.peers[i].id; id != 1 {
			s.receive(AppendReply{Envelope: from(id, s.term), Match: s.LastIndex()})
		}
	}
	if s.commit != s.LastIndex() {
		s.t.Fatalf("commit %d after every reply, want %d", s.commit, s.LastIndex())
	}
	s.Step(Applied{Index: s.apply.delivered})
}

// sent returns the messages of one kind.
func sent[M Message](messages []Message) []M {
	var found []M
	for _, m := range messages {
		if m, ok := m.(M); ok {
			found = append(found, m)
		}
	}
	return found
}

// then returns the messages that wait for a Persist.
func then(e Effects) []Message {
	if e.Persist == nil {
		return nil
	}
	return e.Persist.Then
}

func (s *single) wantRole(role Role, term uint64) {
	s.t.Helper()
	if s.role != role || s.term != term {
		s.t.Fatalf("%s of term %d, want %s of term %d", s.role.String(), s.term, role.String(), term)
	}
}

// wantBug runs f and demands that it panics as our own bugs do.
func wantBug(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if p := recover(); !strings.HasPrefix(fmt.Sprint(p), "BUG: ") {
			t.Fatalf("got %v, want a panic that says BUG", p)
		}
	}()
	f()
}
