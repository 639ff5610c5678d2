package fsm

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

const benchKeys = 100_000

// filled returns a machine with benchKeys keys of 100 bytes, and their names.
func filled(tb testing.TB) (*Machine, [][]byte) {
	tb.Helper()
	m := New()
	m.Advance(1, 1_000_000)
	w := Writer{Discard: true}
	value := bytes.Repeat([]byte("v"), 100)
	keys := make([][]byte, benchKeys)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key:%012d", i)
		m.Apply([][]byte{[]byte("SET"), keys[i], value}, &w)
	}
	return m, keys
}

func BenchmarkGet(b *testing.B) {
	m, keys := filled(b)
	var w Writer
	args := [][]byte{[]byte("GET"), nil}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		args[1] = keys[i*7919%len(keys)]
		w.Buf = w.Buf[:0]
		m.Read(1_000_000, args, &w)
	}
}

func BenchmarkSet(b *testing.B) {
	m, keys := filled(b)
	var w Writer
	args := [][]byte{[]byte("SET"), nil, bytes.Repeat([]byte("w"), 100)}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		args[1] = keys[i*7919%len(keys)]
		w.Buf = w.Buf[:0]
		m.Apply(args, &w)
	}
}

func BenchmarkSetNewKey(b *testing.B) {
	m := New()
	m.Advance(1, 1_000_000)
	w := Writer{Discard: true}
	args := [][]byte{[]byte("SET"), nil, bytes.Repeat([]byte("w"), 100)}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		args[1] = fmt.Appendf(args[1][:0], "key:%012d", i)
		m.Apply(args, &w)
	}
}

// BenchmarkSetUnderView shows what copy-on-write costs while a snapshot is taken.
func BenchmarkSetUnderView(b *testing.B) {
	m, keys := filled(b)
	w := Writer{Discard: true}
	args := [][]byte{[]byte("SET"), nil, bytes.Repeat([]byte("w"), 100)}
	v := m.View()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%benchKeys == 0 {
			v.Release()
			v = m.View()
		}
		args[1] = keys[i*7919%len(keys)]
		m.Apply(args, &w)
	}
}

func BenchmarkExpire(b *testing.B) {
	m, keys := filled(b)
	w := Writer{Discard: true}
	args := [][]byte{[]byte("EXPIRE"), nil, []byte("100")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Advance(uint64(i), 1_000_000+int64(i/100))
		args[1] = keys[i*7919%len(keys)]
		m.Apply(args, &w)
	}
}

func BenchmarkBatch(b *testing.B) {
	_, keys := filled(b)
	value := bytes.Repeat([]byte("v"), 100)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendBatchHeader(buf[:0])
		for i := range 16 {
			buf = AppendCommand(buf, 0, 0, [][]byte{[]byte("SET"), keys[i], value})
		}
		batch, err := DecodeBatch(buf)
		if err != nil {
			b.Fatal(err)
		}
		for {
			if _, ok, _ := batch.Next(); !ok {
				break
			}
		}
	}
}

func BenchmarkWriteTo(b *testing.B) {
	m, _ := filled(b)
	b.ReportAllocs()
	for b.Loop() {
		v := m.View()
		n, _ := v.WriteTo(io.Discard)
		v.Release()
		b.SetBytes(n)
	}
}

func BenchmarkLoad(b *testing.B) {
	m, _ := filled(b)
	v := m.View()
	var image bytes.Buffer
	v.WriteTo(&image)
	v.Release()
	b.SetBytes(int64(image.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(bytes.NewReader(image.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSetMany sets keys in a random order, 16 after each other, with and without Warm.
func BenchmarkSetMany(b *testing.B) {
	for _, warm := range []bool{false, true} {
		b.Run(fmt.Sprintf("warm=%t", warm), func(b *testing.B) {
			m, keys := filled(b)
			w := Writer{Discard: true}
			args := [][]byte{[]byte("SET"), nil, bytes.Repeat([]byte("w"), 100)}
			next := uint64(1)
			batch := make([][]byte, 16)
			b.ReportAllocs()
			for b.Loop() {
				for i := range batch {
					next = next*6364136223846793005 + 1442695040888963407
					batch[i] = keys[(next>>33)%uint64(len(keys))]
				}
				if warm {
					m.Warm(batch)
				}
				for _, args[1] = range batch {
					m.Apply(args, &w)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(len(batch)*b.N), "ns/SET")
		})
	}
}
