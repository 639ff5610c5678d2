package replica

import (
	"fmt"
	"strings"
	"testing"

	"redoubt/fsm"
)

func TestP5AReplicaThatWentAstrayStops(t *testing.T) {
	w := startWorld(t, 3, func(_ *world, o *Options) { o.CheckEntries = 8 })
	leader := w.leader()
	leader.expect("+OK", "SET k v")
	for i := range 20 {
		leader.expect(":", fmt.Sprintf("APPEND list%d x", i))
	}
	w.pass(3 * TickInterval)
	for _, m := range w.members {
		if m.Err() != nil {
			t.Fatalf("replicas that are equal: %v", m.Err())
		}
		if m.checks.logged == 0 {
			t.Fatalf("node %d knows of no sum in the log, so nothing is tested", m.id)
		}
	}
	astray := w.others(leader)[0]
	astray.machine.Apply([][]byte{[]byte("SET"), []byte("k"), []byte("flipped")}, &fsm.Writer{Discard: true})
	for i := range 20 {
		leader.expect(":", fmt.Sprintf("APPEND list%d x", i))
	}
	w.pass(3 * TickInterval)
	err := astray.Err()
	if err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Fatalf("a replica whose state differs goes on: %v (P5)", err)
	}
	for _, m := range w.others(astray) {
		if m.Err() != nil {
			t.Errorf("node %d, which is in order, stopped: %v", m.id, m.Err())
		}
	}
}

func TestSumsAreEqualAfterSnapshotsAndRestarts(t *testing.T) {
	adjust := func(_ *world, o *Options) { o.CheckEntries, o.SnapshotLogEntries, o.SegmentBytes = 4, 30, 16<<10 }
	w := startWorld(t, 3, adjust)
	leader := w.leader()
	lagging := w.others(leader)[0]
	lagging.cut = true
	for i := 0; leader.FirstIndex() < 40; i++ {
		leader.expect(":", fmt.Sprintf("APPEND list%d %s", i%50, strings.Repeat("x", 500)))
		leader.expect("+OK", fmt.Sprintf("SET key%d %d EX %d", i, i, 1+i%7))
	}
	lagging.cut = false
	w.until("the lagging replica has caught up", func() bool { return lagging.Index() >= leader.Index() })
	for _, m := range w.members {
		m.raft.Stop()
		if err := m.Replica.Close(); err != nil {
			t.Fatal(err)
		}
	}
	w.tasks, w.retries = nil, nil
	for _, m := range w.members {
		m.start(adjust)
	}
	leader = w.leader()
	for i := range 50 {
		leader.expect(":", fmt.Sprintf("APPEND list%d x", i))
	}
	w.pass(3 * TickInterval)
	for _, m := range w.members {
		if m.Err() != nil {
			t.Errorf("node %d: %v", m.id, m.Err())
		}
	}
	if leader.checks.logged == 0 {
		t.Error("no sum was logged, so nothing was tested")
	}
}
