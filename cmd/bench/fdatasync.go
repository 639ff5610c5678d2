package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// fdatasync puts a file's bytes on the disk, as the servers do.
func fdatasync(file *os.File) error { return unix.Fdatasync(int(file.Fd())) }

// raiseFileLimit lets us, and the processes that we start, have as many connections as the system allows.
func raiseFileLimit() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
}
