package vfs

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// Sync makes the file's data durable with fdatasync. It never retries a failed sync: the kernel
// marks the pages of a failed write-back clean, so a second call would succeed without having
// written them.
func (f osFile) Sync() error {
	err := retryInterrupted(func() error { return unix.Fdatasync(int(f.Fd())) })
	if err != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}

// Preallocate reserves blocks up to size. File systems without fallocate only get the length; a
// later write may then fail for want of space.
func (f osFile) Preallocate(size int64) error {
	err := retryInterrupted(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, size) })
	switch err {
	case nil:
		return nil
	case unix.ENOTSUP, unix.ENOSYS: // ENOTSUP is EOPNOTSUPP on Linux.
		return f.extend(size)
	}
	return &fs.PathError{Op: "fallocate", Path: f.Name(), Err: err}
}
