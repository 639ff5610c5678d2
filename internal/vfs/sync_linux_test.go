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
func openTemp(t *testing.T, o *OS) *osFile {
	t.Helper()
	f, err := o.Create(filepath.Join(t.TempDir(), "file"))
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f.(*osFile)
}

// needSyncer skips the test where the system has no asynchronous requests at all.
func needSyncer(t *testing.T) *syncer {
	t.Helper()
	one, err := newSyncer()
	if err != nil {
		t.Skip(err)
	}
	return one
}

func (s *syncers) useless() bool { return s.uselessUntil.Load() > 0 }

// TestSyncByTheKernel: many files are synced at once, time and again, with few syncers kept.
func TestSyncByTheKernel(t *testing.T) {
	needSyncer(t)
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
	if o.syncers.useless() {
		t.Fatal("the kernel refused a sync")
	}
	if n := len(o.syncers.idle); n == 0 || n > idleSyncers {
		t.Errorf("%d syncers are kept, want 1 to %d", n, idleSyncers)
	}
}

// TestSyncEndsWithItsResult: not before the counter moves, and with no more than one result.
func TestSyncEndsWithItsResult(t *testing.T) {
	s := needSyncer(t)
	f := openTemp(t, NewOS())
	must(t, writeOne(f))
	s.file, s.submitted = f.Fd(), true
	ended := false
	must(t, s.events.Control(func(counter uintptr) { ended = s.next(counter) }))
	if ended {
		t.Fatal("a sync ended that was never asked for")
	}
	if err := s.take(); err != errNoResult {
		t.Fatalf("the result of a sync that was never asked for: %v", err)
	}
	s.submitted = false
	if err := s.events.Read(s.advance); err != nil || s.refused != nil || s.failure != nil {
		t.Fatalf("%v, refused %v, failure %v", err, s.refused, s.failure)
	}
	if s.event.object == 0 || s.count != 1 {
		t.Errorf("the counter told of %d results, the last of %x", s.count, s.event.object)
	}
	if err := s.take(); err != errNoResult {
		t.Errorf("a second result: %v", err)
	}
}

// TestSyncWithoutTheKernel: where the kernel takes no request, it is not asked again for a time, and files are synced all the same.
func TestSyncWithoutTheKernel(t *testing.T) {
	must(t, new(OS).syncers.sync(openTemp(t, new(OS)).Fd()))

	one := needSyncer(t)
	one.context = 1 // there is no such context
	o := NewOS()
	o.syncers.give(one)
	f := openTemp(t, o)
	must(t, f.Sync())
	if !o.syncers.useless() {
		t.Error("the kernel's refusal is not noted")
	}
	must(t, f.Sync())
	if len(o.syncers.idle) > 0 {
		t.Error("the kernel was asked again at once")
	}
	o.syncers.uselessUntil.Store(1)
	must(t, f.Sync())
	if len(o.syncers.idle) == 0 {
		t.Error("the kernel is never asked again")
	}
}

// TestFailedSyncIsFinal: what the kernel took and could not do is an error, and nothing is tried after it.
func TestFailedSyncIsFinal(t *testing.T) {
	one := needSyncer(t)
	one.advance = func(uintptr) bool { one.failure = unix.EIO; return true }
	o := NewOS()
	o.syncers.give(one)
	f := openTemp(t, o)
	if err := f.Sync(); !errors.Is(err, unix.EIO) {
		t.Errorf("Sync: %v, want EIO", err)
	}
	if len(o.syncers.idle) > 0 {
		t.Error("the syncer is used again")
	}
}

// TestSyncFails: what cannot be synced is an error, whoever finds that out.
func TestSyncFails(t *testing.T) {
	for _, useless := range []bool{false, true} {
		o := NewOS()
		if useless {
			o.syncers.refuse()
		}
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

func writeOne(f File) error {
	_, err := f.WriteAt([]byte("x"), 0)
	return err
}

func BenchmarkWriteAndSync(b *testing.B) {
	for _, useless := range []bool{false, true} {
		b.Run(fmt.Sprintf("thread=%t", useless), func(b *testing.B) {
			o := NewOS()
			if useless {
				o.syncers.refuse()
			}
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
