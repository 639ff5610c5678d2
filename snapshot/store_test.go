package snapshot

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"testing"

	"redoubt/internal/vfs"
)

func TestNewestTwoAreKept(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	if _, ok := s.Newest(); ok {
		t.Fatal("a new store has no image")
	}
	if _, _, err := load(s); !errors.Is(err, ErrNone) {
		t.Fatalf("a new store must say that it has no image: %v", err)
	}
	var kept []uint64
	for _, index := range []uint64{1, 9, 10, 101, 1000} {
		info, err := write(s, index)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, index)
		kept = kept[max(0, len(kept)-2):]
		wantImages(t, disk, s, kept...)
		newest, ok := s.Newest()
		if !ok || newest.Name != info.Name || newest.RawSize != uint64(len(stateOf(index))) || newest.Digest != info.Digest {
			t.Fatalf("the newest image must be %+v, got %+v", info, newest)
		}
		wantLoad(t, s, index, 0)
	}
	before := s.List()
	again := openStore(t, disk)
	wantImages(t, disk, again, 101, 1000)
	for i, info := range again.List() {
		if !info.Meta.equal(before[i].Meta) || info.Size != before[i].Size || info.RawSize != before[i].RawSize ||
			info.Blocks != before[i].Blocks || info.Digest != before[i].Digest {
			t.Errorf("a reopened store must tell of its images what it told before: %+v, %+v", info, before[i])
		}
	}
	wantLoad(t, again, 1000, 0)
}

func TestOldImageDoesNotBecomeTheNewest(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	mustWrite(t, s, 100, 200)
	mustWrite(t, s, 150)
	wantImages(t, disk, s, 150, 200)
	mustWrite(t, s, 50)
	wantImages(t, disk, s, 150, 200)
	wantLoad(t, s, 200, 0)
}

func TestSameImageTwice(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	mustWrite(t, s, 100, 200, 200)
	wantImages(t, disk, s, 100, 200)
	wantLoad(t, s, 200, 0)
}

func TestOneWriterAtATime(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	w, err := s.Create(metaOf(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(metaOf(2)); !errors.Is(err, ErrBusy) {
		t.Fatalf("a second writer must be refused: %v", err)
	}
	if err := errors.Join(w.Abort(), w.Abort()); err != nil {
		t.Fatal(err)
	}
	wantImages(t, disk, s)
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("a writer that has ended must not take more")
	}
	if _, err := w.Commit(); err == nil {
		t.Error("an aborted image must not be committed")
	}
	mustWrite(t, s, 2)
	wantImages(t, disk, s, 2)
	for _, meta := range []Meta{{Term: 1}, {Index: 1, Metadata: make([]byte, MaxMetadata+1)}} {
		if _, err := s.Create(meta); err == nil {
			t.Error("an image that cannot be read must not be begun")
		}
	}
	wantImages(t, disk, s, 2)
	mustWrite(t, s, 3)
}

func TestMetadataIsCopied(t *testing.T) {
	s := openStore(t, newDisk(t))
	metadata := []byte("before")
	w, err := s.Create(Meta{Index: 1, Term: 1, Metadata: metadata})
	if err != nil {
		t.Fatal(err)
	}
	copy(metadata, "after!")
	if info, err := w.Commit(); err != nil || string(info.Metadata) != "before" {
		t.Fatalf("the image's metadata must be what Create was given: %q, %v", info.Metadata, err)
	}
}

func TestOpenRemovesOnlyHalfMadeImages(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	mustWrite(t, s, 1)
	image := fileName(metaOf(7))
	foreign := []string{"notes.txt", "notes.writing", "x" + image, image + ".bak", image + ".writing.old"}
	for _, name := range append(foreign, image+writingSuffix, image+receivingSuffix) {
		file, err := disk.Create(path.Join(testDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s = openStore(t, disk)
	wantLoad(t, s, 1, 0)
	names, err := disk.List(testDir)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(names, " ")
	for _, name := range foreign {
		if !strings.Contains(all, name) {
			t.Errorf("%s is not ours and must stay", name)
		}
	}
	if len(names) != len(foreign)+1 {
		t.Errorf("only the image and foreign files must be left: %v", names)
	}
}

// TestDamagedNewestFallsBack flips one bit at each of many places of the newest image.
func TestDamagedNewestFallsBack(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	mustWrite(t, s, 31, 60)
	newest, _ := s.Newest()
	for offset := int64(0); offset < newest.Size; offset += 7 {
		bad := disk.CrashClone(vfs.CrashOptions{Loss: vfs.LoseNone})
		flip(t, bad, 60, offset)
		s := openStore(t, bad)
		wantLoad(t, s, 31, 1)
		wantImages(t, bad, s, 31, 60) // The bad one is not deleted.
		if info, ok := s.Newest(); !ok || info.Index != 31 {
			t.Fatalf("offset %d: a damaged image must not be offered: %+v", offset, info)
		}
		list := s.List()
		if list[0].Damage != nil || list[1].Damage == nil || !strings.Contains(list[1].Damage.Error(), list[1].Name) {
			t.Fatalf("offset %d: the list must say which image is bad: %v", offset, list[1].Damage)
		}
	}
}

func TestTornNewestFallsBack(t *testing.T) {
	disk := newDisk(t)
	mustWrite(t, openStore(t, disk), 31, 60)
	name := path.Join(testDir, fileName(metaOf(60)))
	size := openStore(t, disk).List()[1].Size
	for length := range size {
		bad := disk.CrashClone(vfs.CrashOptions{Loss: vfs.LoseNone})
		file, err := bad.OpenWrite(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(file.Truncate(length), file.Close()); err != nil {
			t.Fatal(err)
		}
		wantLoad(t, openStore(t, bad), 31, 1)
	}
}

func TestMisnamedImageIsDamaged(t *testing.T) {
	disk := newDisk(t)
	mustWrite(t, openStore(t, disk), 30, 60)
	for _, meta := range []Meta{{Index: 61, Term: 7}, {Index: 60, Term: 8}} {
		other := disk.CrashClone(vfs.CrashOptions{Loss: vfs.LoseNone})
		if err := other.Rename(path.Join(testDir, fileName(metaOf(60))), path.Join(testDir, fileName(meta))); err != nil {
			t.Fatal(err)
		}
		wantLoad(t, openStore(t, other), 30, 1)
	}
}

func TestNothingLoadsWhenAllAreDamaged(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	mustWrite(t, s, 30, 60)
	flip(t, disk, 30, 500)
	flip(t, disk, 60, 500)
	_, reports, err := load(s)
	if err == nil || errors.Is(err, ErrNone) || len(reports) != 2 {
		t.Fatalf("a store whose images are all damaged must not look empty: %v, %v", reports, err)
	}
	for _, index := range []uint64{30, 60} {
		if !strings.Contains(err.Error(), fileName(metaOf(index))) {
			t.Errorf("the error must name %s: %v", fileName(metaOf(index)), err)
		}
	}
	if info, _, err := s.ReadAt(0, 0, 100); err != nil || info.Index != 0 {
		t.Errorf("a damaged image must not be sent to a peer: %+v, %v", info, err)
	}
}

func TestRetentionDoesNotCountDamagedImages(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	mustWrite(t, s, 30, 60)
	flip(t, disk, 60, 500)
	wantLoad(t, s, 30, 1)
	mustWrite(t, s, 90)
	wantImages(t, disk, s, 30, 60, 90)
	mustWrite(t, s, 120)
	wantImages(t, disk, s, 90, 120)
}

func TestLoadersErrorFallsBack(t *testing.T) {
	s := openStore(t, newDisk(t))
	mustWrite(t, s, 30, 60)
	refusal := errors.New("a state of another kind")
	info, damaged, err := s.OpenNewest(func(info Info, r io.Reader) error {
		if info.Index == 60 {
			return refusal
		}
		return nil
	})
	if err != nil || info.Index != 30 || len(damaged) != 1 || !errors.Is(damaged[0], refusal) {
		t.Fatalf("an image that the loader refuses must be passed over: %+v, %v, %v", info, damaged, err)
	}
}

// TestUnreadPartIsVerified has a loader that does not read to the end.
func TestUnreadPartIsVerified(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	mustWrite(t, s, 30, 62)
	newest, _ := s.Newest()
	flip(t, disk, 62, newest.Size-footerSize-100)
	info, damaged, err := s.OpenNewest(func(_ Info, r io.Reader) error {
		_, err := io.ReadFull(r, make([]byte, 10))
		return err
	})
	if err != nil || info.Index != 30 || len(damaged) != 1 {
		t.Fatalf("damage behind what the loader reads must count: %+v, %v, %v", info, damaged, err)
	}
}

func TestVerify(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	mustWrite(t, s, 30, 60)
	newest, _ := s.Newest()
	if err := s.Verify(newest); err != nil {
		t.Fatal(err)
	}
	flip(t, disk, 60, 300)
	if _, _, err := s.ReadAt(60, 0, 10); err != nil {
		t.Fatal(err)
	}
	var damage *DamageError
	if err := s.Verify(newest); !errors.As(err, &damage) {
		t.Fatalf("damage must be found: %v", err)
	}
	if info, _, err := s.ReadAt(60, 10, 10); err != nil || info.Index != 30 {
		t.Fatalf("after the finding the image before must be sent: %+v, %v", info, err)
	}
}

func TestOpenImage(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	mustWrite(t, s, 32)
	info, _ := s.Newest()
	r, err := s.OpenImage(info)
	if err != nil {
		t.Fatal(err)
	}
	state, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(state, stateOf(32)) || !r.Meta().equal(info.Meta) {
		t.Fatalf("the image must hold its state: %v", err)
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("a closed reader must not look complete: %v", err)
	}
	if _, err := s.OpenImage(Info{Meta: metaOf(33), Name: info.Name}); err == nil {
		t.Error("an image of another state must be refused")
	}
	if _, err := s.OpenImage(Info{Meta: metaOf(33), Name: fileName(metaOf(33))}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an image that is gone must be told as such: %v", err)
	}
}

// TestFullDiskLeavesTheStoreUsable tries every size of a disk that is too small.
func TestFullDiskLeavesTheStoreUsable(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	mustWrite(t, s, 30, 31)
	used := disk.Used()
	full := false
	for room := int64(0); ; room += 4096 {
		disk.SetCapacity(used + room)
		_, err := write(s, 62)
		if err == nil {
			break
		}
		full = true
		if !errors.Is(err, syscall.ENOSPC) || errors.Is(err, ErrSync) {
			t.Fatalf("room %d: a full disk must be told as such: %v", room, err)
		}
		wantImages(t, disk, s, 30, 31)
		if disk.Used() != used {
			t.Fatalf("room %d: what was written must be removed, %d bytes are used and were %d", room, disk.Used(), used)
		}
	}
	if !full {
		t.Fatal("the disk was never full")
	}
	wantImages(t, disk, s, 31, 62)
	wantLoad(t, s, 62, 0)
}

// TestFailedSyncIsFinal fails each sync once; the disk then works again, and must not be trusted.
func TestFailedSyncIsFinal(t *testing.T) {
	for _, kind := range []vfs.OpKind{vfs.OpSync, vfs.OpSyncDir} {
		for nth := 1; ; nth++ {
			disk := newDisk(t)
			s := openStore(t, disk)
			s.syncEvery = 64 << 10
			mustWrite(t, s, 30, 31)
			seen := 0
			disk.SetFault(func(op vfs.Op) error {
				if op.Kind == kind {
					if seen++; seen == nth {
						return syscall.EIO
					}
				}
				return nil
			})
			_, err := write(s, 62)
			if seen < nth {
				if nth < 2 {
					t.Fatalf("there must be a %v", kind)
				}
				break
			}
			if !errors.Is(err, ErrSync) || !errors.Is(err, syscall.EIO) {
				t.Fatalf("%v %d: the failed sync must be told: %v", kind, nth, err)
			}
			if _, err := write(s, 63); !errors.Is(err, ErrSync) {
				t.Fatalf("%v %d: after a failed sync there must be no more images: %v", kind, nth, err)
			}
			if err := s.Receive(metaOf(64), 0, []byte("x")); !errors.Is(err, ErrSync) {
				t.Fatalf("%v %d: after a failed sync nothing must be received: %v", kind, nth, err)
			}
			if index, _, err := load(openStore(t, disk.CrashClone(vfs.CrashOptions{}))); err != nil || index != 31 {
				t.Fatalf("%v %d: the images before must be there: %d, %v", kind, nth, index, err)
			}
		}
	}
}

// TestSyncThatFindsTheDiskFullIsNotFinal fails each sync of a file's data as a file system does that
// reserves space late.
func TestSyncThatFindsTheDiskFullIsNotFinal(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	s.syncEvery = 64 << 10
	mustWrite(t, s, 30, 31)
	for nth, failed := 1, true; failed; nth++ {
		seen := 0
		disk.SetFault(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync {
				if seen++; seen == nth {
					return syscall.ENOSPC
				}
			}
			return nil
		})
		_, err := write(s, 62)
		if failed = seen >= nth; failed != (err != nil) || errors.Is(err, ErrSync) {
			t.Fatalf("sync %d: a full disk must be told as such: %v", nth, err)
		}
	}
	wantImages(t, disk, s, 31, 62)
	wantLoad(t, s, 62, 0)
}

// TestOldImageThatCannotBeRemoved fails the removal, which must not fail the new image.
func TestOldImageThatCannotBeRemoved(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	mustWrite(t, s, 30, 60)
	disk.SetFault(func(op vfs.Op) error {
		if op.Kind == vfs.OpRemove {
			return syscall.EIO
		}
		return nil
	})
	mustWrite(t, s, 90)
	wantImages(t, disk, s, 30, 60, 90)
	disk.SetFault(nil)
	mustWrite(t, s, 120)
	wantImages(t, disk, s, 90, 120)
}
