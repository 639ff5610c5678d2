package raft

import "redoubt/raft/core"

// Persister is a node's durable memory: hard state, log and snapshots. Unlike a lab persister it
// saves increments, not the whole.
//
// Save, Compact, WriteSnapshot and InstallSnapshot are called by one goroutine at a time; Entries
// and ReadSnapshot by another. An error from Save, Compact or InstallSnapshot is final (save for
// ErrDiskFull from Save): the node stops and acknowledges nothing more.
type Persister interface {
	// Load returns what a restarted node remembers. It is called once, before any other method.
	Load() (State, error)
	// Save makes an increment durable, with one sync at most. Entries continue the stored log or
	// replace it from Entries[0].Index on; the slice is the caller's and must not be kept. With sync false it may stay in memory until the next Save.
	Save(state core.HardState, entries []core.Entry, sync bool) error
	// Entries reads entries from..to, both included, stopping after maxBytes but reading at least
	// one, with the term of the entry at from-1. It returns none if from-1 lies before the log.
	Entries(from, to uint64, maxBytes int) (prevTerm uint64, entries []core.Entry, err error)
	// Compact drops entries that are no longer needed up to index. It returns the first index that is still held.
	Compact(index uint64) (first uint64, err error)
	// ReadSnapshot reads up to maxBytes at offset of the snapshot at index, or of the newest, from
	// its start, if index is zero or no longer kept. A zero meta.Index says that there is none.
	ReadSnapshot(index uint64, offset int64, maxBytes int) (meta core.SnapshotMeta, size int64, data []byte, err error)
	// WriteSnapshot keeps a piece of an incoming snapshot aside. Offset 0 begins a new one.
	WriteSnapshot(piece core.WriteSnapshot) error
	// InstallSnapshot verifies the incoming snapshot, makes it durable and resets the log to
	// continue after it. ok is false if the image is damaged; nothing has changed then.
	InstallSnapshot(install core.InstallSnapshot) (ok bool, err error)
}

// State is what a Persister remembers.
type State struct {
	// HardState is the latest saved.
	HardState core.HardState
	// Snapshot is the newest snapshot, or zero.
	Snapshot core.SnapshotMeta
	// FirstIndex is the first index that the log holds, or would hold next if it is empty.
	FirstIndex uint64
	// Tail is the end of the log: all entries after max(HardState.Commit, Snapshot.Index) at least,
	// so that the core has every entry that may still be replaced.
	Tail []core.Entry
	// Last is the position of the last entry, or of the snapshot if the log is empty.
	Last core.Position
	// Configuration is the latest one at or below max(HardState.Commit, Snapshot.Index), in log or snapshot, and
	// ConfigurationIndex the index it came from; empty if there is none. Later ones may be rolled back, and are in Tail.
	Configuration      core.Configuration
	ConfigurationIndex uint64
}
