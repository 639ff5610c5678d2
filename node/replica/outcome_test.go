package replica

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
)

// misfortune is one thing that may become of a write that was sent to a leader.
type misfortune struct {
	name string
	// happens sends the write, does to it what the name says, and returns it. Then all is healed.
	happens func(w *world, leader *member) *call
	want    string // beginning of the reply
}

// write is the write whose outcome the tests are about.
const write = "SET k done"

var misfortunes = []misfortune{
	{"none", func(w *world, leader *member) *call {
		return leader.begin(nil, write)
	}, "+OK"},
	{"sent to a follower", func(w *world, leader *member) *call {
		return w.others(leader)[0].begin(nil, write)
	}, "-MOVED 7629 node"},
	{"leadership lost before it was appended", func(w *world, leader *member) *call {
		leader.asleep = []raft.Worker{raft.DiskWorker} // so that a write before it is on its way, and it has to wait
		leader.begin(nil, "SET other x")
		w.settle(func() bool { return false })
		c := leader.begin(nil, write)
		w.replace(leader)
		return c
	}, "-MOVED 7629 node"},
	{"leadership lost after it was appended", func(w *world, leader *member) *call {
		leader.cut = true
		c := leader.begin(nil, write)
		w.until("a step down", func() bool { return leader.raft.Standing().Role != core.Leader })
		return c
	}, "-UNCERTAIN"},
	{"replaced by another leader's entries", func(w *world, leader *member) *call {
		leader.cut = true
		c := leader.begin(nil, write)
		next := w.leader()
		next.expect("+OK", "SET other x")
		return c
	}, "-UNCERTAIN"},
	{"committed, and its leader deposed before it knew", func(w *world, leader *member) *call {
		leader.asleep = []raft.Worker{raft.DiskWorker}
		c := leader.begin(nil, write)
		w.replace(leader)
		return c
	}, "-UNCERTAIN"},
	{"a snapshot installed over it", func(w *world, leader *member) *call {
		leader.cut = true
		c := leader.begin(nil, write)
		next := w.leader()
		for next.FirstIndex() <= leader.raft.Standing().LastIndex {
			next.expect("+OK", "SET other "+strings.Repeat("x", 3000))
		}
		leader.cut = false
		w.until("a snapshot is installed", func() bool { return leader.FirstIndex() >= next.FirstIndex() })
		return c
	}, "-UNCERTAIN"},
	{"the node stopped before it was taken", func(w *world, leader *member) *call {
		leader.asleep = []raft.Worker{raft.LoopWorker}
		c := leader.begin(nil, write)
		leader.raft.Stop()
		return c
	}, "-CLUSTERDOWN"},
	{"the node stopped after it was appended", func(w *world, leader *member) *call {
		leader.asleep = []raft.Worker{raft.DiskWorker}
		c := leader.begin(nil, write)
		w.settle(func() bool { return false })
		leader.raft.Stop()
		return c
	}, "-UNCERTAIN"},
	{"the node stopped after it was committed", func(w *world, leader *member) *call {
		leader.asleep = []raft.Worker{raft.ApplyWorker}
		c := leader.begin(nil, write)
		w.settle(func() bool { return false })
		leader.raft.Stop()
		return c
	}, "-UNCERTAIN"},
	{"the disk fails", func(w *world, leader *member) *call {
		leader.disk.SetFault(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync {
				return errors.New("input/output error")
			}
			return nil
		})
		return leader.begin(nil, write)
	}, "-UNCERTAIN"},
	{"the disk is full", func(w *world, leader *member) *call {
		leader.disk.SetFault(func(op vfs.Op) error {
			if op.Kind == vfs.OpPreallocate {
				return syscall.ENOSPC
			}
			return nil
		})
		for !leader.storage.full.Load() {
			leader.do("SET other " + strings.Repeat("x", 3000))
		}
		return leader.begin(nil, write)
	}, "-MISCONF"},
	{"the state machine fails", func(w *world, leader *member) *call {
		c := leader.begin(nil, write)
		leader.fail(errors.New("an entry that cannot be applied"))
		w.until("the answer", func() bool { return c.done })
		leader.raft.Stop() // as the process does
		return c
	}, "-UNCERTAIN"},
	{"during a transfer that succeeds", func(w *world, leader *member) *call {
		leader.raft.TransferLeadership(w.others(leader)[0].id)
		return leader.begin(nil, write)
	}, "-MOVED 7629 node"},
	{"during a transfer that is given up", func(w *world, leader *member) *call {
		successor := w.others(leader)[0]
		successor.cut = true
		leader.raft.TransferLeadership(successor.id)
		return leader.begin(nil, write)
	}, "+OK"},
	{"too large", func(w *world, leader *member) *call {
		return leader.begin(nil, write+strings.Repeat("x", 1<<20))
	}, "-ERR command exceeds"},
}

// replace has the others elect another leader while this one hears nothing, and only then tells it.
func (w *world) replace(leader *member) {
	w.settle(func() bool { return false })
	leader.cut = true
	leader.asleep = append(leader.asleep, raft.LoopWorker)
	w.leader()
	leader.asleep = slicesWithout(leader.asleep, raft.LoopWorker)
	leader.cut = false
	leader.wake(raft.LoopWorker)
	w.until("the former leader is told", func() bool { return leader.raft.Standing().Role != core.Leader })
}

func slicesWithout(workers []raft.Worker, worker raft.Worker) (rest []raft.Worker) {
	for _, other := range workers {
		if other != worker {
			rest = append(rest, other)
		}
	}
	return rest
}

// TestP3WhatBecameOfAWriteIsSaid goes through all that can become of a proposal: "done" and "not done" must be true
// in the end, and "unknown" is said wherever neither is certain.
func TestP3WhatBecameOfAWriteIsSaid(t *testing.T) {
	for _, m := range misfortunes {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			w := startWorld(t, 3, func(_ *world, o *Options) { o.SnapshotLogEntries, o.SegmentBytes = 50, 16<<10 })
			leader := w.leader()
			leader.expect("+OK", "SET k before")
			c := m.happens(w, leader)
			w.settle(func() bool { return false })
			for _, member := range w.members {
				member.cut = false
				member.disk.SetFault(nil)
				member.awake()
			}
			reply := c.reply()
			if !strings.HasPrefix(reply, m.want) {
				t.Errorf("answered %q, want %s", reply, m.want)
			}
			if strings.Count(reply, "\r\n") != 1 {
				t.Errorf("one command was answered by %q", reply)
			}
			w.pass(2 * worldElection)
			value := w.leader().do("GET k")
			switch done := strings.Contains(value, "done"); {
			case strings.HasPrefix(reply, "+OK") && !done:
				t.Errorf("the write was answered OK, and the key holds %q", value)
			case !strings.HasPrefix(reply, "+OK") && !strings.HasPrefix(reply, "-UNCERTAIN") && done:
				t.Errorf("the write was answered %q, which says that it was not done, and it was (P3)", reply)
			}
		})
	}
}
