//go:build race

package sockio

import "syscall"

// do makes the call by the functions that tell the race detector that what was written came before what is read.
func (c *call) do(trap, fd uintptr) {
	system := syscall.Read
	if trap == syscall.SYS_WRITE {
		system = syscall.Write
	}
	for {
		n, err := system(int(fd), c.b)
		if err == syscall.EINTR {
			continue
		}
		c.n, c.errno = max(n, 0), 0
		if err != nil {
			c.errno = err.(syscall.Errno)
		}
		return
	}
}
