package raft

import (
	"fmt"
	"testing"

	"redoubt/raft/core"
)

// recorder is a Persister that remembers how large each Save was.
type recorder struct {
	*MemoryPersister
	saves []int
	syncs []bool
}

func (p *recorder) Save(state core.HardState, entries []core.Entry, sync bool) error {
	size := 0
	for _, e := range entries {
		size += len(e.Data)
	}
	p.saves, p.syncs = append(p.saves, size), append(p.syncs, sync)
	return p.MemoryPersister.Save(state, entries, sync)
}

// idle is a node that nobody runs.
func idle(p Persister) *Raft {
	r := &Raft{persister: p, manual: true}
	r.prepare(nil)
	return r
}

func TestWaitingIncrementsShareOneWriteOfBoundedSize(t *testing.T) {
	p := &recorder{MemoryPersister: NewMemoryPersister()}
	r := idle(p)
	value := make([]byte, maxGatheredBytes/4)
	var jobs []diskJob
	for i := range uint64(6) {
		jobs = append(jobs, diskJob{persist: &core.Persist{
			Seq: i + 1, Sync: true, Entries: []core.Entry{{Index: i + 1, Term: 1, Kind: core.EntryCommand, Data: value}},
		}})
	}
	for rest := jobs; len(rest) > 0; {
		done, err := r.persist(rest)
		if err != nil {
			t.Fatal(err)
		}
		rest = rest[done:]
	}
	if len(p.saves) != 2 || p.saves[0] > maxGatheredBytes || p.saves[1] > maxGatheredBytes {
		t.Errorf("6 increments of %d bytes were saved in writes of %v, want 2 writes of at most %d bytes", len(value), p.saves, maxGatheredBytes)
	}
	if last := p.last(); last.Index != 6 {
		t.Errorf("the log ends at %d, want 6", last.Index)
	}
}

// A commit index alone owes no sync, but must not take away the sync that its neighbours owe.
func TestASharedWriteOwesTheSyncOfEachOfItsIncrements(t *testing.T) {
	entry := func(seq uint64) diskJob {
		return diskJob{persist: &core.Persist{Seq: seq, Sync: true, Entries: []core.Entry{{Index: seq, Term: 1, Kind: core.EntryCommand}}}}
	}
	commit := func(seq uint64) diskJob { return diskJob{persist: &core.Persist{Seq: seq}} }
	for _, c := range []struct {
		jobs []diskJob
		want bool
	}{
		{[]diskJob{commit(1)}, false},
		{[]diskJob{entry(1)}, true},
		{[]diskJob{entry(1), commit(2)}, true},
		{[]diskJob{commit(1), commit(2)}, false},
	} {
		p := &recorder{MemoryPersister: NewMemoryPersister()}
		done, err := idle(p).persist(c.jobs)
		if err != nil || done != len(c.jobs) || len(p.syncs) != 1 || p.syncs[0] != c.want {
			t.Errorf("%d increments: %d saved with syncs %v, error %v; want one write, sync %v", len(c.jobs), done, p.syncs, err, c.want)
		}
	}
}

// fullDisk is a Persister without room from its first entry on.
type fullDisk struct {
	*MemoryPersister
	refused chan struct{} // capacity 1
}

func (p *fullDisk) Save(state core.HardState, entries []core.Entry, sync bool) error {
	if len(entries) == 0 {
		return p.MemoryPersister.Save(state, entries, sync)
	}
	select {
	case p.refused <- struct{}{}:
	default:
	}
	return fmt.Errorf("%w: at all", ErrDiskFull)
}

func TestStopOnAFullDiskIsNoFailure(t *testing.T) {
	p := &fullDisk{NewMemoryPersister(), make(chan struct{}, 1)}
	r, err := Make([]Peer{{ID: 1}}, 1, p, make(chan ApplyMsg))
	if err != nil {
		t.Fatal(err)
	}
	<-p.refused
	r.Stop()
	if err := r.Err(); err != nil {
		t.Errorf("Err after Stop is %v; a full disk is no failure, want nil", err)
	}
}

// A service may take a snapshot of a state that it has just been given. The core must hear first that this state was
// installed, then that it is applied, then that there is an image of it.
func TestASnapshotOfAnInstalledStateIsToldInOrder(t *testing.T) {
	r := idle(NewMemoryPersister())
	meta := SnapshotMeta{Position: core.Position{Index: 10, Term: 1}}
	r.inbox.addInput(core.SnapshotInstalled{Index: 10, OK: true})
	if err := r.compact(meta); err != nil {
		t.Fatal(err)
	}
	l := r.inbox.take(letters{})
	var order []string
	for _, input := range l.inputs {
		order = append(order, fmt.Sprintf("%T", input))
	}
	want := "[core.SnapshotInstalled core.Applied core.SnapshotTaken]"
	if got := fmt.Sprint(order); got != want || l.applied != 0 {
		t.Errorf("the core is told %s, with index %d ahead of all; want %s and nothing ahead", got, l.applied, want)
	}
}
