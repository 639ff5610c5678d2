//go:build amd64 || arm64

package vfs

import (
	"testing"
	"time"
)

// TestQuickWrites: a quick write is like any other, and one that took long is followed by ordinary ones.
func TestQuickWrites(t *testing.T) {
	f := openTemp(t, NewOS())
	for _, size := range []int{1, quickWrite - 1, quickWrite, quickWrite + 1} {
		data := make([]byte, size)
		data[0], data[size-1] = 'a', 'z'
		if n, err := f.WriteAt(data, 3); n != size || err != nil {
			t.Fatalf("WriteAt of %d bytes = %d, %v", size, n, err)
		}
		got := make([]byte, size)
		if _, err := f.ReadAt(got, 3); err != nil || string(got) != string(data) {
			t.Fatalf("ReadAt of %d bytes: %v, or other bytes", size, err)
		}
	}
	if _, err := f.WriteAt([]byte("x"), -1); err == nil {
		t.Error("WriteAt before the beginning succeeded")
	}
	start := time.Now()
	f.quick.took(start, start.Add(slowWrite-1))
	if !f.quick.allowed(start) {
		t.Error("not quick after a quick one")
	}
	end := start.Add(slowWrite)
	f.quick.took(start, end)
	if f.quick.allowed(end.Add(ordinaryTime - 1)) {
		t.Error("quick again too soon after one that took long")
	}
	if _, err := f.WriteAt([]byte("x"), 0); err != nil {
		t.Error(err)
	}
	if !f.quick.allowed(end.Add(ordinaryTime)) {
		t.Error("never quick again")
	}
}
