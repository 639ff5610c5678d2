package vfs

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// Preallocate reserves blocks up to size. File systems without fallocate only get the length; a
// later write may then fail for want of space.
func (f *osFile) Preallocate(size int64) error {
	err := retryInterrupted(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, size) })
	switch err {
	case nil:
		return nil
	case unix.ENOTSUP, unix.ENOSYS: // ENOTSUP is EOPNOTSUPP on Linux.
		return f.extend(size)
	}
	return &fs.PathError{Op: "fallocate", Path: f.Name(), Err: err}
}

// zeros is never written to.
var zeros [64 << 10]byte

// Zero implements File where it is of use: on file systems that write into the blocks that they have reserved. Others take new ones
// for every write, and may have no room for them.
func (f *osFile) Zero(from, to int64) error {
	var about unix.Statfs_t
	err := retryInterrupted(func() error { return unix.Fstatfs(int(f.Fd()), &about) })
	if err != nil || about.Type != unix.EXT4_SUPER_MAGIC && about.Type != unix.XFS_SUPER_MAGIC {
		return nil
	}
	return f.zero(from, to)
}

// zero writes zeros, and takes note of where.
func (f *osFile) zero(from, to int64) error {
	f.zeroedTo.Store(0)
	f.zeroedFrom.Store(from)
	for from < to {
		n, err := f.WriteAt(zeros[:min(to-from, int64(len(zeros)))], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	f.zeroedTo.Store(to)
	return nil
}
