package offheap

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// mapRegion panics if the system has no memory, as the Go heap would.
func mapRegion(size int) []byte {
	region, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		panic(fmt.Sprintf("FATAL: no memory for the keys: mmap of %d bytes: %v", size, err))
	}
	return region
}

func unmapRegion(region []byte) {
	if err := unix.Munmap(region); err != nil {
		panic("BUG: offheap: munmap: " + err.Error())
	}
}

func discard(span []byte) {
	if err := unix.Madvise(span, unix.MADV_DONTNEED); err != nil {
		panic("BUG: offheap: madvise: " + err.Error())
	}
}
