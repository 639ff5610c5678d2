package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"redoubt/internal/vfs"
)

func TestTransfer(t *testing.T) {
	from, disk := openStore(t, newDisk(t)), newDisk(t)
	to := openStore(t, disk)
	mustWrite(t, to, 10)
	for _, index := range []uint64{30, 31, 32, 33} {
		mustWrite(t, from, index)
		info, err := transfer(from, to, -1)
		if err != nil {
			t.Fatal(err)
		}
		got, ok, err := to.Install(info.Meta, info.Size)
		if err != nil || !ok {
			t.Fatalf("a whole image must be installed: %v, %v", ok, err)
		}
		if got.Name != info.Name || got.Digest != info.Digest || got.RawSize != info.RawSize || got.Blocks != info.Blocks || got.Size != info.Size {
			t.Fatalf("got %+v, want %+v", got, info)
		}
		wantLoad(t, to, index, 0)
	}
	wantImages(t, disk, to, 32, 33)
	wantLoad(t, openStore(t, disk), 33, 0)
}

func TestReadAt(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	if info, data, err := s.ReadAt(0, 0, 10); err != nil || info.Index != 0 || len(data) != 0 {
		t.Fatalf("without images there is nothing to read: %+v, %v", info, err)
	}
	mustWrite(t, s, 30, 61)
	older, newer := s.List()[0], s.List()[1]
	for _, test := range []struct {
		index      uint64
		offset     int64
		maxBytes   int
		wantIndex  uint64
		wantOffset int64
		wantLength int64
	}{
		{0, 0, 100, 61, 0, 100},
		{61, 0, 1 << 20, 61, 0, newer.Size},
		{61, 50, 100, 61, 50, 100},
		{61, newer.Size - 7, 100, 61, newer.Size - 7, 7},
		{61, newer.Size, 100, 61, newer.Size, 0},
		{61, newer.Size + 1000, 100, 61, newer.Size, 0},
		{61, 5, 0, 61, 5, 0},
		{30, 9, 5, 30, 9, 5},
		{29, 500, 100, 61, 0, 100}, // Not there: the newest from its start.
		{0, 500, 100, 61, 0, 100},
	} {
		info, data, err := s.ReadAt(test.index, test.offset, test.maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		image := encode(t, metaOf(test.wantIndex), stateOf(test.wantIndex))
		want := image[test.wantOffset:][:test.wantLength]
		if info.Index != test.wantIndex || info.Size != map[uint64]int64{30: older.Size, 61: newer.Size}[info.Index] || !bytes.Equal(data, want) {
			t.Errorf("%+v: got image %d of %d bytes, %d bytes of data", test, info.Index, info.Size, len(data))
		}
	}
	for _, bad := range [][2]int64{{-1, 10}, {0, -1}} {
		if _, _, err := s.ReadAt(61, bad[0], int(bad[1])); err == nil {
			t.Errorf("offset %d and length %d must be refused", bad[0], bad[1])
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTransferOutlivesRetention takes new images while an old one is being sent.
func TestTransferOutlivesRetention(t *testing.T) {
	disk := newDisk(t)
	from, to := openStore(t, disk), openStore(t, newDisk(t))
	mustWrite(t, from, 32)
	info, _, err := from.ReadAt(0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	const piece = 40_000
	next := uint64(100)
	for offset := int64(0); offset < info.Size; offset += piece {
		got, data, err := from.ReadAt(32, offset, piece)
		if err != nil || got.Index != 32 {
			t.Fatalf("offset %d: the transfer must go on with image 32: %d, %v", offset, got.Index, err)
		}
		if err := to.Receive(got.Meta, offset, data); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, from, next)
		next++
	}
	wantImages(t, disk, from, next-2, next-1)
	if _, ok, err := to.Install(info.Meta, info.Size); err != nil || !ok {
		t.Fatalf("the image must have arrived whole: %v", err)
	}
	wantLoad(t, to, 32, 0)
	mustWrite(t, from, next, next+1)
	if got, _, err := from.ReadAt(32, 0, 1); err != nil || got.Index != next+1 {
		t.Fatalf("an image that nobody reads any more must be given up: %d, %v", got.Index, err)
	}
	if open := len(from.streams.open); open != 1 {
		t.Fatalf("%d images are open, only one is being read", open)
	}
}

func TestOpenImagesAreBounded(t *testing.T) {
	s := openStore(t, newDisk(t))
	for index := uint64(1); index <= 20; index++ {
		mustWrite(t, s, index)
		for i := uint64(1); i <= index; i++ {
			if _, _, err := s.ReadAt(i, 5, 5); err != nil {
				t.Fatal(err)
			}
			if len(s.streams.open) > maxStreams {
				t.Fatalf("%d images are open, at most %d may be", len(s.streams.open), maxStreams)
			}
		}
	}
}

// TestReplacedImageIsNotMixed rewrites the image that is being sent.
func TestReplacedImageIsNotMixed(t *testing.T) {
	s := openStore(t, newDisk(t))
	mustWrite(t, s, 31)
	if _, _, err := s.ReadAt(31, 0, 100); err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(metaOf(31))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, "something else")
	second, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	info, data, err := s.ReadAt(31, 0, 1<<20)
	if err != nil || info.Digest != second.Digest || int64(len(data)) != second.Size {
		t.Fatalf("what is sent must be the image that info describes: %+v, %v", info, err)
	}
}

func TestDamagedOnTheWay(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	mustWrite(t, s, 10)
	image := smallImage(t)
	meta, _, err := decode(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, meta Meta, announced int64, bytes []byte) {
		t.Helper()
		if err := s.Receive(meta, 0, bytes); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if info, ok, err := s.Install(meta, announced); ok || err != nil {
			t.Fatalf("%s: got %+v, %v, %v; it must be refused without an error", what, info, ok, err)
		}
		wantImages(t, disk, s, 10)
	}
	size := int64(len(image))
	for at := range image {
		bad := bytes.Clone(image)
		bad[at] ^= 0x10
		refused(fmt.Sprintf("byte %d flipped", at), meta, size, bad)
	}
	for length := 1; length < len(image); length += 13 {
		refused(fmt.Sprintf("cut to %d bytes", length), meta, int64(length), image[:length])
	}
	refused("shorter than announced", meta, size+1, image)
	refused("longer than announced", meta, size, append(bytes.Clone(image), 0))
	other := meta
	other.Term++
	refused("another term", other, size, image)
	other = meta
	other.Index--
	refused("another index", other, size, image)
	other = meta
	other.Metadata = []byte("1=evil:1")
	refused("another configuration", other, size, image)
	if _, ok, err := s.Install(meta, size); ok || err != nil {
		t.Fatalf("what was refused must be gone: %v, %v", ok, err)
	}
	if err := s.Receive(meta, 0, image); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Install(other, size); ok || err != nil {
		t.Fatalf("an image must be installed only as what it was received as: %v, %v", ok, err)
	}
	if err := s.Receive(meta, 0, image); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Install(meta, size); !ok || err != nil {
		t.Fatalf("the good image must be taken at last: %v, %v", ok, err)
	}
}

func TestPiecesOutOfOrder(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	image := smallImage(t)
	meta, _, _ := decode(bytes.NewReader(image))
	other := meta
	other.Term++
	receive := func(meta Meta, from, to int) error { return s.Receive(meta, int64(from), image[from:to]) }
	for what, try := range map[string]func() error{
		"no start": func() error { return receive(meta, 10, 20) },
		"gap":      func() error { return errors.Join(receive(meta, 0, 10), receive(meta, 11, 20)) },
		"overlap":  func() error { return errors.Join(receive(meta, 0, 10), receive(meta, 9, 20)) },
		"another":  func() error { return errors.Join(receive(meta, 0, 10), receive(other, 10, 20)) },
		"index 0":  func() error { return receive(Meta{Term: 1}, 0, 10) },
	} {
		if err := try(); err == nil {
			t.Errorf("%s: the piece must be refused", what)
		}
		if err := receive(meta, 20, 30); err == nil {
			t.Errorf("%s: the transfer must begin again", what)
		}
		wantImages(t, disk, s)
	}
	if err := errors.Join(receive(other, 0, 50), receive(meta, 0, 10), receive(meta, 10, len(image))); err != nil {
		t.Fatalf("a new start must discard what was there: %v", err)
	}
	if _, ok, err := s.Install(meta, int64(len(image))); !ok || err != nil {
		t.Fatalf("the image must be installed: %v, %v", ok, err)
	}
	if err := errors.Join(receive(meta, 0, 10), s.Close()); err != nil {
		t.Fatal(err)
	}
	if names, err := disk.List(testDir); err != nil || len(names) != 1 {
		t.Errorf("Close must remove what was received: %v, %v", names, err)
	}
}

func TestReceivingOnAFullDisk(t *testing.T) {
	from, disk := openStore(t, newDisk(t)), newDisk(t)
	to := openStore(t, disk)
	mustWrite(t, from, 32)
	disk.SetCapacity(200_000)
	if _, err := transfer(from, to, -1); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("a full disk must be told as such: %v", err)
	}
	if disk.Used() != 0 {
		t.Fatalf("what was received must be removed, %d bytes are used", disk.Used())
	}
	disk.SetCapacity(0)
	info, err := transfer(from, to, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := to.Install(info.Meta, info.Size); !ok || err != nil {
		t.Fatalf("with room again the image must be taken: %v, %v", ok, err)
	}
}

// TestReadErrorWhileInstallingIsNoDamage tells a failing disk from a bad image.
func TestReadErrorWhileInstallingIsNoDamage(t *testing.T) {
	from, disk := openStore(t, newDisk(t)), newDisk(t)
	to := openStore(t, disk)
	mustWrite(t, from, 32)
	info, err := transfer(from, to, -1)
	if err != nil {
		t.Fatal(err)
	}
	disk.SetFault(func(op vfs.Op) error {
		if op.Kind == vfs.OpRead {
			return syscall.EIO
		}
		return nil
	})
	if _, ok, err := to.Install(info.Meta, info.Size); ok || !errors.Is(err, syscall.EIO) {
		t.Fatalf("got %v, %v; a disk that cannot be read is an error", ok, err)
	}
	wantImages(t, disk, to)
}

// TestConcurrentUse has all that a node does at once; the race detector is the judge.
func TestConcurrentUse(t *testing.T) {
	from, to := openStore(t, newDisk(t)), openStore(t, newDisk(t))
	mustWrite(t, from, 1)
	done := make(chan error, 3)
	go func() {
		for index := uint64(2); index < 30; index++ {
			if _, err := write(from, index); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	go func() {
		for range 30 {
			info, err := transfer(from, to, -1)
			if err == nil {
				var ok bool
				if _, ok, err = to.Install(info.Meta, info.Size); err == nil && !ok {
					err = errors.New("the transfer was damaged")
				}
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	go func() {
		for range 30 {
			from.List()
			info, _ := from.Newest()
			if r, err := from.OpenImage(info); err == nil { // It may be gone by now.
				if _, err := io.Copy(io.Discard, r); err != nil {
					done <- err
					return
				}
				r.Close()
			}
		}
		done <- nil
	}()
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
