package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"reflect"
	"testing"
)

// TestFileSystemsAgree runs one script on both file systems: what the simulated one answers is what
// the real one answers.
func TestFileSystemsAgree(t *testing.T) {
	for _, tc := range []struct {
		name string
		fs   FS
		root string
	}{
		{"OS", NewOS(), t.TempDir()},
		{"Mem", NewMem(), "/data"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, at := tc.fs, func(name string) string { return filepath.Join(tc.root, name) }
			must(t, s.MkdirAll(at("a/b")))
			must(t, s.MkdirAll(at("a/b")))
			if _, err := s.Open(at("a/none")); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("Open of a missing file: %v, want ErrNotExist", err)
			}
			if _, err := s.Create(at("none/file")); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("Create in a missing directory: %v, want ErrNotExist", err)
			}
			if err := s.Remove(at("a/none")); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("Remove of a missing file: %v, want ErrNotExist", err)
			}
			if err := s.Rename(at("a/none"), at("a/x")); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("Rename of a missing file: %v, want ErrNotExist", err)
			}
			if err := s.Remove(at("a")); err == nil {
				t.Fatal("Remove of a directory that holds something succeeded")
			}
			f, err := s.Create(at("a/file"))
			must(t, err)
			_, err = f.WriteAt([]byte("hello"), 5000)
			must(t, err)
			must(t, f.Sync())
			must(t, f.Preallocate(8192))
			wantSize(t, f, 8192)
			must(t, f.Preallocate(10))
			wantSize(t, f, 8192)
			must(t, f.Zero(5005, 8192))
			wantSize(t, f, 8192)
			buf := make([]byte, 7)
			if n, err := f.ReadAt(buf, 4999); n != 7 || err != nil || !bytes.Equal(buf, []byte("\x00hello\x00")) {
				t.Fatalf("ReadAt = %d, %v, %q", n, err, buf)
			}
			must(t, f.Truncate(5003))
			if n, err := f.ReadAt(buf, 5000); n != 3 || err != io.EOF {
				t.Fatalf("ReadAt at the end = %d, %v, want 3, EOF", n, err)
			}
			must(t, f.Truncate(5006))
			if n, err := f.ReadAt(buf[:6], 5000); n != 6 || string(buf[:6]) != "hel\x00\x00\x00" {
				t.Fatalf("ReadAt of bytes cut and grown again = %d, %v, %q", n, err, buf[:6])
			}
			must(t, f.Close())
			if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
				t.Fatalf("second Close: %v, want ErrClosed", err)
			}
			r, err := s.Open(at("a/file"))
			must(t, err)
			if _, err := r.WriteAt([]byte("x"), 0); err == nil {
				t.Fatal("WriteAt to a file opened for reading succeeded")
			}
			must(t, r.Close())
			must(t, s.Rename(at("a/file"), at("a/b/moved")))
			must(t, s.SyncDir(at("a")))
			must(t, s.SyncDir(at("a/b")))
			w, err := s.OpenWrite(at("a/b/moved"))
			must(t, err)
			wantSize(t, w, 5006)
			must(t, w.Close())
			names, err := s.List(at("a"))
			if must(t, err); !reflect.DeepEqual(names, []string{"b"}) {
				t.Fatalf("List = %q", names)
			}
			lock, err := s.Lock(at("LOCK"))
			must(t, err)
			if _, err := s.Lock(at("LOCK")); !errors.Is(err, ErrLocked) {
				t.Fatalf("second Lock: %v, want ErrLocked", err)
			}
			must(t, lock.Close())
			again, err := s.Lock(at("LOCK"))
			must(t, err)
			must(t, again.Close())
			must(t, s.Remove(at("a/b/moved")))
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantSize(t *testing.T, f File, want int64) {
	t.Helper()
	if size, err := f.Size(); err != nil || size != want {
		t.Fatalf("Size = %d, %v, want %d", size, err, want)
	}
}
