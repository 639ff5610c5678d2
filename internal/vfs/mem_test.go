package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"reflect"
	"syscall"
	"testing"
)

// write makes a file with the content, without syncing anything.
func write(t *testing.T, m *Mem, name, content string) File {
	t.Helper()
	f, err := m.Create(name)
	must(t, err)
	_, err = f.WriteAt([]byte(content), 0)
	must(t, err)
	return f
}

// content returns a file's bytes, or "-" if there is no such file.
func content(t *testing.T, m *Mem, name string) string {
	t.Helper()
	f, err := m.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "-"
	}
	must(t, err)
	size, err := f.Size()
	must(t, err)
	buf := make([]byte, size)
	if _, err := f.ReadAt(buf, 0); size > 0 && err != nil {
		t.Fatal(err)
	}
	return string(buf)
}

func TestSyncedDataAndNamesSurvive(t *testing.T) {
	m := NewMem()
	f := write(t, m, "f", "one")
	if got := content(t, m.CrashClone(CrashOptions{}), "f"); got != "-" {
		t.Fatalf("a name that was not synced survived a strict crash: %q", got)
	}
	must(t, m.SyncDir("."))
	if got := content(t, m.CrashClone(CrashOptions{}), "f"); got != "" {
		t.Fatalf("bytes that were not synced survived a strict crash: %q", got)
	}
	must(t, f.Sync())
	_, err := f.WriteAt([]byte("two"), 3)
	must(t, err)
	if got := content(t, m.CrashClone(CrashOptions{}), "f"); got != "one" {
		t.Fatalf("after a strict crash %q, want what was synced", got)
	}
	must(t, m.Rename("f", "g"))
	alive := m.CrashClone(CrashOptions{Loss: LoseNone})
	if got := content(t, alive, "g"); got != "onetwo" {
		t.Fatalf("after the end of the process %q, want all that was written", got)
	}
	if got := content(t, alive.CrashClone(CrashOptions{}), "f"); got != "one" {
		t.Fatalf("the end of the process made something durable: %q", got)
	}
}

func TestCrashKeepsSubsetsOfSectors(t *testing.T) {
	m := NewMem()
	f := write(t, m, "f", string(bytes.Repeat([]byte{'a'}, 4*SectorSize)))
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	_, err := f.WriteAt(bytes.Repeat([]byte{'b'}, 3*SectorSize), SectorSize/2)
	must(t, err)
	seen := make(map[string]bool)
	for seed := uint64(0); seed < 400; seed++ {
		opts := CrashOptions{Loss: LoseSome, Rand: rand.New(rand.NewPCG(seed, 0))}
		got := content(t, m.CrashClone(opts), "f")
		again := content(t, m.CrashClone(CrashOptions{Loss: LoseSome, Rand: rand.New(rand.NewPCG(seed, 0))}), "f")
		if got != again {
			t.Fatalf("seed %d gave two different crashes", seed)
		}
		pattern := ""
		for s := 0; s < 4; s++ {
			sector := got[s*SectorSize : (s+1)*SectorSize]
			switch {
			case s == 0 && sector == string(bytes.Repeat([]byte{'a'}, 256))+string(bytes.Repeat([]byte{'b'}, 256)),
				s == 3 && sector == string(bytes.Repeat([]byte{'b'}, 256))+string(bytes.Repeat([]byte{'a'}, 256)),
				sector == string(bytes.Repeat([]byte{'b'}, 512)):
				pattern += "b"
			case sector == string(bytes.Repeat([]byte{'a'}, 512)):
				pattern += "a"
			default:
				t.Fatalf("seed %d: sector %d is neither old nor new: a sector is written whole", seed, s)
			}
		}
		seen[pattern] = true
	}
	if len(seen) != 16 {
		t.Fatalf("400 crashes showed %d of the 16 subsets of 4 sectors: %v", len(seen), seen)
	}
}

func TestCrashTearsSectorsOnRequest(t *testing.T) {
	m := NewMem()
	f := write(t, m, "f", string(bytes.Repeat([]byte{'a'}, SectorSize)))
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	_, err := f.WriteAt(bytes.Repeat([]byte{'b'}, SectorSize), 0)
	must(t, err)
	torn := false
	for seed := uint64(0); seed < 100; seed++ {
		got := content(t, m.CrashClone(CrashOptions{Loss: LoseSome, Rand: rand.New(rand.NewPCG(seed, 0)), TornSectors: true}), "f")
		n := bytes.Count([]byte(got), []byte{'b'})
		torn = torn || n > 0 && n < SectorSize
	}
	if !torn {
		t.Fatal("TornSectors never tore a sector")
	}
}

func TestRenameIsAtomic(t *testing.T) {
	m := NewMem()
	old := write(t, m, "f", "old")
	must(t, old.Sync())
	must(t, m.SyncDir("."))
	f := write(t, m, "f.tmp", "new")
	must(t, f.Sync())
	must(t, m.Rename("f.tmp", "f"))
	seen := make(map[string]int)
	for seed := uint64(0); seed < 100; seed++ {
		c := m.CrashClone(CrashOptions{Loss: LoseSome, Rand: rand.New(rand.NewPCG(seed, 0))})
		seen[content(t, c, "f")+" "+content(t, c, "f.tmp")]++
	}
	for state := range seen {
		if state != "old -" && state != "old new" && state != "new -" {
			t.Fatalf("a crash around a rename left %q", state)
		}
	}
	if len(seen) != 3 {
		t.Fatalf("100 crashes showed only %v", seen)
	}
	must(t, m.SyncDir("."))
	if got := content(t, m.CrashClone(CrashOptions{}), "f"); got != "new" {
		t.Fatalf("a synced rename was lost: %q", got)
	}
}

func TestRenameBetweenDirectories(t *testing.T) {
	m := NewMem()
	must(t, m.MkdirAll("a"))
	must(t, m.MkdirAll("b"))
	must(t, m.SyncDir("."))
	f := write(t, m, "a/f", "x")
	must(t, f.Sync())
	must(t, m.Rename("a/f", "b/f"))
	must(t, m.SyncDir("b"))
	c := m.CrashClone(CrashOptions{})
	if got := content(t, c, "b/f") + content(t, c, "a/f"); got != "x-" {
		t.Fatalf("a rename that is durable where it arrived left %q", got)
	}
}

func TestRemovedFileReturnsUntilDirectorySync(t *testing.T) {
	m := NewMem()
	f := write(t, m, "f", "x")
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	must(t, m.Remove("f"))
	if got := content(t, m.CrashClone(CrashOptions{}), "f"); got != "x" {
		t.Fatalf("a removal that was not synced: %q, want the file back", got)
	}
	must(t, m.SyncDir("."))
	if got := content(t, m.CrashClone(CrashOptions{}), "f"); got != "-" {
		t.Fatalf("a synced removal came back: %q", got)
	}
}

func TestFailedSyncDropsDirtyBytes(t *testing.T) {
	m := NewMem()
	f := write(t, m, "f", "old")
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	_, err := f.WriteAt([]byte("new"), 0)
	must(t, err)
	m.SetFault(func(op Op) error {
		if op.Kind == OpSync {
			return syscall.EIO
		}
		return nil
	})
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("Sync = %v, want EIO", err)
	}
	m.SetFault(nil)
	must(t, f.Sync())
	if got := content(t, m, "f"); got != "new" {
		t.Fatalf("reads see %q, want the page cache's bytes", got)
	}
	if got := content(t, m.CrashClone(CrashOptions{}), "f"); got != "old" {
		t.Fatalf("a sync that succeeded after a failed one wrote %q: Linux does not", got)
	}
}

func TestDurable(t *testing.T) {
	m := NewMem()
	must(t, m.MkdirAll("d"))
	f := write(t, m, "d/f", "x")
	expect := func(when string, synced, durable bool) {
		t.Helper()
		if m.Synced("d/f") != synced || m.Durable("d/f") != durable {
			t.Fatalf("%s: synced %t, durable %t; want %t, %t", when, m.Synced("d/f"), m.Durable("d/f"), synced, durable)
		}
	}
	expect("a new file", false, false)
	must(t, f.Sync())
	expect("a synced file", true, false)
	must(t, m.SyncDir("d"))
	expect("a file whose directory may be lost", true, false)
	must(t, m.SyncDir("."))
	expect("a file whose names are synced", true, true)
	_, err := f.WriteAt([]byte("y"), 0)
	must(t, err)
	expect("a file with a byte that is not synced", false, false)
	m.SetFault(func(op Op) error {
		if op.Kind == OpSync {
			return syscall.EIO
		}
		return nil
	})
	if f.Sync() == nil {
		t.Fatal("the sync did not fail")
	}
	m.SetFault(nil)
	must(t, f.Sync())
	expect("a file whose sync failed, then succeeded", false, false)
	must(t, m.Rename("d/f", "d/g"))
	if m.Durable("d/g") || m.Durable("d/f") || m.Synced("d/f") {
		t.Fatal("a new name that is not synced is durable, or the old one still means the file")
	}
}

func TestFaults(t *testing.T) {
	m := NewMem()
	f := write(t, m, "f", "....")
	var ops []OpKind
	m.SetFault(func(op Op) error {
		ops = append(ops, op.Kind)
		switch {
		case op.Kind == OpWrite && op.Offset == 0:
			return &ShortWrite{N: 2, Err: syscall.EIO}
		case op.Kind == OpRead:
			m.CrashClone(CrashOptions{}) // A fault function may clone.
			return syscall.EIO
		}
		return nil
	})
	if n, err := f.WriteAt([]byte("abcd"), 0); n != 2 || !errors.Is(err, syscall.EIO) {
		t.Fatalf("WriteAt = %d, %v, want a short write", n, err)
	}
	if _, err := f.ReadAt(make([]byte, 1), 0); !errors.Is(err, syscall.EIO) {
		t.Fatalf("ReadAt = %v, want EIO", err)
	}
	m.SetFault(nil)
	if got := content(t, m, "f"); got != "ab.." {
		t.Fatalf("content %q after a short write", got)
	}
	if want := []OpKind{OpWrite, OpRead}; !reflect.DeepEqual(ops, want) {
		t.Fatalf("fault function saw %v, want %v", ops, want)
	}
	must(t, m.FlipBit("f", 1, 0))
	if got := content(t, m, "f"); got != "ac.." {
		t.Fatalf("content %q after a flipped bit", got)
	}
}

func TestCapacity(t *testing.T) {
	m := NewMem()
	m.SetCapacity(3 * pageSize)
	f := write(t, m, "f", "x")
	must(t, f.Preallocate(2*pageSize))
	g := write(t, m, "g", "y")
	if n, err := g.WriteAt(make([]byte, 2*pageSize), 0); n != pageSize || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("write past the capacity = %d, %v, want %d and ENOSPC", n, err, pageSize)
	}
	if err := g.Preallocate(2 * pageSize); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Preallocate past the capacity: %v, want ENOSPC", err)
	}
	if _, err := f.WriteAt(make([]byte, 2*pageSize), 0); err != nil {
		t.Fatalf("write into preallocated space: %v", err)
	}
	must(t, f.Sync())
	must(t, g.Sync())
	must(t, m.SyncDir("."))
	if got := m.CrashClone(CrashOptions{}).Used(); got != m.Used() || got != 3*pageSize {
		t.Fatalf("clone uses %d bytes, original %d", got, m.Used())
	}
	must(t, m.Remove("f"))
	if m.Used() != pageSize {
		t.Fatalf("%d bytes used after a removal, want %d", m.Used(), pageSize)
	}
}

// TestCrashModel drives random operations beside a plain model: a strict crash leaves exactly what
// was synced, a crash that loses nothing exactly what is there.
func TestCrashModel(t *testing.T) {
	for seed := uint64(0); seed < 50; seed++ {
		r := rand.New(rand.NewPCG(seed, 1))
		m := NewMem()
		f := write(t, m, "f", "")
		must(t, m.SyncDir("."))
		var live, durable []byte
		for step := 0; step < 60; step++ {
			switch r.IntN(5) {
			case 0, 1:
				offset, data := r.IntN(9000), bytes.Repeat([]byte{byte('a' + r.IntN(26))}, 1+r.IntN(6000))
				_, err := f.WriteAt(data, int64(offset))
				must(t, err)
				live = grown(live, offset+len(data))
				copy(live[offset:], data)
			case 2:
				size := r.IntN(12000)
				must(t, f.Truncate(int64(size)))
				live = grown(live, size)[:size:size]
			case 3:
				size := r.IntN(12000)
				must(t, f.Preallocate(int64(size)))
				live = grown(live, size)
			case 4:
				must(t, f.Sync())
				durable = append([]byte(nil), live...)
			}
			for _, check := range []struct {
				what string
				m    *Mem
				want []byte
			}{
				{"live", m, live},
				{"strict crash", m.CrashClone(CrashOptions{}), durable},
				{"process end", m.CrashClone(CrashOptions{Loss: LoseNone}), live},
			} {
				if got := content(t, check.m, "f"); got != string(check.want) {
					t.Fatalf("seed %d step %d, %s: %s", seed, step, check.what, difference(got, string(check.want)))
				}
			}
		}
	}
}

func grown(b []byte, size int) []byte {
	if len(b) >= size {
		return b
	}
	return append(b, make([]byte, size-len(b))...)
}

func difference(got, want string) string {
	for i := 0; i < min(len(got), len(want)); i++ {
		if got[i] != want[i] {
			return fmt.Sprintf("byte %d is %q, want %q", i, got[i], want[i])
		}
	}
	return fmt.Sprintf("%d bytes, want %d", len(got), len(want))
}
