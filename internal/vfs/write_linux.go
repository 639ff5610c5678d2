//go:build amd64 || arm64

package vfs

import (
	"io"
	"io/fs"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// quickWrites says which writes are made by system calls that the Go runtime does not hear of (as in internal/sockio): small ones
// into blocks that Zero has written. They go to the page cache and take some microseconds, or tens of them; the runtime's monitor thread, which
// every other call wakes, costs more. See docs/decisions/0015.
//
// When one has taken long all the same, as where too many pages wait to be written back, the goroutines of its processor have waited for
// it, and the garbage collector too. Then writes are ordinary calls for some time, to whatever file: they are of one machine.
type quickWrites struct {
	// ordinaryUntil is until when writes are ordinary calls; Unix time in nanoseconds.
	ordinaryUntil atomic.Int64
	// made counts quick writes.
	made atomic.Int64
}

const (
	// quickWrite is below what size in bytes a write is quick: what zeros are written ahead of (wal.largeBatch).
	quickWrite = 128 << 10
	// slowWrite is how long no quick write should take, and ordinaryTime for how long none is quick after one that did.
	slowWrite    = 2 * time.Millisecond
	ordinaryTime = 10 * time.Second
)

// WriteAt implements io.WriterAt.
func (f *osFile) WriteAt(b []byte, at int64) (int, error) {
	start := time.Now()
	if len(b) == 0 || len(b) >= quickWrite || !f.isZeroed(at, at+int64(len(b))) || !f.quick.allowed(start) {
		return f.File.WriteAt(b, at)
	}
	var n int
	var errno syscall.Errno
	err := f.raw.Control(func(fd uintptr) { n, errno = pwrite(fd, b, at) })
	f.quick.took(start, time.Now())
	switch {
	case err != nil: // closed
		return f.File.WriteAt(b, at)
	case errno != 0:
		return 0, &fs.PathError{Op: "write", Path: f.Name(), Err: errno}
	case n == 0:
		return 0, io.ErrUnexpectedEOF // as os.File says it
	case n < len(b):
		more, err := f.File.WriteAt(b[n:], at+int64(n))
		return n + more, err
	}
	return n, nil
}

// allowed reports whether a write that begins now may be quick.
func (q *quickWrites) allowed(now time.Time) bool {
	return now.UnixNano() >= q.ordinaryUntil.Load()
}

// took takes note of a quick write.
func (q *quickWrites) took(start, end time.Time) {
	q.made.Add(1)
	if end.Sub(start) >= slowWrite {
		q.ordinaryUntil.Store(end.Add(ordinaryTime).UnixNano())
	}
}

func pwrite(fd uintptr, b []byte, at int64) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_PWRITE64, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(at), 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}
