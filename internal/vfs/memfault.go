package vfs

import (
	"fmt"
	"io/fs"
)

// OpKind names an operation of a file system.
type OpKind uint8

// The operations of FS and File.
const (
	OpCreate OpKind = iota
	OpOpen
	OpOpenWrite
	OpRename
	OpRemove
	OpMkdirAll
	OpList
	OpSyncDir
	OpLock
	OpRead
	OpWrite
	OpSize
	OpTruncate
	OpPreallocate
	OpSync
	OpClose
)

var opNames = [...]string{"create", "open", "open-write", "rename", "remove", "mkdir", "list", "sync-dir",
	"lock", "read", "write", "size", "truncate", "preallocate", "sync", "close"}

// String returns the operation's name.
func (k OpKind) String() string {
	if int(k) < len(opNames) {
		return opNames[k]
	}
	return fmt.Sprintf("OpKind(%d)", uint8(k))
}

// Mutates reports whether the operation can change what a crash leaves.
func (k OpKind) Mutates() bool {
	switch k {
	case OpCreate, OpRename, OpRemove, OpMkdirAll, OpSyncDir, OpLock, OpWrite, OpTruncate, OpPreallocate, OpSync:
		return true
	}
	return false
}

// Op is one operation, as a fault function sees it before it happens.
type Op struct {
	Kind OpKind
	// Path is the file's or directory's name; To is the new name of a rename.
	Path, To string
	// Offset and Length are the byte range of a read or write; Length is the new size of a Truncate
	// or Preallocate.
	Offset, Length int64
	// Seq counts the operations of this file system, from 1.
	Seq uint64
}

// String prints the operation on one line.
func (op Op) String() string {
	return fmt.Sprintf("#%d %s %s %s [%d+%d]", op.Seq, op.Kind, op.Path, op.To, op.Offset, op.Length)
}

// ShortWrite is an error that a fault function may return for an OpWrite: the first N bytes are
// written, and the write then fails with Err.
type ShortWrite struct {
	N   int
	Err error
}

// Error describes the fault.
func (e *ShortWrite) Error() string { return fmt.Sprintf("written up to byte %d: %v", e.N, e.Err) }

// Unwrap returns Err.
func (e *ShortWrite) Unwrap() error { return e.Err }

// SetFault has f called before every operation; nil ends it. An error from f fails the operation,
// which then does nothing, with two exceptions: a *ShortWrite writes a part, and a failed Sync
// drops the dirty bytes as Linux does: reads go on seeing them, no later Sync writes them, and a
// crash loses them. f may call methods of the Mem (CrashClone above all), but not of open files.
func (m *Mem) SetFault(f func(op Op) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// SetCapacity bounds the bytes that files may take, counted in 4 KiB pages; 0 is unlimited. What
// does not fit fails with ENOSPC. Preallocated pages are counted when they are reserved.
func (m *Mem) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = bytes
}

// Used returns the bytes that live files take, counted in 4 KiB pages.
func (m *Mem) Used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

// Seq returns how many operations there have been.
func (m *Mem) Seq() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seq
}

// FlipBit inverts one bit (0 to 7) of the byte at offset, in what reads see and in what is durable.
func (m *Mem) FlipBit(name string, offset int64, bit uint) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.file(name)
	if err != nil {
		return pathError("flip", name, err)
	}
	if offset < 0 || offset >= n.current.size || bit > 7 {
		return pathError("flip", name, fs.ErrInvalid)
	}
	for _, im := range []*image{&n.current, &n.stable} {
		var b [1]byte
		if _, err := im.read(b[:], offset); err != nil {
			continue // Beyond what is durable.
		}
		b[0] ^= 1 << bit
		im.write(m.zero, b[:], offset)
	}
	return nil
}

// begin numbers an operation and asks the fault function about it. It returns with the file system
// locked, unless there is an error.
func (m *Mem) begin(op Op) error {
	m.mu.Lock()
	m.seq++
	op.Seq = m.seq
	if m.fault == nil {
		return nil
	}
	fault := m.fault
	m.mu.Unlock()
	err := fault(op)
	if err == nil {
		m.mu.Lock()
		return nil
	}
	if short, ok := err.(*ShortWrite); ok && op.Kind == OpWrite {
		return short
	}
	return &fs.PathError{Op: op.Kind.String(), Path: op.Path, Err: err}
}

// dropPending forgets what a failed sync should have written.
func (m *Mem) dropPending(n *node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n.dropped = n.dropped || len(n.pending) > 0
	n.pending = nil
}

// Durable reports whether a file would survive a loss of power at this instant as it is: its name, those of the
// directories that lead to it, and all its bytes. A file that a failed sync has left different from what is on the disk
// never is again.
func (m *Mem) Durable(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.root
	for _, e := range split(name) {
		next := n.durable[e]
		if next == nil || next != n.live[e] {
			return false
		}
		n = next
	}
	return n.settled()
}

// Synced reports whether all bytes of a file are durable, whatever is so of its name.
func (m *Mem) Synced(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.file(name)
	return err == nil && n.settled()
}

func (n *node) settled() bool { return len(n.pending) == 0 && !n.dropped }
