package snapshot

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"redoubt/internal/vfs"
)

// benchState is a state of small keys and half-random values, of about n bytes.
func benchState(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	state := make([]byte, 0, n+200)
	for i := 0; len(state) < n; i++ {
		state = fmt.Appendf(state, "key:%012d", i)
		for range 6 {
			state = fmt.Appendf(state, "%08x", random.Uint32())
		}
		state = append(state, "some text that every value has in it, more or less"...)
	}
	return state
}

// BenchmarkEncode tells the throughput in raw bytes, without a disk.
func BenchmarkEncode(b *testing.B) {
	state := benchState(16 << 20)
	b.SetBytes(int64(len(state)))
	b.ReportAllocs()
	var size int
	for b.Loop() {
		var image bytes.Buffer
		image.Grow(len(state))
		e, err := newEncoder(&image, Meta{Index: 1})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.Write(state); err != nil {
			b.Fatal(err)
		}
		if _, err := e.finish(); err != nil {
			b.Fatal(err)
		}
		size = image.Len()
	}
	b.ReportMetric(float64(len(state))/float64(size), "ratio")
}

// BenchmarkRead tells the throughput of a verifying read in raw bytes, without a disk.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1 << 10, 16 << 20} {
		state := benchState(n)
		image := encode(b, Meta{Index: 1}, state)
		b.Run(fmt.Sprint(len(state)), func(b *testing.B) {
			b.SetBytes(int64(len(state)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := NewReader("bench", bytes.NewReader(image))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStore tells the throughput in raw bytes on the file system of the machine, syncs included.
func BenchmarkStore(b *testing.B) {
	state := benchState(64 << 20)
	s, err := Open(vfs.NewOS(), b.TempDir()+"/snapshot", Options{})
	if err != nil {
		b.Fatal(err)
	}
	index := uint64(0)
	b.Run("Write", func(b *testing.B) {
		b.SetBytes(int64(len(state)))
		for b.Loop() {
			index++
			w, err := s.Create(Meta{Index: index, Term: 1})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := w.Write(state); err != nil {
				b.Fatal(err)
			}
			if _, err := w.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Load", func(b *testing.B) {
		b.SetBytes(int64(len(state)))
		for b.Loop() {
			_, _, err := s.OpenNewest(func(_ Info, r io.Reader) error {
				_, err := io.Copy(io.Discard, r)
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
