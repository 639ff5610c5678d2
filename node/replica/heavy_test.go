package replica

import (
	"strings"
	"syscall"
	"testing"

	"redoubt/internal/vfs"
)

// heavyWorks counts the heavy works of a member.
type heavyWorks struct{ begun, ended int }

func (h *heavyWorks) adjust(_ *world, o *Options) {
	o.HeavyWork = func() func() {
		h.begun++
		return func() { h.ended++ }
	}
}

func (h *heavyWorks) expect(t *testing.T, what string, begun int) {
	t.Helper()
	if h.begun != begun || h.ended != begun {
		t.Errorf("%s: %d heavy works have begun and %d ended, want %d", what, h.begun, h.ended, begun)
	}
}

func TestASnapshotIsHeavyWorkUntilItIsDoneOrFails(t *testing.T) {
	var works heavyWorks
	w := startWorld(t, 1, works.adjust)
	m := w.leader()
	m.expect("+OK", "SET k v")
	works.expect(t, "before any snapshot", 0)
	var full, during bool
	m.disk.SetFault(func(op vfs.Op) error {
		if op.Kind != vfs.OpWrite || !strings.HasPrefix(op.Path, "/data/snapshot/") {
			return nil
		}
		during = works.begun == works.ended+1
		if full {
			return syscall.ENOSPC
		}
		return nil
	})
	for i, noRoom := range []bool{true, false} {
		full, during = noRoom, false
		m.save()
		m.saved()
		if m.Status().LastSnapshotOK == noRoom || !during {
			t.Errorf("a snapshot on a disk that is full (%t) was written as heavy work: %t; %+v", noRoom, during, m.Status())
		}
		works.expect(t, "after a snapshot", i+1)
	}
}

func TestAPeersSnapshotIsHeavyWork(t *testing.T) {
	var works heavyWorks
	w := startWorld(t, 3, smallLogs)
	leader := w.leader()
	behind := w.others(leader)[0]
	behind.restart(works.adjust) // and takes none of its own
	behind.cut = true
	w.fill(leader)
	behind.cut = false
	w.until("a snapshot is loaded", func() bool { return behind.Index() >= leader.FirstIndex() })
	works.expect(t, "an image that was checked, then loaded", 2)
}
