package wal

import (
	"slices"
	"testing"

	"redoubt/internal/vfs"
)

// zeroingFS has the zeros that a log asks for written, as the machine's file system does, and counts what it writes so.
type zeroingFS struct {
	vfs.FS
	calls int
	bytes int64
}

type zeroingFile struct {
	vfs.File
	fs *zeroingFS
}

func (z *zeroingFS) Create(name string) (vfs.File, error)    { return z.wrap(z.FS.Create(name)) }
func (z *zeroingFS) OpenWrite(name string) (vfs.File, error) { return z.wrap(z.FS.OpenWrite(name)) }

func (z *zeroingFS) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return zeroingFile{f, z}, nil
}

func (f zeroingFile) Zero(from, to int64) error {
	f.fs.calls++
	f.fs.bytes += to - from
	_, err := f.WriteAt(make([]byte, to-from), from)
	return err
}

// What is zeroed ahead is never what was written, in whatever order logs grow, lose their end, roll and are opened again.
func TestZeroingAheadLosesNothing(t *testing.T) {
	fs := &zeroingFS{FS: newMem(t)}
	l := open(t, fs, Options{SegmentBytes: 1 << 20})
	next := uint64(1)
	for round := range 40 {
		for _, size := range []int{10, 700, 5000, 40_000, largeBatch} {
			appendEntries(t, l, next, next+uint64(round%3), 1, size, round%2 == 0)
			next += uint64(round%3) + 1
		}
		if round%5 == 4 {
			next -= 2 // entries that are replaced
		}
		if round%7 == 6 {
			before := contentOf(t, l)
			must(t, l.Close())
			l = open(t, fs, Options{SegmentBytes: 1 << 20})
			if after := contentOf(t, l); after.last != before.last || !slices.EqualFunc(after.entries, before.entries, sameEntry) {
				t.Fatalf("round %d: opened again the log ends at %v, not at %v, or holds other entries", round, after.last, before.last)
			}
		}
	}
	must(t, l.Close())
	if fs.calls == 0 {
		t.Error("nothing was zeroed ahead")
	}
}

func sameEntry(a, b Entry) bool {
	return a.Index == b.Index && a.Term == b.Term && string(a.Payload) == string(b.Payload)
}

// Small batches have their blocks written ahead, many at once; beside large ones it would only double what is written.
func TestOnlySmallBatchesAreZeroedAhead(t *testing.T) {
	fs := &zeroingFS{FS: newMem(t)}
	l := open(t, fs, Options{})
	for i := uint64(1); i <= 100; i++ {
		appendEntries(t, l, i, i, 1, 6000, true)
	}
	if fs.calls < 2 || fs.calls > 4 || fs.bytes > 2*100*6000 {
		t.Errorf("100 batches of 6,000 bytes had %d bytes zeroed in %d calls", fs.bytes, fs.calls)
	}
	fs.calls = 0
	for i := uint64(101); i <= 110; i++ {
		appendEntries(t, l, i, i, 1, 120<<10, true)
	}
	if fs.calls < 3 || fs.calls > 6 {
		t.Errorf("10 batches of 120 KiB had zeros written in %d calls", fs.calls)
	}
	fs.calls = 0
	for i := uint64(111); i <= 200; i++ {
		appendEntries(t, l, i, i, 1, largeBatch, true)
	}
	if fs.calls != 0 {
		t.Errorf("large batches had zeros written in %d calls", fs.calls)
	}
	must(t, l.Close())
}
