package resp

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller tells which of many sockets have input: an epoll instance that is itself watched by Go's runtime, so that
// waiting for it takes no thread.
type poller struct {
	file *os.File
	raw  syscall.RawConn
	// look is p.poll as a value, which is made once, and glance one that waits for nothing. events[:count] are what they found, errno
	// why they found nothing.
	look   func(fd uintptr) bool
	glance func(fd uintptr) bool
	events [pollEvents]unix.EpollEvent
	count  int
	errno  syscall.Errno
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &poller{file: os.NewFile(uintptr(fd), "epoll")}
	p.look = p.poll
	p.glance = func(fd uintptr) bool { p.poll(fd); return true }
	if p.raw, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return p, nil
}

// close ends a wait.
func (p *poller) close() { p.file.Close() }

// edgeTriggered is unix.EPOLLET, which is a negative number there.
const edgeTriggered = 1 << 31

// add watches a connection's socket under an id, until it is closed. Every arrival is reported once.
func (p *poller) add(conn *net.TCPConn, id uint64) error {
	socket, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | edgeTriggered, Fd: int32(id), Pad: int32(id >> 32)}
	var failed error
	err = p.raw.Control(func(epoll uintptr) {
		err := socket.Control(func(fd uintptr) {
			failed = os.NewSyscallError("epoll_ctl", unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, int(fd), &event))
		})
		if err != nil {
			failed = err
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// wait blocks until some sockets have input and appends their ids. It fails when the poller is closed.
func (p *poller) wait(ids []uint64) ([]uint64, error) {
	if err := p.raw.Read(p.look); err != nil {
		return ids, err
	}
	return p.found(ids), nil
}

// now appends the ids of those sockets that have input at the moment: of none, if the poller is closed.
func (p *poller) now(ids []uint64) []uint64 {
	if p.raw.Read(p.glance) != nil {
		return ids
	}
	return p.found(ids)
}

// found appends the ids of the sockets that the last look has found to have input.
func (p *poller) found(ids []uint64) []uint64 {
	if p.errno != 0 {
		panic("BUG: resp: epoll_pwait: " + p.errno.Error())
	}
	for _, event := range p.events[:p.count] {
		ids = append(ids, uint64(uint32(event.Fd))|uint64(uint32(event.Pad))<<32)
	}
	return ids
}

// poll looks once and reports whether waiting is over. The runtime waits for the next arrival if it is not.
func (p *poller) poll(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&p.events[0])), pollEvents, 0, 0, 0)
		if errno == syscall.EINTR {
			continue
		}
		if p.errno = errno; errno != 0 {
			n = 0
		}
		p.count = int(n)
		return p.count > 0 || errno != 0
	}
}
