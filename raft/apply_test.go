package raft

import (
	"errors"
	"fmt"
	"testing"

	"redoubt/raft/core"
)

// reasons collects why tickets were dropped.
type reasons []error

func (r *reasons) Dropped(reason error) { *r = append(*r, reason) }

// A persister keeps only its newest snapshots. A service that takes long over one must not be sent for another that
// is gone by then.
func TestOnlyTheNewestWaitingSnapshotIsDelivered(t *testing.T) {
	r := idle(NewMemoryPersister())
	var got []string
	var dropped reasons
	entries := func(from, to uint64) applyJob {
		var job applyJob
		for i := from; i <= to; i++ {
			job.entries = append(job.entries, Committed{Entry: Entry{Index: i}, Ticket: &dropped})
		}
		return job
	}
	snapshot := func(index uint64) applyJob {
		return applyJob{snapshot: &SnapshotMeta{Position: core.Position{Index: index}}}
	}
	r.delivery = func(m ApplyMsg) bool {
		if m.Snapshot != nil {
			got = append(got, fmt.Sprint("snapshot ", m.Snapshot.Index))
			if m.Snapshot.Index == 10 {
				// While this one is loaded, others come.
				for _, job := range []applyJob{entries(11, 12), snapshot(20), entries(21, 22), snapshot(30), snapshot(40), entries(41, 41)} {
					r.applies.push(job)
				}
			}
			return true
		}
		got = append(got, fmt.Sprintf("entries %d to %d", m.Entries[0].Index, m.Entries[len(m.Entries)-1].Index))
		return true
	}
	r.applies.push(entries(1, 1))
	r.applies.push(entries(2, 3))
	r.applies.push(snapshot(10))
	for range 10 {
		r.deliver()
	}
	want := "[entries 1 to 3 snapshot 10 entries 11 to 12 snapshot 40 entries 41 to 41]"
	if fmt.Sprint(got) != want {
		t.Errorf("delivered %v, want %v", got, want)
	}
	if len(dropped) != 2 || !errors.Is(dropped[0], ErrUncertain) || !errors.Is(dropped[1], ErrUncertain) {
		t.Errorf("the tickets of entries that a snapshot took the place of were dropped with %v, want twice %v", dropped, ErrUncertain)
	}
}
