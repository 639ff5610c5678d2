package wal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"redoubt/internal/vfs"
)

func TestAppendAndReopen(t *testing.T) {
	m := newMem(t)
	l := open(t, m, Options{})
	if l.First() != 1 || l.Last() != (Position{}) || l.State() != nil {
		t.Fatalf("a new log is %d to %v with state %q", l.First(), l.Last(), l.State())
	}
	var b Batch
	b.State([]byte("vote"))
	b.Entry(1, 1, []byte("head "), []byte("body"))
	b.Entry(2, 1, nil, nil)
	b.Entry(3, 2, nil, payload(3, 2, 5000))
	must(t, l.Append(&b, true))
	want := content{
		last:  Position{3, 2},
		state: []byte("vote"),
		entries: []Entry{
			{1, 1, []byte("head body")}, {2, 1, nil}, {3, 2, payload(3, 2, 5000)},
		},
	}
	wantContent(t, l, want)
	l = open(t, m.CrashClone(vfs.CrashOptions{}), Options{})
	wantContent(t, l, want)
	if _, ok := l.Term(4); ok {
		t.Fatal("Term of an entry beyond the last one")
	}
	must(t, l.Close())
	if err := l.Append(&b, true); !errors.Is(err, ErrClosed) {
		t.Fatalf("Append after Close: %v", err)
	}
	if _, err := l.Read(1, 1, 10); !errors.Is(err, ErrClosed) {
		t.Fatalf("Read after Close: %v", err)
	}
}

func TestReadIsBoundedByBytes(t *testing.T) {
	l := open(t, newMem(t), small)
	for i := uint64(1); i <= 60; i++ {
		appendEntries(t, l, i, i, 1, 200, true)
	}
	for _, max := range []int{0, 1, 200, 399, 400, 1000, 5000, 1 << 20} {
		for from := uint64(1); from <= 60; from += 7 {
			entries, err := l.Read(from, 60, max)
			must(t, err)
			bytes := 0
			for i, e := range entries {
				bytes += len(e.Payload)
				if e.Index != from+uint64(i) {
					t.Fatalf("Read(%d, 60, %d): entry %d in place %d", from, max, e.Index, i)
				}
			}
			if len(entries) == 0 || len(entries) > 1 && bytes > max {
				t.Fatalf("Read(%d, 60, %d) returned %d entries of %d bytes", from, max, len(entries), bytes)
			}
			if want := min(max, 200*int(61-from)); bytes < want/8 {
				t.Fatalf("Read(%d, 60, %d) returned only %d bytes", from, max, bytes)
			}
		}
	}
}

func TestReplacedSuffix(t *testing.T) {
	m := newMem(t)
	l := open(t, m, small)
	appendEntries(t, l, 1, 40, 1, 300, true) // A batch larger than a segment.
	appendEntries(t, l, 41, 60, 2, 100, true)
	appendEntries(t, l, 30, 35, 3, 100, true)
	appendEntries(t, l, 34, 34, 4, 100, true)
	appendEntries(t, l, 35, 50, 4, 100, true)
	check := func(l *Log) {
		t.Helper()
		got := contentOf(t, l)
		if got.last != (Position{50, 4}) {
			t.Fatalf("last %v", got.last)
		}
		for _, e := range got.entries {
			want := uint64(1)
			if e.Index >= 30 {
				want = 3
			}
			if e.Index >= 34 {
				want = 4
			}
			if e.Term != want {
				t.Fatalf("entry %d has term %d, want %d: a replaced entry came back", e.Index, e.Term, want)
			}
		}
	}
	check(l)
	check(open(t, m.CrashClone(vfs.CrashOptions{}), small))
}

func TestDropBefore(t *testing.T) {
	m := newMem(t)
	l := open(t, m, small)
	var b Batch
	b.State([]byte("kept"))
	must(t, l.Append(&b, true))
	for i := uint64(1); i <= 100; i++ {
		appendEntries(t, l, i, i, i/10, 200, true)
	}
	before := l.Stats()
	for _, index := range []uint64{0, 1, 2} {
		if first, err := l.DropBefore(index); first != 1 || err != nil {
			t.Fatalf("DropBefore(%d) = %d, %v, want 1", index, first, err)
		}
	}
	first, err := l.DropBefore(60)
	must(t, err)
	if first > 60 || first < 40 {
		t.Fatalf("DropBefore(60) keeps from %d: whole segments below 60 go, nothing from 60 on", first)
	}
	if after := l.Stats(); after.DiskBytes >= before.DiskBytes || after.First != first {
		t.Fatalf("disk %d -> %d bytes, first %d", before.DiskBytes, after.DiskBytes, after.First)
	}
	if _, err := l.Read(first-1, 100, 10); !errors.Is(err, ErrCompacted) {
		t.Fatalf("Read below the start: %v, want ErrCompacted", err)
	}
	if term, ok := l.Term(first - 1); !ok || term != (first-1)/10 {
		t.Fatalf("Term(%d) = %d, %v: the term before the first entry is kept", first-1, term, ok)
	}
	want := contentOf(t, l)
	l = open(t, m.CrashClone(vfs.CrashOptions{}), small)
	wantContent(t, l, want)
	first, err = l.DropBefore(1000)
	must(t, err)
	if s := l.Stats(); s.Segments != 1 || first > 101 {
		t.Fatalf("DropBefore beyond the end keeps %d segments and starts at %d", s.Segments, first)
	}
	if got := l.State(); string(got) != "kept" {
		t.Fatalf("state %q after all segments that it was written to are gone", got)
	}
}

func TestReset(t *testing.T) {
	m := newMem(t)
	l := open(t, m, small)
	var b Batch
	b.State([]byte("kept"))
	must(t, l.Append(&b, true))
	appendEntries(t, l, 1, 30, 1, 300, true)
	must(t, l.Reset(1000, 7))
	want := content{start: Position{1000, 7}, last: Position{1000, 7}, state: []byte("kept")}
	wantContent(t, l, want)
	wantContent(t, open(t, m.CrashClone(vfs.CrashOptions{}), small), want)
	if s := l.Stats(); s.Segments != 1 {
		t.Fatalf("%d segments after a reset", s.Segments)
	}
	appendEntries(t, l, 1001, 1001, 8, 10, true)
	must(t, l.Reset(500, 9)) // Back as well: the log does not judge.
	appendEntries(t, l, 501, 502, 9, 10, true)
	if got := contentOf(t, open(t, m.CrashClone(vfs.CrashOptions{}), small)); got.last != (Position{502, 9}) || got.start != (Position{500, 9}) {
		t.Fatalf("log of %v to %v after a second reset", got.start, got.last)
	}
}

func TestPoisonAfterFailedSync(t *testing.T) {
	for _, tc := range []struct {
		kind vfs.OpKind
		roll bool
	}{
		{vfs.OpWrite, false}, {vfs.OpSync, false},
		{vfs.OpWrite, true}, {vfs.OpSync, true}, {vfs.OpRename, true}, {vfs.OpSyncDir, true},
	} {
		t.Run(fmt.Sprintf("%v/roll=%v", tc.kind, tc.roll), func(t *testing.T) {
			m := newMem(t)
			l := open(t, m, small)
			appendEntries(t, l, 1, 1, 1, 10, true)
			m.SetFault(func(op vfs.Op) error {
				if op.Kind == tc.kind {
					return syscall.EIO
				}
				return nil
			})
			var b Batch
			b.Entry(2, 1, nil, make([]byte, 10))
			if tc.roll {
				b.Entry(3, 1, nil, make([]byte, 5000)) // Too large for the segment.
			}
			first := l.Append(&b, true)
			if !errors.Is(first, syscall.EIO) {
				t.Fatalf("Append = %v, want EIO", first)
			}
			m.SetFault(nil)
			if err := l.Append(&b, true); err != first {
				t.Fatalf("second Append = %v, want the first error: a failed sync is final", err)
			}
			for name, err := range map[string]error{
				"Sync": l.Sync(), "Prepare": l.Prepare(), "Reset": l.Reset(9, 9), "Err": l.Err(),
			} {
				if err != first {
					t.Fatalf("%s = %v, want the first error", name, err)
				}
			}
			if _, err := l.DropBefore(1); err != first {
				t.Fatalf("DropBefore = %v, want the first error", err)
			}
			if _, err := l.Read(1, 1, 10); err != first {
				t.Fatalf("Read = %v, want the first error", err)
			}
			if l.Last().Index != 1 {
				t.Fatalf("last %v: the batch that failed is shown", l.Last())
			}
		})
	}
}

// TestFailedSyncIsNotTrustedAfterRestart: the page cache still holds what a failed sync did not
// write, as clean pages. A restarted process reads it; then it must also be on the disk.
func TestFailedSyncIsNotTrustedAfterRestart(t *testing.T) {
	m := newMem(t)
	l := open(t, m, small)
	appendEntries(t, l, 1, 1, 1, 10, true)
	m.SetFault(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync {
			return syscall.EIO
		}
		return nil
	})
	var b Batch
	b.Entry(2, 1, nil, payload(2, 1, 1200))
	if err := l.Append(&b, true); err == nil {
		t.Fatal("Append succeeded though the sync failed")
	}
	m.SetFault(nil)
	l.Close()
	shown := contentOf(t, open(t, m, small))
	wantContent(t, open(t, m.CrashClone(vfs.CrashOptions{}), small), shown)
}

func TestFullDisk(t *testing.T) {
	m := newMem(t)
	l := open(t, m, small)
	m.SetCapacity(4 * MinSegmentBytes)
	var b Batch
	var next uint64
	for next = 1; ; next++ {
		b.Reset()
		b.State(payload(next, 0, 30))
		b.Entry(next, 1, nil, payload(next, 1, 300))
		err := l.Append(&b, true)
		if errors.Is(err, ErrFull) {
			break
		}
		must(t, err)
		if next > 1000 {
			t.Fatal("the disk never filled")
		}
	}
	want := contentOf(t, l)
	if want.last.Index != next-1 || string(want.state) != string(payload(next-1, 0, 30)) {
		t.Fatalf("a refused batch changed the log: last %v, state %q", want.last, want.state)
	}
	if err := l.Append(&b, true); !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Append on a full disk = %v, want ErrFull", err)
	}
	if err := l.Prepare(); !errors.Is(err, ErrFull) {
		t.Fatalf("Prepare on a full disk = %v, want ErrFull", err)
	}
	clone := m.CrashClone(vfs.CrashOptions{})
	wantContent(t, open(t, clone, small), want)
	if _, err := l.DropBefore(next / 2); err != nil {
		t.Fatalf("DropBefore on a full disk: %v: it is what makes room", err)
	}
	if err := l.Append(&b, true); err != nil {
		t.Fatalf("Append once there is room: %v", err)
	}
	if l.Last().Index != next {
		t.Fatalf("last %v, want %d", l.Last(), next)
	}
	m.SetCapacity(clone.Used())
	if err := l.Reset(5000, 5); err != nil {
		t.Fatalf("Reset on a nearly full disk: %v", err)
	}
}

// TestFullDiskUnderWrites meets ENOSPC in the write to the new segment, as on a file system that
// cannot preallocate.
func TestFullDiskUnderWrites(t *testing.T) {
	m := newMem(t)
	l := open(t, m, small)
	appendEntries(t, l, 1, 9, 1, 300, true)
	want := contentOf(t, l)
	m.SetFault(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite {
			return &vfs.ShortWrite{N: 100, Err: syscall.ENOSPC}
		}
		return nil
	})
	var b Batch
	b.Entry(10, 1, nil, payload(10, 1, 3000))
	if err := l.Append(&b, true); !errors.Is(err, ErrFull) {
		t.Fatalf("Append = %v, want ErrFull", err)
	}
	wantContent(t, l, want)
	m.SetFault(nil)
	must(t, l.Append(&b, true))
	if got := contentOf(t, open(t, m.CrashClone(vfs.CrashOptions{}), small)); got.last.Index != 10 {
		t.Fatalf("last %v", got.last)
	}
}

func TestLimits(t *testing.T) {
	l := open(t, newMem(t), Options{SegmentBytes: MinSegmentBytes, MaxRecordBytes: 100})
	var b Batch
	b.Entry(1, 1, make([]byte, 50), make([]byte, 51))
	if err := l.Append(&b, true); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("Append of a large record = %v, want ErrTooLarge", err)
	}
	b.Reset()
	b.State(make([]byte, MaxStateBytes+1))
	if err := l.Append(&b, true); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("Append of a large state = %v, want ErrTooLarge", err)
	}
	b.Reset()
	b.State(make([]byte, MaxStateBytes))
	for i := 0; i < 5; i++ {
		must(t, l.Append(&b, true))
	}
	for _, opts := range []Options{{SegmentBytes: 1}, {SegmentBytes: MaxSegmentBytes + 1}, {MaxRecordBytes: -1}} {
		if _, err := Open(newMem(t), testDir, opts); err == nil {
			t.Fatalf("Open took %+v", opts)
		}
	}
	b.Reset()
	b.Entry(7, 1, nil, nil)
	defer func() {
		if recover() == nil {
			t.Fatal("Append took an entry that leaves a gap")
		}
	}()
	_ = l.Append(&b, true)
}

// TestReadBesideAppend reads from other goroutines while entries are appended, replaced and dropped.
func TestReadBesideAppend(t *testing.T) {
	l := open(t, newMem(t), small)
	appendEntries(t, l, 1, 1, 1, 200, true)
	stop, done := make(chan struct{}), make(chan error, 2)
	for g := 0; g < 2; g++ {
		go func() {
			r := rand.New(rand.NewPCG(uint64(g), 0))
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				first, last := l.First(), l.Last().Index
				if first > last {
					continue
				}
				from := first + r.Uint64N(last-first+1)
				entries, err := l.Read(from, from, 2000)
				if errors.Is(err, ErrCompacted) {
					continue
				}
				if err == nil && string(entries[0].Payload) != string(payload(from, entries[0].Term, 200)) {
					err = errors.New("read a payload that was never written")
				}
				if err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for i := uint64(2); i < 400; i++ {
		appendEntries(t, l, i, i, i, 200, i%3 == 0)
		if i%50 == 0 {
			_, err := l.DropBefore(i - 20)
			must(t, err)
		}
	}
	close(stop)
	for g := 0; g < 2; g++ {
		must(t, <-done)
	}
}

func TestOneWriteAndOneSyncPerBatch(t *testing.T) {
	m := newMem(t)
	l := open(t, m, Options{})
	ops := make(map[vfs.OpKind]int)
	m.SetFault(func(op vfs.Op) error { ops[op.Kind]++; return nil })
	for i := uint64(0); i < 10; i++ {
		appendEntries(t, l, 1+i*20, 20+i*20, 1, 100, true)
	}
	if ops[vfs.OpWrite] != 10 || ops[vfs.OpSync] != 10 || len(ops) != 2 {
		t.Fatalf("10 batches took %v", ops)
	}
	appendEntries(t, l, 201, 201, 1, 100, false)
	if ops[vfs.OpSync] != 10 {
		t.Fatal("a batch without sync was synced")
	}
	must(t, l.Sync())
	must(t, l.Sync())
	if ops[vfs.OpSync] != 11 {
		t.Fatalf("%d syncs for what was not durable", ops[vfs.OpSync]-10)
	}
}

// TestOnRealDisk takes the log through its life on the machine's own file system.
func TestOnRealDisk(t *testing.T) {
	dir := t.TempDir() + "/wal"
	var want content
	for round := uint64(0); round < 4; round++ {
		l, err := Open(vfs.NewOS(), dir, small)
		must(t, err)
		if round > 0 {
			wantContent(t, l, want)
		}
		for i := 0; i < 30; i++ {
			next := l.Last().Index + 1
			var b Batch
			b.State(payload(next, 0, 20))
			b.Entry(next, round, nil, payload(next, round, 400))
			must(t, l.Append(&b, i%2 == 0))
			must(t, l.Prepare())
		}
		first, err := l.DropBefore(l.Last().Index - 10)
		must(t, err)
		if first < 2 || l.Stats().Segments > 4 {
			t.Fatalf("%d segments, first entry %d: the log grows without bound", l.Stats().Segments, first)
		}
		if round == 2 {
			must(t, l.Reset(5000, 9))
		}
		want = contentOf(t, l)
		if round%2 == 0 {
			must(t, l.Close())
		} // Else the process ends without it.
	}
	_, err := Verify(vfs.NewOS(), dir)
	must(t, err)
}
