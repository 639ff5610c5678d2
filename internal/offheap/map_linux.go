package offheap

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// mapRegion panics if the system has no memory, as the Go heap would. It asks for huge pages (madvise(2), MADV_HUGEPAGE): keys are met in
// no order, and with small pages most accesses must look up first where their page is. Where the system gives none, small ones do.
func mapRegion(size int) []byte {
	region, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		panic(fmt.Sprintf("FATAL: no memory for the keys: mmap of %d bytes: %v", size, err))
	}
	_ = unix.Madvise(region, unix.MADV_HUGEPAGE)
	return region
}

// refuseHugePages concerns those to come.
func refuseHugePages(region []byte) { _ = unix.Madvise(region, unix.MADV_NOHUGEPAGE) }

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
