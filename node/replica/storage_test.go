package replica

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"redoubt/fsm"
	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/wal"
)

// testOptions are those of a replica that is the only one of its cluster.
func testOptions(disk *vfs.Mem) Options {
	return Options{
		ID: 1, ClusterID: "test", Peers: []raft.Peer{{ID: 1}}, NewInstance: func() uint64 { return 77 },
		FS: disk, Dir: "/data", MaxEntryBytes: 1 << 20, SegmentBytes: 64 << 10,
		SnapshotLogBytes: 1 << 30, SnapshotLogEntries: 1 << 30,
		Election: 250 * time.Millisecond,
	}
}

// newStorage opens a data directory on a disk of its own.
func newStorage(t *testing.T) (*storage, *vfs.Mem) {
	t.Helper()
	disk := vfs.NewMem()
	s, _, err := openStorage(testOptions(disk))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, disk
}

// image returns the bytes of an image of an empty state at a position, as a leader would send them.
func image(t *testing.T, meta core.SnapshotMeta) []byte {
	t.Helper()
	s, _ := newStorage(t)
	machine := fsm.New()
	machine.Advance(meta.Index, meta.Time)
	w, err := s.snapshots.Create(imageMeta(meta))
	if err != nil {
		t.Fatal(err)
	}
	view := machine.View()
	defer view.Release()
	if _, err := view.WriteTo(w); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	_, size, data, err := s.ReadSnapshot(meta.Index, 0, 1<<20)
	if err != nil || int64(len(data)) != size {
		t.Fatalf("read %d of %d bytes: %v", len(data), size, err)
	}
	return data
}

func TestAFullDiskRefusesAPeersSnapshotAndTakesItLater(t *testing.T) {
	meta := core.SnapshotMeta{
		Position: core.Position{Index: 10, Term: 2}, Time: 1,
		Configuration: raft.InitialConfiguration([]raft.Peer{{ID: 1}}),
	}
	data := image(t, meta)
	s, disk := newStorage(t)
	install := func() (bool, error) {
		if err := s.WriteSnapshot(core.WriteSnapshot{Meta: meta, Data: data}); err != nil {
			t.Fatal(err)
		}
		return s.InstallSnapshot(core.InstallSnapshot{Meta: meta, Size: int64(len(data))})
	}
	disk.SetFault(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			return syscall.ENOSPC // a file system that finds room only when it must
		}
		return nil
	})
	if ok, err := install(); ok || err != nil {
		t.Fatalf("InstallSnapshot on a full disk: %t, %v; want a refusal that does not end the node", ok, err)
	}
	disk.SetFault(nil)
	if ok, err := install(); !ok || err != nil {
		t.Fatalf("InstallSnapshot once there is room: %t, %v", ok, err)
	}
	if first := s.log.First(); first != 11 {
		t.Errorf("the log goes on at %d, want 11", first)
	}
}

func TestP6TheLargestEntryFitsTheLog(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.MaxEntryBytes = 1 << 30
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if most := r.MaxEntryBytes() + entryHeaderBytes; most > wal.DefaultMaxRecordBytes {
		t.Errorf("entries of %d bytes are taken, but the log stops the node beyond %d", most, wal.DefaultMaxRecordBytes)
	}
}

func TestP7ASnapshotThatContradictsACommittedLogIsNoted(t *testing.T) {
	s, disk := newStorage(t)
	entries := make([]core.Entry, 20)
	for i := range entries {
		entries[i] = core.Entry{Index: uint64(i + 1), Term: 1, Kind: core.EntryNoop}
	}
	if err := s.Save(core.HardState{Term: 2, Commit: 20}, entries, true); err != nil {
		t.Fatal(err)
	}
	meta := core.SnapshotMeta{Position: core.Position{Index: 10, Term: 2}, Time: 1}
	data := image(t, meta)
	if err := s.WriteSnapshot(core.WriteSnapshot{Meta: meta, Data: data}); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.snapshots.Install(imageMeta(meta), int64(len(data))); !ok || err != nil {
		t.Fatal(ok, err)
	}
	crashed := disk.CrashClone(vfs.CrashOptions{})
	for range 2 { // the first refusal must not have cut what the second would miss
		_, _, err := openStorage(testOptions(crashed))
		if err == nil || !strings.Contains(err.Error(), "index 10") {
			t.Fatalf("entries that were committed gave way to a snapshot of another term: %v; want an error (P7)", err)
		}
	}
}
