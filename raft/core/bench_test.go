package core

import "testing"

// BenchmarkPropose measures the leader's way of one proposal of three voters: append, answers of
// both peers, own disk, commit, apply.
func BenchmarkPropose(b *testing.B) {
	s := newSingle(b, 3, HardState{}, nil)
	s.leadCommitted()
	commands := [][]byte{make([]byte, 100)}
	b.ReportAllocs()
	for b.Loop() {
		s.Step(Propose{Mono: 2000, Commands: commands})
		last := s.LastIndex()
		s.Step(Persisted{Seq: s.disk.seq})
		s.receive(AppendReply{Envelope: from(2, 1), Match: last})
		s.receive(AppendReply{Envelope: from(3, 1), Match: last})
		s.Step(Applied{Index: last})
	}
}

// BenchmarkFollow measures a follower's way of one entry: append, own disk, apply.
func BenchmarkFollow(b *testing.B) {
	s := newSingle(b, 3, HardState{Term: 1}, nil)
	s.receive(HeartbeatRequest{Envelope: from(2, 1)})
	data := make([]byte, 100)
	index := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		index++
		term := uint64(1)
		if index == 1 {
			term = 0
		}
		s.receive(AppendRequest{
			Envelope: from(2, 1), Prev: Position{index - 1, term}, Commit: index - 1,
			Entries: []Entry{{Index: index, Term: 1, Kind: EntryCommand, Data: data}},
		})
		s.Step(Persisted{Seq: s.disk.seq})
		s.Step(Applied{Index: s.apply.delivered})
	}
}

// BenchmarkRead measures a read index with its round.
func BenchmarkRead(b *testing.B) {
	s := newSingle(b, 3, HardState{}, nil)
	s.leadCommitted()
	id := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		id++
		s.Step(Read{ID: id})
		s.receive(HeartbeatReply{Envelope: from(2, 1), Round: s.round})
	}
}
