//go:build !linux

package main

import "syscall"

// memberAttributes is as on Linux, but members outlive a process that was killed hard.
func memberAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
