package replica

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"redoubt/internal/vfs"
	"redoubt/resp"
)

// save asks a member for a snapshot, which must begin.
func (m *member) save() {
	m.world.t.Helper()
	if started, err := m.BeginSnapshot(false); !started || err != nil {
		m.world.t.Fatalf("node %d does not begin a snapshot: %v", m.id, err)
	}
	if !m.Status().SnapshotRunning {
		m.world.t.Fatalf("node %d does not tell of the snapshot that it has been asked for", m.id)
	}
}

// saved waits until a member's snapshots have ended.
func (m *member) saved() {
	m.world.t.Helper()
	m.world.until("the end of a snapshot", func() bool { return !m.Status().SnapshotRunning })
}

func TestASnapshotIsTakenWhenAskedFor(t *testing.T) {
	w := startWorld(t, 3, nil)
	leader := w.leader()
	leader.expect("+OK", "SET k v")
	w.pass(worldElection) // every node has applied it
	for _, m := range w.members {
		entries := leader.Index()
		m.save()
		w.settle(func() bool { return false })
		m.saved()
		newest, ok := m.storage.snapshots.Newest()
		if status := m.Status(); !ok || newest.Index < entries || newest.Index != m.Index() || newest.Term != status.Term ||
			status.SnapshotIndex != newest.Index || !status.LastSnapshotOK || status.LastSnapshotTime != w.millis/1000 {
			t.Errorf("node %d applied up to %d has the image %+v and tells %+v", m.id, m.Index(), newest.Meta, status)
		}
		meta, err := snapshotMeta(newest)
		if err != nil || len(meta.Configuration.Members) != 3 || meta.Time != m.LogTime() {
			t.Errorf("node %d: the image says %+v, %v", m.id, meta, err)
		}
	}
	if n := len(w.others(leader)[0].storage.snapshots.List()); n != 1 {
		t.Errorf("a follower has %d images, want the one that was asked for", n)
	}
	leader.restart(nil)
	if base := leader.storage.base; base.Index == 0 || leader.Index() != base.Index {
		t.Errorf("after a power cut the node starts from index %d, its image is of index %d", leader.Index(), base.Index)
	}
	w.leader().expect("$1\r\nv", "GET k")
}

func TestSnapshotsThatAreAskedForCutTheLog(t *testing.T) {
	w := startWorld(t, 1, func(_ *world, o *Options) { o.SegmentBytes = 16 << 10 })
	m := w.leader()
	for range 3 {
		for i := range 40 {
			m.expect("+OK", fmt.Sprintf("SET k%d %s", i, strings.Repeat("x", 1000)))
		}
		m.save()
		m.saved()
	}
	w.settle(func() bool { return false })
	images := m.storage.snapshots.List()
	if first := m.FirstIndex(); len(images) != 2 || first == 1 || first > images[0].Index+1 {
		t.Errorf("the log begins at %d, and the older of %d images is of index %d", first, len(images), images[0].Index)
	}
}

func TestOneSnapshotFollowsAnother(t *testing.T) {
	w := startWorld(t, 1, nil)
	m := w.leader()
	m.expect("+OK", "SET k 1")
	m.save()
	if started, err := m.BeginSnapshot(false); started || !errors.Is(err, resp.ErrSaving) {
		t.Errorf("a second snapshot that is to begin with the first: %v, %v", started, err)
	}
	w.until("the beginning of the snapshot", m.snapshots.running.Load)
	first := m.Index()
	if started, err := m.BeginSnapshot(false); started || !errors.Is(err, resp.ErrSaving) {
		t.Errorf("a second snapshot beside the first: %v, %v", started, err)
	}
	for range 3 {
		if started, err := m.BeginSnapshot(true); started || err != nil {
			t.Errorf("a snapshot that is to follow: %v, %v", started, err)
		}
	}
	m.expect("+OK", "SET k 2")
	m.saved()
	images := m.storage.snapshots.List()
	if len(images) != 2 || images[0].Index != first || images[1].Index <= first {
		t.Errorf("there are the images %v, want one of index %d and one of a later index", images, first)
	}
}

// TestTheLogAnswersForASnapshotThatWasScheduled has the log call for a snapshot before the tick at which a scheduled one would
// begin: it is the one that follows. A node whose log calls for one after another never got rid of the wish otherwise, and
// answered every BGSAVE with an error.
func TestTheLogAnswersForASnapshotThatWasScheduled(t *testing.T) {
	var snapshots []func()
	w := startWorld(t, 1, func(_ *world, o *Options) {
		o.SnapshotLogEntries = 1
		o.Background = func(task func()) { snapshots = append(snapshots, task) }
	})
	m := w.leader()
	m.expect("+OK", "SET k 1")
	if started, err := m.BeginSnapshot(true); started || err != nil || len(snapshots) != 1 {
		t.Fatalf("a snapshot that is to follow the one of %d: %v, %v", len(snapshots), started, err)
	}
	snapshots[0]()
	set := m.begin(nil, "SET k 2")
	if w.settle(func() bool { return set.done }); len(snapshots) != 2 {
		t.Fatalf("%d snapshots have begun without a tick, want the log's second", len(snapshots))
	}
	if !m.Status().SnapshotRunning {
		t.Error("the node does not tell of its second snapshot")
	}
	snapshots[1]()
	if m.Status().SnapshotRunning {
		t.Error("the node tells of a snapshot that waits, and the one that was scheduled has been taken")
	}
	m.save()
}

func TestNothingIsWrittenWhenNothingHasChanged(t *testing.T) {
	w := startWorld(t, 1, nil)
	m := w.leader()
	m.expect("+OK", "SET k v")
	m.save()
	m.saved()
	before, newest := m.Status(), m.storage.snapshots.List()
	m.disk.SetFault(func(op vfs.Op) error {
		if strings.HasPrefix(op.Path, "/data/snapshot/") {
			t.Errorf("the node touches %s", op.Path)
		}
		return nil
	})
	w.pass(5 * time.Second)
	if m.Index() != before.AppliedIndex {
		t.Fatalf("the node went from index %d to %d by itself", before.AppliedIndex, m.Index())
	}
	m.save()
	m.saved()
	after := m.Status()
	if after.LastSnapshotTime <= before.LastSnapshotTime || !after.LastSnapshotOK || after.SnapshotIndex != newest[0].Index {
		t.Errorf("the node tells %+v, before %+v", after, before)
	}
}

func TestASnapshotThatCannotBeTaken(t *testing.T) {
	r, err := Open(testOptions(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	if started, err := r.BeginSnapshot(true); started || err == nil || !strings.HasPrefix(err.Error(), "ERR ") {
		t.Errorf("a node without any entry begins a snapshot: %v, %v", started, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	w := startWorld(t, 1, nil)
	m := w.leader()
	m.expect("+OK", "SET k v")
	full := true
	m.disk.SetFault(func(op vfs.Op) error {
		if full && op.Kind == vfs.OpWrite && strings.HasPrefix(op.Path, "/data/snapshot/") {
			return syscall.ENOSPC
		}
		return nil
	})
	m.save()
	m.saved()
	if status := m.Status(); status.LastSnapshotOK || status.LastSnapshotTime != 0 || status.SnapshotIndex != 0 || m.Err() != nil {
		t.Errorf("after a snapshot that had no room the node tells %+v, %v", status, m.Err())
	}
	full = false
	m.save()
	m.saved()
	if status := m.Status(); !status.LastSnapshotOK || status.SnapshotIndex != m.Index() {
		t.Errorf("with room again the node tells %+v", status)
	}
	m.fail(errors.New("the disk is gone"))
	if started, err := m.BeginSnapshot(false); started || err == nil || !strings.HasPrefix(err.Error(), "ERR ") {
		t.Errorf("a node that has failed begins a snapshot: %v, %v", started, err)
	}
}
