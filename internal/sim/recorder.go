package sim

import (
	"errors"
	"slices"

	"redoubt/raft"
	"redoubt/raft/core"
)

// recorder is a node's Persister, seen from outside: it keeps the disk's shadow.
type recorder struct {
	raft.Persister
	p      *process
	shadow *shadow
}

// Load implements raft.Persister. What a restarted node remembers is held against what its disk was given.
func (r *recorder) Load() (raft.State, error) {
	state, err := r.Persister.Load()
	if err != nil || r.p.dead {
		return state, err
	}
	var entries []core.Entry
	for from := state.FirstIndex; from <= state.Last.Index; {
		_, more, err := r.Persister.Entries(from, state.Last.Index, 1<<20)
		if err != nil {
			return state, err
		}
		if len(more) == 0 {
			break // only what a snapshot covers
		}
		entries = append(entries, more...)
		from += uint64(len(more))
	}
	r.p.m.w.check.offered(r.p.m, state)
	if state.Last.Index > state.Snapshot.Index && len(state.Tail) == 0 {
		r.p.tenure.unread = state.Last.Index
	}
	if r.p.m.lost == "" {
		if err := r.shadow.found(state, entries); err != nil {
			r.p.m.w.violate(r.p.m.name(), "%v", err)
		}
	}
	configuration := state.Snapshot.Configuration
	if len(configuration.Members) == 0 {
		configuration = raft.InitialConfiguration(r.p.m.founders())
	}
	r.shadow.configurations = []located{{state.Snapshot.Index, configuration}}
	after := slices.IndexFunc(entries, func(e core.Entry) bool { return e.Index > state.Snapshot.Index })
	if after >= 0 {
		r.shadow.configure(entries[after:])
	}
	return state, nil
}

// Save implements raft.Persister.
func (r *recorder) Save(hard core.HardState, entries []core.Entry, sync bool) error {
	if !r.p.dead {
		prints := make([]print, len(entries))
		for i := range entries {
			prints[i] = printOf(&entries[i])
		}
		r.p.m.w.check.savedVote(r.p, r.shadow.written(), hard)
		saved := increment{hard: hard, entries: prints}
		if len(entries) > 0 {
			saved.first = entries[0].Index
			r.shadow.configure(entries)
			r.p.m.w.check.saved(r.p, entries)
		}
		r.shadow.pending = append(r.shadow.pending, saved)
	}
	err := r.Persister.Save(hard, entries, sync)
	switch {
	case r.p.dead:
	case errors.Is(err, raft.ErrDiskFull):
		r.shadow.pending = r.shadow.pending[:len(r.shadow.pending)-1] // nothing has changed
	case err == nil && sync:
		r.shadow.settle()
		r.p.witness.savedNow()
	}
	if !r.p.dead {
		r.p.saved, r.p.roomAhead = true, r.p.m.disk.roomAhead()
	}
	return err
}

// Compact implements raft.Persister.
func (r *recorder) Compact(index uint64) (first uint64, err error) {
	before := r.shadow.base.Index + 1
	first, err = r.Persister.Compact(index)
	if err == nil && !r.p.dead {
		r.shadow.cut(first)
		r.p.m.w.check.cut(r.p.m, before, first)
	}
	return first, err
}

// Entries implements raft.Persister.
func (r *recorder) Entries(from, to uint64, maxBytes int) (prevTerm uint64, entries []core.Entry, err error) {
	prevTerm, entries, err = r.Persister.Entries(from, to, maxBytes)
	if n := len(entries); n > 0 && entries[n-1].Index >= r.p.tenure.unread {
		r.p.tenure.unread = 0
	}
	return prevTerm, entries, err
}

// WriteSnapshot implements raft.Persister.
func (r *recorder) WriteSnapshot(piece core.WriteSnapshot) error {
	if !r.p.dead {
		r.p.m.w.check.keeps(r.p, piece)
	}
	return r.Persister.WriteSnapshot(piece)
}

// InstallSnapshot implements raft.Persister.
func (r *recorder) InstallSnapshot(install core.InstallSnapshot) (ok bool, err error) {
	if !r.p.dead {
		r.p.m.w.check.installs(r.p, install.Meta)
		r.shadow.installing, r.p.installing = install.Meta, install.Meta
	}
	ok, err = r.Persister.InstallSnapshot(install)
	r.p.installing = core.SnapshotMeta{}
	if err == nil && !r.p.dead {
		r.shadow.installing = core.SnapshotMeta{}
		if ok {
			r.shadow.reset(install.Meta)
			r.p.m.w.check.begins(r.p.m, install.Meta.Index+1)
			r.p.m.w.nemesis.installed(r.p.m)
		}
	}
	return ok, err
}
