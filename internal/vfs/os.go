//go:build unix

package vfs

import (
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// OS is the file system of the machine.
type OS struct {
	syncers syncers
	quick   quickWrites
}

// NewOS returns the file system of the machine.
func NewOS() *OS { return &OS{} }

// Create makes or empties a file, readable and writable by its owner only.
func (o *OS) Create(name string) (File, error) {
	return o.open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

// Open opens an existing file for reading.
func (o *OS) Open(name string) (File, error) { return o.open(name, os.O_RDONLY) }

// OpenWrite opens an existing file for reading and writing.
func (o *OS) OpenWrite(name string) (File, error) { return o.open(name, os.O_RDWR) }

// Rename replaces newname with oldname atomically.
func (*OS) Rename(oldname, newname string) error { return os.Rename(oldname, newname) }

// Remove deletes a file.
func (*OS) Remove(name string) error { return os.Remove(name) }

// MkdirAll makes a directory and its parents, for the owner only.
func (*OS) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o700) }

// List returns the names in a directory, sorted.
func (*OS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// SyncDir makes the directory's entries durable.
func (*OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		d.Close()
		return err
	}
	return d.Close()
}

// Lock takes an exclusive flock on name, which it makes if need be. The error wraps ErrLocked when
// another process, or another Lock of this process, holds it.
func (*OS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = retryInterrupted(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if err != nil {
		f.Close()
		if err == unix.EWOULDBLOCK {
			err = ErrLocked
		}
		return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
	}
	return f, nil
}

// osFile adds what os.File lacks to it.
type osFile struct {
	*os.File
	raw     syscall.RawConn
	syncers *syncers
	quick   *quickWrites
	// zeroedFrom and zeroedTo are what Zero wrote last.
	zeroedFrom, zeroedTo atomic.Int64
}

func (o *OS) open(name string, flags int) (File, error) {
	f, err := os.OpenFile(name, flags, 0o600)
	if err != nil {
		return nil, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &osFile{File: f, raw: raw, syncers: &o.syncers, quick: &o.quick}, nil
}

// isZeroed reports whether Zero wrote all of a range the last time.
func (f *osFile) isZeroed(from, to int64) bool {
	return f.zeroedFrom.Load() <= from && to <= f.zeroedTo.Load()
}

// Size returns the file's length in bytes.
func (f *osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// retryInterrupted repeats a system call that a signal interrupted before it did anything.
func retryInterrupted(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// extend sets the length to size unless the file is longer already.
func (f *osFile) extend(size int64) error {
	have, err := f.Size()
	if err != nil || have >= size {
		return err
	}
	return f.Truncate(size)
}
