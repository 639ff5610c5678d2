// Package vfs is the file system as the log and the snapshots see it: few calls, each of which a
// simulated disk can delay, fail, or forget at a crash.
package vfs

import (
	"errors"
	"io"
)

// ErrLocked is returned (wrapped) by FS.Lock when another holder exists.
var ErrLocked = errors.New("held by another process")

// FS is a file system. Paths use slashes. Errors are *fs.PathError values that errors.Is can
// compare with fs.ErrNotExist, fs.ErrExist and the system's error numbers.
type FS interface {
	// Create makes a new empty file, or truncates an existing one, for reading and writing.
	// The name is durable only after SyncDir of its directory.
	Create(name string) (File, error)
	// Open opens an existing file for reading.
	Open(name string) (File, error)
	// OpenWrite opens an existing file for reading and writing.
	OpenWrite(name string) (File, error)
	// Rename replaces newname with oldname atomically; durable after SyncDir.
	Rename(oldname, newname string) error
	// Remove deletes a file; durable after SyncDir.
	Remove(name string) error
	// MkdirAll makes a directory and its parents.
	MkdirAll(dir string) error
	// List returns the names in a directory, sorted.
	List(dir string) ([]string, error)
	// SyncDir makes the directory's entries durable.
	SyncDir(dir string) error
	// Lock takes an exclusive lock that ends with Close or with the process. It fails at once if
	// another holder exists.
	Lock(name string) (io.Closer, error)
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size returns the file's length in bytes.
	Size() (int64, error)
	// Truncate sets the file's length.
	Truncate(size int64) error
	// Preallocate reserves disk space up to size and sets the length to it; new bytes read as zero.
	// It never shrinks a file.
	Preallocate(size int64) error
	// Zero may write zeros from one offset to another, where the file reads as zeros anyway: blocks that were only
	// reserved become written ones, so that a sync of what comes there later has nothing to record but the data.
	Zero(from, to int64) error
	// Sync makes the file's data, and the length needed to read it, durable (fdatasync).
	Sync() error
}
