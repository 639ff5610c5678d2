//go:build amd64 || arm64

package vfs

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestQuickWrites: small writes into what was zeroed are quick, others are not, and all write the same.
func TestQuickWrites(t *testing.T) {
	const zeroed = 1 << 20
	for _, test := range []struct {
		name  string
		size  int
		at    int64
		quick bool
	}{
		{"small", 1, 5000, true},
		{"largest", quickWrite - 1, 5000, true},
		{"too large", quickWrite, 5000, false},
		{"ends with the zeros", 100, zeroed - 100, true},
		{"ends behind them", 100, zeroed - 99, false},
		{"begins before them", 100, 4095, false},
	} {
		o := NewOS()
		f := openTemp(t, o)
		must(t, f.Preallocate(2*zeroed))
		must(t, f.zero(4096, zeroed)) // whatever the file system of this machine has of it
		data := bytes.Repeat([]byte("ab"), test.size)[:test.size]
		before := o.quick.made.Load()
		if n, err := f.WriteAt(data, test.at); n != test.size || err != nil {
			t.Fatalf("%s: WriteAt of %d bytes = %d, %v", test.name, test.size, n, err)
		}
		if quick := o.quick.made.Load() > before; quick != test.quick {
			t.Errorf("%s: quick is %t, want %t", test.name, quick, test.quick)
		}
		got := make([]byte, test.size+2)
		if _, err := f.ReadAt(got, test.at-1); err != nil || got[0] != 0 || got[test.size+1] != 0 || !bytes.Equal(got[1:test.size+1], data) {
			t.Errorf("%s: other bytes are there than were written (%v)", test.name, err)
		}
	}
}

// TestZeroWhereItIsOfUse: on the file systems of most machines zeros are written.
func TestZeroWhereItIsOfUse(t *testing.T) {
	f := openTemp(t, NewOS())
	var about unix.Statfs_t
	must(t, unix.Fstatfs(int(f.Fd()), &about))
	inPlace := about.Type == unix.EXT4_SUPER_MAGIC || about.Type == unix.XFS_SUPER_MAGIC
	must(t, f.Preallocate(1<<20))
	must(t, f.Zero(0, 1<<20))
	if got := f.zeroedTo.Load() == 1<<20; got != inPlace {
		t.Errorf("a file system of type %#x has zeros: %t", about.Type, got)
	}
}

// TestSlowWritesEndQuickOnes: for a time, in all files.
func TestSlowWritesEndQuickOnes(t *testing.T) {
	var q quickWrites
	start := time.Now()
	q.took(start, start.Add(slowWrite-1))
	if !q.allowed(start) {
		t.Error("not quick after a quick one")
	}
	end := start.Add(slowWrite)
	q.took(start, end)
	if q.allowed(end.Add(ordinaryTime - 1)) {
		t.Error("quick again too soon after one that took long")
	}
	if !q.allowed(end.Add(ordinaryTime)) {
		t.Error("never quick again")
	}

	o := NewOS()
	f := openTemp(t, o)
	must(t, f.Preallocate(1<<20))
	must(t, f.zero(0, 1<<20))
	o.quick.ordinaryUntil.Store(time.Now().Add(time.Hour).UnixNano())
	before := o.quick.made.Load()
	must(t, writeOne(f))
	if o.quick.made.Load() > before {
		t.Error("quick although a write took long a moment ago")
	}
}
