//go:build !race

package sockio

import (
	"syscall"
	"unsafe"
)

// do makes the call until no signal interrupts it.
func (c *call) do(trap, fd uintptr) {
	for {
		n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(c.b))), uintptr(len(c.b)))
		if errno == syscall.EINTR {
			continue
		}
		if c.n, c.errno = int(n), errno; errno != 0 {
			c.n = 0
		}
		return
	}
}
