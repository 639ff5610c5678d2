package raft

import (
	"fmt"
	"testing"
	"time"

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

func TestWaitingIncrementsShareOneWriteOfBoundedSize(t *testing.T) {
	p := &recorder{MemoryPersister: NewMemoryPersister()}
	r := &Raft{persister: p}
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

func TestMakeRefusesATickThatNeverPasses(t *testing.T) {
	for _, tick := range []time.Duration{0, -1, time.Millisecond - 1} {
		_, err := Make([]Peer{{ID: 1}}, 1, NewMemoryPersister(), make(chan ApplyMsg), WithTick(tick))
		if err == nil {
			t.Errorf("a tick of %v was taken, want an error", tick)
		}
	}
}

// A service may take a snapshot of a state that it has just been given. The core must hear first that this state was
// installed, then that it is applied, then that there is an image of it.
func TestASnapshotOfAnInstalledStateIsToldInOrder(t *testing.T) {
	r := &Raft{persister: NewMemoryPersister()}
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
