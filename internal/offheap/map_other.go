//go:build !linux

package offheap

func mapRegion(size int) []byte { return make([]byte, size) }

func unmapRegion([]byte) {}

func refuseHugePages([]byte) {}

func discard([]byte) {}
