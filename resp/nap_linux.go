package resp

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// napTime is time enough for a handful of requests, and a small part of what a commit takes.
const napTime = 60 * time.Microsecond

// napper sleeps for napTime, by a timer of the system's. Go's own timers wake up a millisecond later, and after a nanosleep the
// kernel takes its time (50 µs of slack). The sleeping thread keeps its processor, so that no input wakes another.
type napper struct {
	fd      int // -1: there is no timer
	setting unix.ItimerSpec
	expired [8]byte
}

// newNapper returns a napper that does not sleep if the system has no timer for it. One goroutine at a time uses it.
func newNapper() *napper {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err != nil {
		fd = -1
	}
	return &napper{fd: fd, setting: unix.ItimerSpec{Value: unix.NsecToTimespec(int64(napTime))}}
}

// nap sleeps. No signal ends it: a collection of garbage that wants to begin waits for its end.
func (n *napper) nap() {
	if n.fd < 0 {
		return
	}
	_, _, errno := syscall.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(n.fd), 0, uintptr(unsafe.Pointer(&n.setting)), 0, 0, 0)
	if errno == 0 {
		syscall.RawSyscall(unix.SYS_READ, uintptr(n.fd), uintptr(unsafe.Pointer(&n.expired)), uintptr(len(n.expired)))
	}
}

func (n *napper) close() {
	if n.fd >= 0 {
		unix.Close(n.fd)
	}
}
