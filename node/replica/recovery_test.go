package replica

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// smallLogs makes snapshots and new segments frequent.
func smallLogs(_ *world, o *Options) { o.SnapshotLogEntries, o.SegmentBytes = 20, 16<<10 }

// fill writes until a member has taken snapshots and cut its log.
func (w *world) fill(m *member) {
	w.t.Helper()
	for i := 0; m.FirstIndex() == 1; i++ {
		w.leader().expect(":", fmt.Sprintf("APPEND list%d %s", i%10, strings.Repeat("x", 1000)))
	}
}

// restart ends a member as a power cut would and starts it again.
func (m *member) restart(adjust func(*world, *Options)) {
	m.disk = m.disk.CrashClone(vfs.CrashOptions{})
	m.asleep, m.slept, m.receive = nil, nil, nil
	m.start(adjust)
}

func TestP2NothingIsReadAfterARestartBeforeTheLogIsApplied(t *testing.T) {
	w := startWorld(t, 3, nil)
	leader := w.leader()
	leader.expect("+OK", "SET k v")
	w.pass(worldElection) // every node has heard of the commit
	leader.expect("+OK", "SET k w")
	follower := w.others(leader)[0]
	follower.asleep = []raft.Worker{raft.ApplyWorker, raft.LoopWorker}
	follower.restart(nil)
	follower.cut = true
	c := follower.begin(readOnly, "GET k")
	if got := string(c.batch.Reply.Buf); !strings.HasPrefix(got, "-LOADING") {
		t.Errorf("a replica that had shown the key before its restart answered %q before it applied its log (P2)", got)
	}
}

func TestASessionsWriteIsAppliedOnce(t *testing.T) {
	w := startWorld(t, 3, nil)
	leader := w.leader()
	open := leader.begin(func(b *resp.Batch) {
		row := b.Ops[0].Command.Sub([]byte("open"))
		b.Ops[0].Command = row
	}, "SESSION OPEN")
	if got := open.reply(); got != ":1\r\n" {
		t.Fatalf("SESSION OPEN answered %q", got)
	}
	enveloped := func(b *resp.Batch) { b.Ops[0].Session, b.Ops[0].Sequence = 1, 7 }
	for range 3 {
		if got := leader.begin(enveloped, "APPEND k x").reply(); got != ":1\r\n" {
			t.Errorf("a write that was sent again answered %q, want its first reply", got)
		}
	}
	leader.expect(":1\r\n", "STRLEN k")
}

func TestTheLogIsCutOnlyBehindTheOlderOfTwoDurableImages(t *testing.T) {
	w := startWorld(t, 1, smallLogs)
	m := w.leader()
	writing := true
	m.disk.SetFault(func(op vfs.Op) error {
		if writing && op.Kind == vfs.OpWrite && strings.HasPrefix(op.Path, "/data/snapshot/") {
			return errors.New("no image comes about")
		}
		return nil
	})
	for i := range 200 {
		m.expect(":", fmt.Sprintf("APPEND list%d %s", i%10, strings.Repeat("x", 1000)))
	}
	if m.FirstIndex() != 1 {
		t.Fatalf("the log was cut to %d, and there is no image", m.FirstIndex())
	}
	writing = false
	w.fill(m)
	images := m.storage.snapshots.List()
	if first := m.FirstIndex(); len(images) != 2 || first > images[0].Index+1 {
		t.Errorf("the log begins at %d, and the older of %d images is of index %d", first, len(images), images[0].Index)
	}
}

func TestP7AGapBetweenSnapshotAndLogStopsTheStart(t *testing.T) {
	w := startWorld(t, 1, smallLogs)
	m := w.leader()
	w.fill(m)
	disk := m.disk.CrashClone(vfs.CrashOptions{})
	for _, image := range m.storage.snapshots.List() {
		if err := disk.Remove("/data/snapshot/" + image.Name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(testOptions(disk)); err == nil || !strings.Contains(err.Error(), "entries between are missing") {
		t.Fatalf("a replica started without the beginning of its log: %v (P7)", err)
	}
}

func TestTheMembershipComesWithTheSnapshot(t *testing.T) {
	w := startWorld(t, 3, smallLogs)
	leader := w.leader()
	removed := w.others(leader)[0]
	var result *raft.ChangeResult
	leader.raft.ChangeMembership(raft.Change{Kind: core.RemoveMember, ID: removed.id},
		func(r raft.ChangeResult) { result = &r })
	w.until("the removal", func() bool { return result != nil })
	if result.Refusal != core.Accepted {
		t.Fatalf("the removal was refused: %d", result.Refusal)
	}
	removed.cut = true
	for i := 0; leader.FirstIndex() <= result.Index; i++ {
		leader.expect(":", fmt.Sprintf("APPEND list%d %s", i%10, strings.Repeat("x", 1000)))
	}
	leader.restart(smallLogs)
	if _, ok := leader.Configuration().Member(removed.id); ok {
		t.Error("a removed member is back after a restart")
	}
	state, err := leader.storage.Load()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := state.Configuration.Member(removed.id); ok || len(state.Configuration.Members) != 2 {
		t.Errorf("raft is told of the members %v, one of which was removed before the snapshot", state.Configuration.Members)
	}
}

func TestAnOlderSnapshotReplacesNoNewerState(t *testing.T) {
	w := startWorld(t, 1, smallLogs)
	m := w.leader()
	w.fill(m)
	oldest := m.storage.snapshots.List()[0]
	index, digest := m.Digest()
	meta, err := snapshotMeta(oldest)
	if err != nil {
		t.Fatal(err)
	}
	m.Apply(raft.ApplyMsg{Snapshot: &meta})
	if at, now := m.Digest(); at != index || now != digest || m.Err() != nil {
		t.Errorf("after a snapshot of index %d the state went from index %d to %d, %v", meta.Index, index, at, m.Err())
	}
}

func TestAJoinedDirectoryNeverFormsACluster(t *testing.T) {
	disk := vfs.NewMem()
	j, err := BeginJoin(disk, "/data", "test", func() uint64 { return 5 })
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Complete(1, []raft.Peer{{ID: 2, Address: "b:1"}}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Open(testOptions(disk)) // whose Peers are this node alone
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if len(r.Peers()) != 0 || len(r.Configuration().Members) != 0 {
		t.Errorf("a node that joined a cluster would found one of its own: peers %v, members %v", r.Peers(), r.Configuration().Members)
	}
}
