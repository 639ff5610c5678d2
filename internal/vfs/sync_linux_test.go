package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// openTemp returns a new file of a file system.
func openTemp(t *testing.T, o OS) *osFile {
	t.Helper()
	f, err := o.Create(filepath.Join(t.TempDir(), "file"))
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f.(*osFile)
}

// TestSyncByTheKernel: where the system takes such requests, as it does wherever these tests are meant to pass, many files
// are synced at once, time and again, with few syncers kept.
func TestSyncByTheKernel(t *testing.T) {
	o := NewOS()
	var all sync.WaitGroup
	for i := range 8 {
		f := openTemp(t, o)
		all.Go(func() {
			for k := range 20 {
				if _, err := f.WriteAt(fmt.Appendf(nil, "%d:%d", i, k), int64(k)*5000); err != nil {
					t.Error(err)
				}
				if err := f.Sync(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if o.syncers.useless.Load() {
		t.Skip("this system has no asynchronous fdatasync")
	}
	if n := len(o.syncers.idle); n == 0 || n > idleSyncers {
		t.Errorf("%d syncers are kept, want 1 to %d", n, idleSyncers)
	}
}

// TestSyncWithoutTheKernel: a system that takes no requests is asked once, and files are synced all the same.
func TestSyncWithoutTheKernel(t *testing.T) {
	o := NewOS()
	o.syncers.useless.Store(true)
	f := openTemp(t, o)
	must(t, f.Sync())
	must(t, OS{}.syncers.sync(f.Fd()))
	if len(o.syncers.idle) > 0 {
		t.Error("a syncer was made")
	}

	refusing := NewOS()
	one, err := newSyncer()
	if err != nil {
		t.Skip(err)
	}
	one.context = 1 // there is no such context
	refusing.syncers.give(one)
	f = openTemp(t, refusing)
	must(t, f.Sync())
	if !refusing.syncers.useless.Load() {
		t.Error("a refused request does not end the requests")
	}
}

// TestSyncFails: what cannot be synced is an error, whoever finds that out.
func TestSyncFails(t *testing.T) {
	for _, useless := range []bool{false, true} {
		o := NewOS()
		o.syncers.useless.Store(useless)
		f := openTemp(t, o)
		must(t, f.Close())
		if err := f.Sync(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Sync of a closed file: %v", err)
		}
		if _, err := f.WriteAt([]byte("x"), 0); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("WriteAt to a closed file: %v", err)
		}
		r, w, err := os.Pipe()
		must(t, err)
		if err := o.syncers.sync(r.Fd()); !errors.Is(err, unix.EINVAL) {
			t.Errorf("sync of a pipe: %v, want EINVAL", err)
		}
		r.Close()
		w.Close()
	}
}

// TestResultIsTheError: what became of a request that the kernel took.
func TestResultIsTheError(t *testing.T) {
	if err := (&ioEvent{result: -int64(unix.EIO)}).err(); !errors.Is(err, unix.EIO) {
		t.Errorf("a negative result is %v, want EIO", err)
	}
	if err := (&ioEvent{}).err(); err != nil {
		t.Errorf("a result of zero is %v", err)
	}
}

func BenchmarkWriteAndSync(b *testing.B) {
	for _, useless := range []bool{false, true} {
		b.Run(fmt.Sprintf("thread=%t", useless), func(b *testing.B) {
			o := NewOS()
			o.syncers.useless.Store(useless)
			f, err := o.Create(filepath.Join(b.TempDir(), "file"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			data := make([]byte, 6000)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := f.WriteAt(data, int64(i%1000*len(data))); err != nil {
					b.Fatal(err)
				}
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
