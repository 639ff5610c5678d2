package replica

import "testing"

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
