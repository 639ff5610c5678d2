//go:build amd64 || arm64

package vfs

import (
	"io"
	"io/fs"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// quickWriter writes small pieces to a file by system calls that the Go runtime does not hear of (as in internal/sockio): they
// go to the page cache, and take microseconds. The runtime's monitor thread, which every other call wakes, costs more.
//
// When one has taken long all the same, as where too many pages wait to be written back, the next ones are ordinary calls, so that the
// goroutines of a busy machine wait for them once and not each time.
type quickWriter struct {
	mu sync.Mutex
	// ordinary is how many writes more are ordinary calls.
	ordinary int
}

const (
	// quickWrite is below what size in bytes a write is quick.
	quickWrite = 32 << 10
	// slowWrite is how long no quick write should take, and ordinaryWrites how many are not quick after one that did.
	slowWrite      = 2 * time.Millisecond
	ordinaryWrites = 1024
)

// WriteAt implements io.WriterAt.
func (f *osFile) WriteAt(b []byte, at int64) (int, error) {
	if len(b) == 0 || len(b) >= quickWrite || at < 0 || !f.quick.begin() {
		return f.File.WriteAt(b, at)
	}
	var n int
	var errno syscall.Errno
	start := time.Now()
	err := f.raw.Control(func(fd uintptr) { n, errno = pwrite(fd, b, at) })
	f.quick.end(time.Since(start))
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

// begin reports whether a write may be quick.
func (q *quickWriter) begin() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ordinary > 0 {
		q.ordinary--
		return false
	}
	return true
}

func (q *quickWriter) end(took time.Duration) {
	if took < slowWrite {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ordinary = ordinaryWrites
}

func pwrite(fd uintptr, b []byte, at int64) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_PWRITE64, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(at), 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return 0, errno
		}
		return int(n), 0
	}
}
