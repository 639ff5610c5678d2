//go:build unix && !linux

package vfs

// syncers and quickWrites are Linux's.
type (
	syncers     struct{}
	quickWrites struct{}
)

// Preallocate only sets the length: a later write may fail for want of space.
func (f *osFile) Preallocate(size int64) error { return f.extend(size) }

// Zero does nothing.
func (f *osFile) Zero(_, _ int64) error { return nil }
