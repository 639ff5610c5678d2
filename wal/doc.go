// Package wal is a segmented, checksummed, group-synced record log. It knows nothing of Raft: it keeps
// entries with an index and a term, a small state of which the newest wins, and the position after
// which the log starts.
//
// # Promises
//
// A batch is written with one write and made durable with one sync, and is atomic: after a crash it
// is there whole or not at all. What Append acknowledged with sync is found again by Open, or Open
// fails with an error that names segment and offset; how damage is told from a write that a crash
// cut short is in recover.go. After a failed write or sync the log is poisoned: it returns that
// error for ever, because the page cache can no longer be trusted. A full disk is different: it is
// met where a segment is preallocated, before anything of the log has changed, and refused with ErrFull.
//
// # Use
//
// One goroutine appends (calls from several are serialised); Read, Term and the other getters may run
// beside it. The package takes no lock on its directory: the owner of the data directory holds its
// LOCK before Open. A second Open of the same directory in spite of that would cut the first one's
// unfinished batch as a torn tail.
package wal
