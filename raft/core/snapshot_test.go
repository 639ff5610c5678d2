package core

import "testing"

// chunk returns a piece of a snapshot from leader 2 of term 5.
func chunk(index, term uint64, size, offset int64, data string) SnapshotChunk {
	return SnapshotChunk{
		Envelope: from(2, 5),
		Meta:     SnapshotMeta{Position: Position{index, term}, Configuration: voters(3), Time: 777},
		Size:     size, Offset: offset, Data: []byte(data), Checksum: Checksum([]byte(data)),
	}
}

// answerTo returns the answer to a chunk, whether it leaves at once or waits for the disk.
func answerTo(t *testing.T, e Effects) SnapshotReply {
	t.Helper()
	replies := append(sent[SnapshotReply](e.Send), sent[SnapshotReply](then(e))...)
	if len(replies) != 1 {
		t.Fatalf("answers %+v, want one", replies)
	}
	return replies[0]
}

// The pieces are checked and written in order; the log is replaced once no write is under way.
func TestSnapshotIsInstalledInOrder(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 5}, logOf(1, 1))
	e := s.receive(chunk(9, 4, 6, 0, "abc"))
	if r := answerTo(t, e); r.Next != 3 || r.Installed || len(e.WriteSnapshot) != 1 {
		t.Fatalf("first piece: %+v, writes %+v", r, e.WriteSnapshot)
	}
	for name, m := range map[string]SnapshotChunk{
		"a repeated piece": chunk(9, 4, 6, 0, "abc"),
		"a gap":            chunk(9, 4, 6, 4, "ef"),
		"an empty piece":   chunk(9, 4, 6, 3, ""),
		"a flipped bit":    {Envelope: from(2, 5), Meta: chunk(9, 4, 6, 0, "").Meta, Size: 6, Offset: 3, Data: []byte("dxf"), Checksum: Checksum([]byte("def"))},
	} {
		e = s.receive(m)
		if r := answerTo(t, e); r.Next != 3 || len(e.WriteSnapshot) != 0 {
			t.Errorf("%s: answered %+v, writes %+v; want it asked for again from 3", name, r, e.WriteSnapshot)
		}
	}
	// A write is under way: the image waits for it.
	s.receive(AppendRequest{Envelope: from(2, 5), Prev: Position{2, 1}, Entries: []Entry{{Index: 3, Term: 1, Kind: EntryNoop, Time: 9}}})
	if e = s.receive(chunk(9, 4, 6, 3, "def")); e.InstallSnapshot != nil || len(e.WriteSnapshot) != 1 {
		t.Fatalf("last piece: install %+v while an entry is being written", e.InstallSnapshot)
	}
	if e = s.flush(); e.InstallSnapshot == nil || e.InstallSnapshot.Meta.Index != 9 || e.InstallSnapshot.Size != 6 {
		t.Fatalf("install %+v", e.InstallSnapshot)
	}
	// Nothing is appended, applied or asked of the voters meanwhile (SCENARIO 14).
	e = s.receive(AppendRequest{Envelope: from(2, 5), Prev: Position{3, 1}, Entries: []Entry{{Index: 4, Term: 5, Kind: EntryNoop}}, Commit: 3})
	if e.Persist != nil || len(e.Send) != 0 || len(e.Apply) != 0 {
		t.Fatalf("%+v in the middle of an install", e)
	}
	for range 40 {
		s.tick()
	}
	s.wantRole(Follower, 5)
	e = s.Step(SnapshotInstalled{Index: 9, OK: true})
	if r := answerTo(t, e); !r.Installed || r.Index != 9 {
		t.Fatalf("answered %+v", r)
	}
	if s.commit != 9 || s.log.last() != (Position{9, 4}) || s.Durable() != 9 || s.log.lastTime() != 777 || len(s.Configuration().Members) != 3 || s.ConfigurationIndex() != 9 {
		t.Fatalf("commit %d, last %s, durable %d, time %d after the install", s.commit, s.log.last().text(), s.Durable(), s.log.lastTime())
	}
	e = s.receive(AppendRequest{Envelope: from(2, 5), Prev: Position{9, 4}, Entries: []Entry{{Index: 10, Term: 5, Kind: EntryNoop, Time: 778}}, Commit: 10})
	if s.LastIndex() != 10 || e.Persist == nil {
		t.Fatal("the log does not go on after the snapshot")
	}
}

// A node that loads a snapshot could serve nobody as a leader: it votes and stores, and stands for election once it has loaded,
// at once if nobody leads by then.
func TestNodeThatLoadsStandsForNoElection(t *testing.T) {
	meta := SnapshotMeta{Position: Position{9, 4}, Configuration: voters(3)}
	start := func() *single {
		c, err := New(Config{ID: 1, Configuration: voters(3), ConfigurationIndex: 9, HardState: HardState{Term: 5, Commit: 9}, Snapshot: meta, Last: meta.Position})
		if err != nil {
			t.Fatal(err)
		}
		return &single{t: t, Core: c, mono: 1000}
	}
	install := func() *single {
		s := newSingle(t, 3, HardState{Term: 5}, logOf(1, 1))
		s.receive(chunk(9, 4, 3, 0, "abc"))
		s.flush()
		s.Step(SnapshotInstalled{Index: 9, OK: true})
		s.flush()
		return s
	}
	early := func() *single { // the state machine was quicker than the word that it is to load
		s := newSingle(t, 3, HardState{Term: 5}, logOf(1, 1))
		s.receive(chunk(9, 4, 3, 0, "abc"))
		s.flush()
		s.Step(Applied{Index: 9})
		s.Step(SnapshotInstalled{Index: 9, OK: true})
		s.flush()
		return s
	}
	for name, load := range map[string]func() *single{"start": start, "install": install} {
		s := load()
		for range 100 {
			if s.tick(); s.role != Follower {
				t.Fatalf("%s: %s while it loads", name, s.role.String())
			}
		}
		if e := s.receive(TimeoutNow{Envelope: from(2, 5)}); s.role != Follower || len(sent[VoteRequest](e.Send)) != 0 {
			t.Fatalf("%s: it takes over while it loads", name)
		}
		for range 100 {
			s.tick()
		}
		e := s.receive(VoteRequest{Envelope: from(3, 6), Last: Position{9, 4}})
		if votes := sent[VoteReply](then(e)); len(votes) != 1 || !votes[0].Granted {
			t.Fatalf("%s: it does not vote while it loads: %+v", name, e)
		}
		s.flush()
		for range 100 {
			s.tick()
		}
		s.Step(Applied{Index: 9})
		if s.tick(); s.role != PreCandidate {
			t.Errorf("%s: %s when it has loaded and nobody leads", name, s.role.String())
		}
	}
	s := early()
	s.timeout()
	if s.role != PreCandidate {
		t.Errorf("%s after it had loaded early", s.role.String())
	}
}

// SCENARIO 23: "a snapshot at or below the commit index is ignored; one that matches the log keeps
// the suffix" (Raft figure 13). Both are answered, so that a lost answer wedges nobody (SCENARIO 29).
func TestSnapshotThatTheLogCoversIsNotInstalled(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 5, Commit: 2}, logOf(1, 1, 2, 2, 3))
	e := s.receive(chunk(2, 1, 3, 0, "abc"))
	if r := answerTo(t, e); !r.Installed || r.Index != 2 || len(e.WriteSnapshot) != 0 {
		t.Fatalf("at the commit index: %+v, writes %+v", r, e.WriteSnapshot)
	}
	e = s.receive(chunk(4, 2, 3, 0, "abc"))
	if r := answerTo(t, e); !r.Installed || r.Index != 4 || s.commit != 4 || s.LastIndex() != 5 {
		t.Fatalf("matching: %+v, commit %d, last %d; want 4 committed and the suffix kept", r, s.commit, s.LastIndex())
	}
	e = s.receive(chunk(5, 4, 3, 0, "abc"))
	if e.InstallSnapshot == nil {
		t.Fatal("one that does not match the log is to be installed")
	}
}

// A damaged image begins again; another leader's image too, for its bytes may be others.
func TestSnapshotBeginsAgain(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 5}, nil)
	s.receive(chunk(9, 4, 3, 0, "abc"))
	e := s.Step(SnapshotInstalled{Index: 9})
	if r := answerTo(t, e); r.Installed || r.Next != 0 || s.commit != 0 {
		t.Fatalf("damaged: answered %+v, commit %d", r, s.commit)
	}
	s.receive(chunk(9, 4, 6, 0, "abc"))
	other := chunk(9, 4, 6, 3, "def")
	other.Envelope = from(3, 6)
	e = s.receive(other)
	if r := answerTo(t, e); r.Next != 0 || len(e.WriteSnapshot) != 0 {
		t.Fatalf("another leader's piece was joined: %+v", r)
	}
}

// SCENARIO 28: the stream goes on where the follower is, after a broken connection, a restart of the
// follower, or a newer snapshot on the leader.
func TestSnapshotStreamResumes(t *testing.T) {
	s := newSingleFrom(t, Config{
		ID: 1, Configuration: voters(3), ConfigurationIndex: 9, SnapshotChunkBytes: 4, HardState: HardState{Term: 1},
		Snapshot: SnapshotMeta{Position: Position{9, 1}, Configuration: voters(3)}, Last: Position{9, 1},
	})
	s.lead()
	s.flush()
	s.receive(AppendReply{Envelope: from(2, 2), Match: 10})
	e := s.receive(AppendReject{Envelope: from(3, 2), Prev: Position{9, 1}, Hint: Position{0, 0}})
	want := func(index uint64, offset int64) ReadSnapshot {
		t.Helper()
		if len(e.ReadSnapshot) != 1 || e.ReadSnapshot[0] != (ReadSnapshot{Peer: 3, Term: 2, Index: index, Offset: offset, MaxBytes: 4}) {
			t.Fatalf("read snapshot %+v, want %d at %d", e.ReadSnapshot, index, offset)
		}
		return e.ReadSnapshot[0]
	}
	meta := s.snapshot
	e = s.Step(SnapshotRead{Request: want(0, 0), Meta: meta, Size: 12, Data: []byte("abcd")})
	if c := sent[SnapshotChunk](e.Send); len(c) != 1 || c[0].Offset != 0 || c[0].Checksum != Checksum([]byte("abcd")) {
		t.Fatalf("sent %+v", e.Send)
	}
	// It has part of the image from before.
	e = s.receive(SnapshotReply{Envelope: from(3, 2), Index: 9, Next: 8})
	s.Step(SnapshotRead{Request: want(9, 8), Meta: meta, Size: 12, Data: []byte("ijkl")})
	// The same answer twice does not double the stream.
	if e = s.receive(SnapshotReply{Envelope: from(3, 2), Index: 9, Next: 8}); len(e.ReadSnapshot) != 0 {
		t.Fatalf("a repeated answer reads again: %+v", e.ReadSnapshot)
	}
	// It restarted and lost everything.
	e = s.receive(SnapshotReply{Envelope: from(3, 2), Index: 9, Next: 0})
	newer := meta
	newer.Position = Position{10, 2}
	e = s.Step(SnapshotRead{Request: want(9, 0), Meta: newer, Size: 8, Data: []byte("ABCD")})
	if c := sent[SnapshotChunk](e.Send); len(c) != 1 || c[0].Meta.Index != 10 || c[0].Offset != 0 {
		t.Fatalf("sent %+v, want the newer snapshot from its start", e.Send)
	}
	e = s.receive(SnapshotReply{Envelope: from(3, 2), Index: 10, Next: 4})
	s.Step(SnapshotRead{Request: want(10, 4), Meta: newer, Size: 8, Data: []byte("EFGH")})
	// The last answer was lost; a heartbeat shows that the peer is there, and the piece is sent again.
	for range 5 {
		s.tick()
	}
	e = s.receive(HeartbeatReply{Envelope: from(3, 2)})
	s.Step(SnapshotRead{Request: want(10, 4), Meta: newer, Size: 8, Data: []byte("EFGH")})
	s.receive(SnapshotReply{Envelope: from(3, 2), Index: 10, Installed: true})
	if p := s.Progress()[1]; p.State != Replicating || p.Match != 10 || p.Next != 11 {
		t.Fatalf("progress %+v after the install", p)
	}
}

// A leader that has no snapshot to send waits, and asks again.
func TestMissingSnapshotIsAskedForAgain(t *testing.T) {
	s := newSingleFrom(t, Config{
		ID: 1, Configuration: voters(3), HardState: HardState{Term: 1},
		Snapshot: SnapshotMeta{Position: Position{9, 1}, Configuration: voters(3)}, Last: Position{9, 1},
	})
	s.lead()
	e := s.receive(AppendReject{Envelope: from(3, 2), Prev: Position{9, 1}})
	e = s.Step(SnapshotRead{Request: e.ReadSnapshot[0]})
	if len(e.Send) != 0 || len(e.ReadSnapshot) != 0 {
		t.Fatalf("%+v for a snapshot that is not there", e)
	}
	for range 5 {
		s.tick()
	}
	if e = s.receive(HeartbeatReply{Envelope: from(3, 2)}); len(e.ReadSnapshot) != 1 {
		t.Fatal("not asked again")
	}
}

// The answer to an installation may be late: the leader probes meanwhile, and goes on behind what is known to match.
func TestLateAnswerToAnInstallIsNotProbedBefore(t *testing.T) {
	s := newSingle(t, 3, HardState{Term: 1}, logOf(1, 1, 1, 1, 1))
	s.lead()
	s.flush()
	s.receive(AppendReject{Envelope: from(3, 2), Prev: Position{5, 1}, Hint: Position{0, 0}})
	if p := s.Progress()[1]; p.State != Probing || p.Next != 1 {
		t.Fatalf("progress %+v, want a probe at 1", p)
	}
	s.receive(SnapshotReply{Envelope: from(3, 2), Index: 4, Installed: true})
	if p := s.Progress()[1]; p.Match != 4 || p.Next <= p.Match {
		t.Fatalf("progress %+v: it will send what is known to match", p)
	}
}
