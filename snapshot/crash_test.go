package snapshot

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"syscall"
	"testing"

	"redoubt/internal/vfs"
)

// history runs a node's life with images: written, aborted, received, refused, replaced and cut
// short. It reports each image as begun and, when Commit or Install has returned, as done.
func history(t *testing.T, disk vfs.FS, begun, done func(index uint64)) {
	t.Helper()
	peer := openStore(t, newDisk(t))
	s := openStore(t, disk)
	s.syncEvery = 100 << 10
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	commit := func(index uint64) {
		t.Helper()
		begun(index)
		mustWrite(t, s, index)
		done(index)
	}
	receive := func(index uint64, pieces int) (Info, bool) {
		t.Helper()
		mustWrite(t, peer, index)
		info, err := transfer(peer, s, pieces)
		check(err)
		begun(index)
		info, ok, err := s.Install(info.Meta, info.Size)
		check(err)
		if ok {
			done(index)
		}
		return info, ok
	}
	commit(30)
	commit(61)
	commit(62) // Retention begins: 30 goes.
	if _, ok := receive(71, -1); !ok {
		t.Fatal("a whole image must be installed")
	}
	w, err := s.Create(metaOf(80))
	check(err)
	_, err = w.Write(stateOf(80))
	check(err)
	check(w.Abort())
	if _, ok := receive(83, 1); ok {
		t.Fatal("half an image must not be installed")
	}
	commit(71) // Once more what is there.
	mustWrite(t, peer, 89)
	_, err = transfer(peer, s, 1) // Left unfinished, over the restart.
	check(err)
	check(s.streams.closeAll())
	s = openStore(t, disk)
	commit(91)
	if _, ok := receive(95, -1); !ok {
		t.Fatal("a whole image must be installed")
	}
	commit(93) // Older than what was received meanwhile.
}

// progress is how far a history has come: a restart must find the image at done or any of those
// that were begun since.
type progress struct {
	begun map[uint64]bool
	done  uint64
}

func (p *progress) begin(index uint64) { p.begun[index] = true }

func (p *progress) finish(index uint64) {
	p.done = max(p.done, index)
	clear(p.begun)
}

// wantRestart fails unless a node that starts from this disk finds what it must: the newest image
// that was done, or one that was begun later, whole; never a damaged one. It leaves the disk restarted.
func (p *progress) wantRestart(t *testing.T, disk *vfs.Mem, when string) {
	t.Helper()
	s, err := Open(disk, testDir, Options{})
	if err != nil {
		t.Fatalf("%s: a store must open after a crash: %v", when, err)
	}
	for _, info := range s.List() {
		if info.Damage != nil {
			t.Fatalf("%s: no image may be half there: %v", when, info.Damage)
		}
	}
	index, damaged, err := load(s)
	if errors.Is(err, ErrNone) && p.done == 0 {
		return
	}
	if err != nil || len(damaged) > 0 {
		t.Fatalf("%s: every image that is there must be whole: %v, %v", when, damaged, err)
	}
	if index < p.done || index > p.done && !p.begun[index] {
		t.Fatalf("%s: image %d was loaded; %d is done, %v begun", when, index, p.done, p.begun)
	}
	names, err := disk.List(testDir)
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(names, isTemporary) {
		t.Fatalf("%s: what was half made must be gone: %v", when, names)
	}
}

// crashes are the ways to lose what was not synced.
func crashes() []vfs.CrashOptions {
	ways := []vfs.CrashOptions{{Loss: vfs.LoseAll}, {Loss: vfs.LoseNone}}
	for seed := range uint64(4) {
		ways = append(ways, vfs.CrashOptions{Loss: vfs.LoseSome, Rand: rand.New(rand.NewPCG(seed, 0)), TornSectors: seed%2 == 0})
	}
	return ways
}

// TestCrashAtEveryStep stops the machine before each operation of a history, in several ways, and
// after some of these crashes once more at each operation of the restart.
func TestCrashAtEveryStep(t *testing.T) {
	disk := newDisk(t)
	p := &progress{begun: map[uint64]bool{}}
	steps := 0
	ways := crashes()
	crash := func(when string) {
		for i, way := range ways {
			when := fmt.Sprintf("%s, crash %d", when, i)
			restarted := disk.CrashClone(way)
			if way.Loss == vfs.LoseSome && steps%3 == 0 {
				restarted.SetFault(func(op vfs.Op) error {
					if op.Kind.Mutates() {
						p.wantRestart(t, restarted.CrashClone(way), when+", again at "+op.String())
					}
					return nil
				})
			}
			p.wantRestart(t, restarted, when)
		}
	}
	disk.SetFault(func(op vfs.Op) error {
		if op.Kind.Mutates() {
			steps++
			crash("before " + op.String())
		}
		return nil
	})
	history(t, disk, p.begin, p.finish)
	crash("at the end")
	if steps < 60 {
		t.Errorf("only %d steps: the history no longer does what it did", steps)
	}
}

// TestWhatOpenShowsIsDurable kills the process before each operation, so that the page cache stays, and opens what is
// there: a log is let go for an image that was found, and a loss of power must not take it away then.
func TestWhatOpenShowsIsDurable(t *testing.T) {
	disk := newDisk(t)
	disk.SetFault(func(op vfs.Op) error {
		if !op.Kind.Mutates() {
			return nil
		}
		left := disk.CrashClone(vfs.CrashOptions{Loss: vfs.LoseNone})
		for _, info := range openStore(t, left).List() {
			if !left.Durable(path.Join(testDir, info.Name)) {
				t.Fatalf("killed before %s: image %d is shown, and a loss of power would take it away", op, info.Index)
			}
		}
		return nil
	})
	history(t, disk, func(uint64) {}, func(uint64) {})
}

// TestRestartGoesOn takes a new image after each kind of crash at each step.
func TestRestartGoesOn(t *testing.T) {
	disk := newDisk(t)
	way := vfs.CrashOptions{Loss: vfs.LoseSome, Rand: rand.New(rand.NewPCG(7, 7)), TornSectors: true}
	disk.SetFault(func(op vfs.Op) error {
		if !op.Kind.Mutates() {
			return nil
		}
		restarted := disk.CrashClone(way)
		s := openStore(t, restarted)
		mustWrite(t, s, 201, 202)
		wantImages(t, restarted, s, 201, 202)
		after := openStore(t, restarted.CrashClone(vfs.CrashOptions{}))
		wantLoad(t, after, 202, 0)
		return nil
	})
	ignore := func(uint64) {}
	history(t, disk, ignore, ignore)
}

// TestErrorAtEveryStep fails each operation of taking two images and receiving a third, once. Whatever
// is then reported as done must survive a crash, and nothing half made may stand beside it.
func TestErrorAtEveryStep(t *testing.T) {
	peer := openStore(t, newDisk(t))
	mustWrite(t, peer, 62)
	for nth, last := uint64(1), false; !last; nth++ {
		for _, fault := range []error{syscall.EIO, &vfs.ShortWrite{N: 100, Err: syscall.ENOSPC}} {
			disk := newDisk(t)
			s := openStore(t, disk)
			mustWrite(t, s, 10, 20)
			p := &progress{begun: map[uint64]bool{}, done: 20}
			first := disk.Seq()
			var failed vfs.Op
			disk.SetFault(func(op vfs.Op) error {
				if op.Seq-first == nth {
					failed = op
					return fault
				}
				return nil
			})
			for _, index := range []uint64{31, 61} {
				p.begin(index)
				if info, err := write(s, index); err == nil {
					p.finish(info.Index)
				}
			}
			p.begin(62)
			if info, err := transfer(peer, s, -1); err == nil {
				if _, ok, err := s.Install(info.Meta, info.Size); err == nil && ok {
					p.finish(62)
				}
			}
			last = failed.Seq == 0
			disk.SetFault(nil)
			for i, way := range crashes() {
				p.wantRestart(t, disk.CrashClone(way), fmt.Sprintf("%v fails with %v, crash %d", failed, fault, i))
			}
		}
	}
}
