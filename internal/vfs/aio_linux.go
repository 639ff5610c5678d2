package vfs

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// syncer has the kernel sync a file (io_submit(2), IOCB_CMD_FDSYNC, Linux 4.18) while no thread waits, only a goroutine: an event
// counter (eventfd(2)) tells the end, and the runtime's poller watches it as it does sockets. See docs/decisions/0015.
// One goroutine at a time uses it.
type syncer struct {
	context uintptr
	counter *os.File
	events  syscall.RawConn

	file      uintptr
	submitted bool
	// refused is why the kernel did not take the request, and failure what became of one that it took.
	refused, failure error
	request          iocb
	event            ioEvent
	count            uint64
	// advance is a method made into a function once: to do so for each sync would be garbage.
	advance func(counter uintptr) (done bool)
}

// iocb and ioEvent are the kernel's structures of these names (include/uapi/linux/aio_abi.h).
type iocb struct {
	data           uint64
	key, readWrite uint32 // zero: their order is the machine's
	opcode         uint16
	priority       int16
	file           uint32
	buffer, length uint64
	offset         int64
	reserved       uint64
	flags          uint32
	counter        uint32
}

type ioEvent struct {
	data, object    uint64
	result, result2 int64
}

const (
	opFdatasync = 3
	// flagCounter: the iocb names an event counter.
	flagCounter = 1
)

// newSyncer fails where the system has no such requests, does not allow them, or has none left (fs.aio-max-nr).
func newSyncer() (*syncer, error) {
	s := &syncer{}
	if _, _, errno := syscall.Syscall(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&s.context)), 0); errno != 0 {
		return nil, os.NewSyscallError("io_setup", errno)
	}
	runtime.AddCleanup(s, destroyContext, s.context)
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	s.counter = os.NewFile(uintptr(fd), "eventfd")
	if err := s.counter.SetReadDeadline(time.Time{}); err != nil {
		return nil, err // the poller does not watch it
	}
	if s.events, err = s.counter.SyscallConn(); err != nil {
		return nil, err
	}
	s.advance = s.next
	return s, nil
}

func destroyContext(context uintptr) {
	_, _, _ = syscall.Syscall(unix.SYS_IO_DESTROY, context, 0, 0)
}

// sync makes the data of an open file durable. refused says that the kernel did not take the request: nothing was done then.
func (s *syncer) sync(file uintptr) (refused, failure error) {
	s.file, s.submitted, s.refused, s.failure = file, false, nil, nil
	if err := s.events.Read(s.advance); err != nil {
		return nil, err // what became of the request is not known
	}
	return s.refused, s.failure
}

// next submits the request at first. Later it is called when the counter may have moved. None of its system calls waits for anything,
// so the runtime need not hear of them (as in internal/sockio).
func (s *syncer) next(counter uintptr) (done bool) {
	if !s.submitted {
		s.submitted = true
		s.refused = s.submit(counter)
		return s.refused != nil
	}
	switch _, _, errno := syscall.RawSyscall(unix.SYS_READ, counter, uintptr(unsafe.Pointer(&s.count)), unsafe.Sizeof(s.count)); errno {
	case 0:
		s.failure = s.take()
	case unix.EAGAIN, unix.EINTR:
		return false
	default:
		s.failure = errno
	}
	return true
}

func (s *syncer) submit(counter uintptr) error {
	s.request = iocb{opcode: opFdatasync, file: uint32(s.file), flags: flagCounter, counter: uint32(counter)}
	request := &s.request
	n, _, errno := syscall.RawSyscall(unix.SYS_IO_SUBMIT, s.context, 1, uintptr(unsafe.Pointer(&request)))
	switch {
	case errno != 0:
		return errno
	case n != 1:
		return unix.EAGAIN
	}
	return nil
}

// take takes the result of the request, which the counter says is there.
func (s *syncer) take() error {
	s.event = ioEvent{}
	n, _, errno := syscall.RawSyscall6(unix.SYS_IO_GETEVENTS, s.context, 0, 1, uintptr(unsafe.Pointer(&s.event)), 0, 0)
	switch {
	case errno != 0:
		return errno
	case n != 1 || s.event.object != uint64(uintptr(unsafe.Pointer(&s.request))):
		return errNoResult
	case s.event.result < 0:
		return syscall.Errno(-s.event.result)
	}
	return nil
}

// errNoResult: the kernel said that a sync has ended, and not how.
var errNoResult = errors.New("no result of an asynchronous sync")
