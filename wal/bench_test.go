package wal

import (
	"fmt"
	"testing"

	"redoubt/internal/vfs"
)

// BenchmarkAppend writes batches of one entry without sync (what the log itself costs) and with it
// (what the disk costs).
func BenchmarkAppend(b *testing.B) {
	for _, sync := range []bool{false, true} {
		for _, size := range []int{128, 4096, 65536} {
			b.Run(fmt.Sprintf("sync=%v/bytes=%d", sync, size), func(b *testing.B) {
				l, err := Open(vfs.NewOS(), b.TempDir(), Options{})
				must(b, err)
				defer l.Close()
				body, state := make([]byte, size), make([]byte, 24)
				var batch Batch
				index := uint64(0)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					index++
					batch.Reset()
					batch.State(state)
					batch.Entry(index, 1, state[:9], body)
					must(b, l.Append(&batch, sync))
					if index%1000 == 0 {
						_, err := l.DropBefore(index)
						must(b, err)
					}
				}
			})
		}
	}
}

// BenchmarkRead reads a megabyte at a time, as a lagging peer is fed.
func BenchmarkRead(b *testing.B) {
	l, err := Open(vfs.NewOS(), b.TempDir(), Options{})
	must(b, err)
	defer l.Close()
	const entries, size = 20000, 1024
	for i := uint64(1); i <= entries; i += 100 {
		appendEntries(b, l, i, i+99, 1, size, false)
	}
	b.ReportAllocs()
	next, bytes := uint64(1), int64(0)
	for b.Loop() {
		if next > entries {
			next = 1
		}
		got, err := l.Read(next, entries, 1<<20)
		must(b, err)
		next += uint64(len(got))
		bytes += int64(len(got)) * size
	}
	b.SetBytes(bytes / int64(b.N))
}
