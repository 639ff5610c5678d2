package main

import "syscall"

// memberAttributes has the kernel end a member of a local cluster with the process that started it, however that ends. A signal to the
// terminal's group must reach the members through that process, in its order.
func memberAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
