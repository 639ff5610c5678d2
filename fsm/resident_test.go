package fsm_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"redoubt/fsm"
	"redoubt/internal/offheap"
)

// BenchmarkResident sets keys of 16 bytes to values of 100 and reports the resident memory a key, all of the process in it,
// and how long a garbage collection takes and stops the world. It is run with -benchtime 1x.
func BenchmarkResident(b *testing.B) {
	for _, keys := range []int{1_000_000, 10_000_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			for b.Loop() {
				m := fsm.NewIn(offheap.New())
				m.Advance(1, 1_700_000_000_000)
				w := fsm.Writer{Discard: true}
				args := [][]byte{[]byte("set"), nil, bytes.Repeat([]byte("v"), 100)}
				for i := range keys {
					args[1] = fmt.Appendf(args[1][:0], "key:%012d", i)
					m.Apply(args, &w)
				}
				b.ReportMetric(float64(resident(b))/float64(keys), "B/key")
				var before, after debug.GCStats
				debug.ReadGCStats(&before)
				start := time.Now()
				runtime.GC()
				b.ReportMetric(float64(time.Since(start).Microseconds()), "gc-µs")
				debug.ReadGCStats(&after)
				b.ReportMetric(float64((after.PauseTotal - before.PauseTotal).Microseconds()), "gc-stop-µs")
				runtime.KeepAlive(m)
			}
		})
	}
}

// resident returns the bytes of memory that the process has.
func resident(b *testing.B) int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip(err)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
