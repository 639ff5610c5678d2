package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"testing"

	"redoubt/internal/vfs"
)

const testDir = "data/snapshot"

// newDisk returns a simulated disk with the data directory on it, durably.
func newDisk(t testing.TB) *vfs.Mem {
	t.Helper()
	disk := vfs.NewMem()
	if err := errors.Join(disk.MkdirAll("data"), disk.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	return disk
}

func openStore(t testing.TB, disk vfs.FS) *Store {
	t.Helper()
	s, err := Open(disk, testDir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// metaOf and stateOf make up the image at an index. States do not compress; every third, 2 and 5
// and 8 among them, needs two blocks and several pieces of a transfer.
func metaOf(index uint64) Meta {
	return Meta{Index: index, Term: index/10 + 1, Metadata: fmt.Appendf(nil, "members at %d", index)}
}

func stateOf(index uint64) []byte {
	length := 1000 + 10*(index%3)
	if index%3 == 2 {
		length += BlockSize
	}
	state := make([]byte, length)
	rand.NewChaCha8([32]byte{byte(index)}).Read(state)
	return state
}

// write writes and commits the image at index.
func write(s *Store, index uint64) (Info, error) {
	w, err := s.Create(metaOf(index))
	if err != nil {
		return Info{}, err
	}
	if _, err := w.Write(stateOf(index)); err != nil {
		return Info{}, errors.Join(err, w.Abort())
	}
	return w.Commit()
}

func mustWrite(t testing.TB, s *Store, indexes ...uint64) {
	t.Helper()
	for _, index := range indexes {
		if _, err := write(s, index); err != nil {
			t.Fatalf("writing image %d: %v", index, err)
		}
	}
}

// load loads the newest good image and checks that it is what was written under its index.
func load(s *Store) (index uint64, damaged []error, err error) {
	var state []byte
	info, damaged, err := s.OpenNewest(func(info Info, r io.Reader) error {
		var err error
		state, err = io.ReadAll(r)
		return err
	})
	if err != nil {
		return 0, damaged, err
	}
	if !info.Meta.equal(metaOf(info.Index)) {
		return 0, damaged, fmt.Errorf("image %d has another's metadata: %+v", info.Index, info.Meta)
	}
	if !bytes.Equal(state, stateOf(info.Index)) {
		return 0, damaged, fmt.Errorf("image %d does not hold its state", info.Index)
	}
	return info.Index, damaged, nil
}

// wantLoad fails unless the image at index is loaded and so many newer ones are reported.
func wantLoad(t testing.TB, s *Store, index uint64, damaged int) {
	t.Helper()
	got, reports, err := load(s)
	if err != nil || got != index || len(reports) != damaged {
		t.Fatalf("got image %d, reports %v, error %v; want image %d and %d reports", got, reports, err, index, damaged)
	}
}

// wantImages fails unless these images are listed, and are all that is in the directory.
func wantImages(t testing.TB, disk vfs.FS, s *Store, indexes ...uint64) {
	t.Helper()
	var listed, wanted []string
	for _, info := range s.List() {
		listed = append(listed, info.Name)
	}
	for _, index := range indexes {
		wanted = append(wanted, fileName(metaOf(index)))
	}
	names, err := disk.List(testDir)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(listed) != fmt.Sprint(wanted) || fmt.Sprint(names) != fmt.Sprint(wanted) {
		t.Fatalf("listed %v, on disk %v, want %v", listed, names, wanted)
	}
}

// transfer copies the newest image from one store to another in pieces, up to a number of pieces
// if it is not negative, and returns what is to be installed.
func transfer(from, to *Store, pieces int) (Info, error) {
	const size = 60_000
	var index uint64
	for offset := int64(0); ; {
		info, data, err := from.ReadAt(index, offset, size)
		if err != nil || info.Index == 0 {
			return Info{}, fmt.Errorf("nothing to transfer: %w", err)
		}
		if info.Index != index {
			index, offset = info.Index, 0 // The image before is gone.
		}
		if len(data) == 0 || pieces == 0 {
			return info, nil
		}
		if err := to.Receive(info.Meta, offset, data); err != nil {
			return Info{}, err
		}
		offset += int64(len(data))
		pieces--
	}
}

// flip inverts a bit of an image on disk.
func flip(t testing.TB, disk *vfs.Mem, index uint64, offset int64) {
	t.Helper()
	if err := disk.FlipBit(path.Join(testDir, fileName(metaOf(index))), offset, 3); err != nil {
		t.Fatal(err)
	}
}
