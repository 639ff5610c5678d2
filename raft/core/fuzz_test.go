package core

import (
	"fmt"
	"strings"
	"testing"
)

// bytesReader draws small numbers from fuzz input, and zero when it ends.
type bytesReader []byte

func (b *bytesReader) next() uint64 {
	if len(*b) == 0 {
		return 0
	}
	v := uint64((*b)[0])
	*b = (*b)[1:]
	if v >= 250 {
		return ^uint64(0) - (v - 250) // the far end of the range
	}
	return v % 12
}

func (b *bytesReader) position() Position { return Position{b.next(), b.next()} }

func (b *bytesReader) entries() []Entry {
	entries := make([]Entry, b.next()%5)
	index, term := b.next(), b.next()
	for i := range entries {
		entries[i] = Entry{Index: index + uint64(i), Term: term, Kind: EntryKind(1 + b.next()%4), Time: int64(b.next())}
		if entries[i].Kind == EntryConfiguration {
			entries[i].Data = AppendConfiguration(nil, b.configuration())
		}
		if b.next() == 0 {
			term++
		}
	}
	return entries
}

// configuration draws any configuration that decodes, whether it makes sense or not.
func (b *bytesReader) configuration() Configuration {
	c := Configuration{Members: make([]Member, b.next()%5)}
	for i := range c.Members {
		flags := b.next()
		c.Members[i] = Member{
			ID: NodeID(i + 1), Voter: flags&1 != 0, OldVoter: flags&2 != 0, Promote: flags&7 == 4, Instance: b.next() % 3,
		}
	}
	if highest := NodeID(b.next()); highest >= c.highestID() {
		c.HighestID = highest
	}
	return c
}

// change draws any change of the membership.
func (b *bytesReader) change() Change {
	return Change{
		Kind: ChangeKind(b.next() % 6), ID: NodeID(b.next()), Address: "address"[:b.next()%3],
		Instance: b.next() % 3, Promote: b.next()%2 == 0,
	}
}

// message draws any message to node 1.
func (b *bytesReader) message() Message {
	env := Envelope{From: NodeID(b.next()%4 + 1), To: 1, Term: b.next()}
	switch b.next() {
	case 0:
		return PreVoteRequest{Envelope: env, Last: b.position()}
	case 1:
		return PreVoteReply{Envelope: env, Granted: b.next()%2 == 0, Current: b.next()}
	case 2:
		return VoteRequest{Envelope: env, Last: b.position(), Transfer: b.next()%2 == 0}
	case 3:
		return VoteReply{Envelope: env, Granted: b.next()%2 == 0, Wall: int64(b.next())}
	case 4:
		return AppendReply{Envelope: env, Match: b.next(), Round: b.next()}
	case 5:
		return AppendReject{Envelope: env, Prev: b.position(), Hint: b.position(), Round: b.next()}
	case 6:
		return HeartbeatRequest{Envelope: env, Commit: b.next(), Round: b.next()}
	case 7:
		return HeartbeatReply{Envelope: env, Round: b.next()}
	case 8:
		data := make([]byte, b.next()%6)
		return SnapshotChunk{Envelope: env, Meta: SnapshotMeta{Position: b.position(), Configuration: b.configuration()}, Size: int64(b.next()), Offset: int64(b.next()), Data: data, Checksum: Checksum(data)}
	case 9:
		return SnapshotReply{Envelope: env, Index: b.next(), Next: int64(b.next()), Installed: b.next()%2 == 0}
	case 10:
		switch b.next() % 3 {
		case 0:
			return ReadRequest{Envelope: env, ID: b.next()}
		case 1:
			return ReadReply{Envelope: env, ID: b.next(), Index: b.next(), Refused: b.next()%2 == 0}
		default:
			return TimeoutNow{Envelope: env}
		}
	default:
		return AppendRequest{Envelope: env, Prev: b.position(), Entries: b.entries(), Commit: b.next(), Round: b.next()}
	}
}

// FuzzReceive (run it with -fuzzminimizetime=1x: inputs are long and minimizing them takes minutes).
//
// Whatever peers send, in whatever role, a node neither panics nor commits what it does
// not have. The one exception is a leader that lacks what is committed: there safety has ended, and
// the node must stop.
func FuzzReceive(f *testing.F) {
	f.Add([]byte("a core that is fed anything"))
	f.Add([]byte{1, 2, 11, 0, 0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 0, 200, 201, 202, 203})
	f.Fuzz(func(t *testing.T, data []byte) {
		defer func() {
			if p := recover(); p != nil && !strings.Contains(fmt.Sprint(p), "committed") {
				panic(p)
			}
		}()
		b := bytesReader(data)
		s := newSingleFrom(t, Config{
			ID: 1, Configuration: voters(3), HardState: HardState{Term: 2, Commit: 1}, Tail: logOf(1, 2), Last: Position{2, 2},
			LeaseMillis: int64(10 * (b.next() % 8)), Instance: b.next() % 2,
		})
		for len(b) > 0 {
			var e Effects
			switch b.next() {
			case 0:
				e = s.tick()
			case 1:
				e = s.flush()
			case 2:
				e = s.Step(Propose{Commands: [][]byte{[]byte("a")}})
			case 3:
				e = s.Step(Read{ID: uint64(len(b)), Mono: s.mono, Forward: b.next()%2 == 0})
			case 4:
				index := s.apply.delivered
				if s.incoming.asked {
					index = s.incoming.meta.Index // loaded before it is said to be installed
				}
				e = s.Step(Applied{Index: index})
			case 5:
				if s.incoming.asked {
					index := s.incoming.meta.Index
					e = s.Step(SnapshotInstalled{Index: index, OK: b.next()%2 == 0 || s.apply.applied == index}) // what is loaded was sound
				}
			case 6:
				for range 20 {
					s.tick()
				}
			case 7:
				e = s.Step(ChangeMembership{ID: uint64(len(b)), Mono: s.mono, Change: b.change()})
			case 8:
				e = s.Step(Transfer{To: NodeID(b.next())})
			default:
				e = s.Step(Receive{Message: b.message(), Instance: b.next() % 3})
			}
			for _, r := range e.ReadLog {
				s.Step(LogRead{Request: r, Entries: logOf(1)[:min(1, r.From%2)]})
				if r.Peer == None {
					return // its answer was made up
				}
			}
			for _, r := range e.ReadSnapshot {
				s.Step(SnapshotRead{Request: r, Meta: s.snapshot, Size: 3, Data: []byte("abc")})
			}
			if s.commit > s.LastIndex() || s.Durable() > s.LastIndex() || s.apply.delivered > s.commit {
				t.Fatalf("last %d, durable %d, commit %d, delivered %d", s.LastIndex(), s.Durable(), s.commit, s.apply.delivered)
			}
		}
	})
}
