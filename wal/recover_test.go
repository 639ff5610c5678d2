package wal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"redoubt/internal/vfs"
)

// written is a log on disk whose history is known.
type written struct {
	fs    *vfs.Mem
	paths []string
	// final is what the last segment holds; ends and contents are where each batch in it ends, and
	// the log's content after it.
	final    []byte
	ends     []int64
	contents []content
}

// writeLog writes batches of several shapes, over segments if roll is set.
func writeLog(t testing.TB, roll bool) *written {
	t.Helper()
	w := &written{fs: newMem(t)}
	l := open(t, w.fs, small)
	if roll {
		appendEntries(t, l, 1, 10, 1, 300, true)
		appendEntries(t, l, 11, 20, 2, 300, true)
	}
	base := l.Last().Index
	add := func(fill func(b *Batch)) {
		var b Batch
		fill(&b)
		must(t, l.Append(&b, true))
		w.ends = append(w.ends, l.written)
		w.contents = append(w.contents, contentOf(t, l))
	}
	if !roll {
		w.ends, w.contents = []int64{l.written}, []content{contentOf(t, l)}
	}
	add(func(b *Batch) {
		b.State([]byte("state one"))
		b.Entry(base+1, 2, []byte("h"), []byte("first"))
		b.Entry(base+2, 2, nil, bytes.Repeat([]byte{0}, 600)) // Sectors of zeros are data too.
	})
	add(func(b *Batch) { b.Entry(base+3, 3, nil, payload(base+3, 3, 530)) })
	add(func(b *Batch) { b.State([]byte("state two")) })
	add(func(b *Batch) {
		b.Entry(base+2, 4, nil, payload(base+2, 4, 40)) // Replaces two entries.
		b.Entry(base+3, 4, nil, bytes.Repeat([]byte{0}, 300))
	})
	must(t, l.Close())
	w.paths = segmentPaths(t, w.fs)
	w.final = readFile(t, w.fs, w.paths[len(w.paths)-1])
	return w
}

func (w *written) last() string { return w.paths[len(w.paths)-1] }

// copyOf returns a copy of the file system with other bytes in the last segment.
func (w *written) copyOf(t testing.TB, final []byte) *vfs.Mem {
	t.Helper()
	m := w.fs.CrashClone(vfs.CrashOptions{})
	writeFile(t, m, w.last(), final)
	return m
}

// TestLogCutAtEveryByte: nothing was written from some byte on. The batches that are whole before
// that byte are recovered, no more and no less.
func TestLogCutAtEveryByte(t *testing.T) {
	w := writeLog(t, false)
	for cut := w.ends[0]; cut <= w.ends[len(w.ends)-1]+1; cut++ {
		final := bytes.Clone(w.final)
		clear(final[cut:])
		whole := 0
		for whole+1 < len(w.ends) && w.ends[whole+1] <= cut {
			whole++
		}
		m := w.copyOf(t, final)
		l, err := Open(m, testDir, small)
		if err != nil {
			t.Fatalf("log cut at byte %d: %v: a torn tail is cut", cut, err)
		}
		if d := contentOf(t, l).differs(w.contents[whole]); d != "" {
			t.Fatalf("log cut at byte %d: the log %s", cut, d)
		}
		must(t, l.Close())
		if after := readFile(t, m, w.last()); !bytes.Equal(after[:w.ends[whole]], w.final[:w.ends[whole]]) || !allZero(after[w.ends[whole]:]) {
			t.Fatalf("log cut at byte %d: Open left bytes of the torn tail behind", cut)
		}
	}
}

// TestFileCutAtEveryByte: segments keep their length from before they have a name, so a short file
// is damage, and says so.
func TestFileCutAtEveryByte(t *testing.T) {
	w := writeLog(t, true)
	for _, name := range w.paths {
		whole := readFile(t, w.fs, name)
		for cut := 0; cut < len(whole); cut += 1 + cut/20 {
			m := w.fs.CrashClone(vfs.CrashOptions{})
			writeFile(t, m, name, whole[:cut])
			_, err := Open(m, testDir, small)
			corrupt := wantCorrupt(t, err)
			if !strings.Contains(name, fmt.Sprintf("/%06d-", corrupt.Segment)) || !strings.Contains(err.Error(), "cut short") {
				t.Fatalf("%s cut at byte %d: %v", name, cut, err)
			}
		}
	}
}

// TestEveryFlippedBit: with any one bit flipped in any segment, Open recovers all that was synced, or
// names the place. Nothing that was acknowledged is ever dropped in silence.
func TestEveryFlippedBit(t *testing.T) {
	for _, roll := range []bool{false, true} {
		w := writeLog(t, roll)
		want := w.contents[len(w.contents)-1]
		for i, name := range w.paths {
			whole := readFile(t, w.fs, name)
			used := int64(len(whole))
			if i == len(w.paths)-1 {
				used = w.ends[len(w.ends)-1] + 100
			}
			missed := 0
			for at := int64(0); at < used; at++ {
				for bit := uint(0); bit < 8; bit++ {
					if roll && (at*8+int64(bit))%23 != 0 {
						continue // Older segments are alike; a sample is enough.
					}
					m := w.fs.CrashClone(vfs.CrashOptions{})
					must(t, m.FlipBit(name, at, bit))
					l, err := Open(m, testDir, small)
					if err != nil {
						corrupt := wantCorrupt(t, err)
						if corrupt.Offset > at {
							t.Fatalf("%s byte %d bit %d: %v names a place beyond it", name, at, bit, err)
						}
						missed++
						if got := readFile(t, m, name); !bytes.Equal(append(append(bytes.Clone(whole[:at]), whole[at]^1<<bit), whole[at+1:]...), got) {
							t.Fatalf("%s byte %d bit %d: Open changed the disk before it refused", name, at, bit)
						}
						continue
					}
					if d := contentOf(t, l).differs(want); d != "" {
						t.Fatalf("%s byte %d bit %d: the log %s: damage was not noticed", name, at, bit, d)
					}
				}
			}
			if missed == 0 {
				t.Fatalf("no flipped bit of %s was noticed", name)
			}
		}
	}
}

// TestMissingSectors: a sector of zeros is a torn write only if nothing later says that it was synced.
func TestMissingSectors(t *testing.T) {
	w := writeLog(t, false)
	for from := int64(0); from < w.ends[len(w.ends)-1]; from += sectorSize {
		final := bytes.Clone(w.final)
		clear(final[from : from+sectorSize])
		whole := 0
		for whole+1 < len(w.ends) && w.ends[whole+1] <= from {
			whole++
		}
		// A batch beyond the hole whose first header is outside of it was written after a sync.
		proven := from == 0
		for k := whole + 1; k+1 < len(w.ends); k++ {
			proven = proven || w.ends[k] >= from+sectorSize
		}
		l, err := Open(w.copyOf(t, final), testDir, small)
		if proven {
			wantCorrupt(t, err)
			continue
		}
		must(t, err)
		wantContent(t, l, w.contents[whole])
	}
	// Of a log that goes on in another segment every sector is needed.
	w = writeLog(t, true)
	name := w.paths[1]
	whole := readFile(t, w.fs, name)
	for from := 0; from < 3*sectorSize; from += sectorSize {
		m := w.fs.CrashClone(vfs.CrashOptions{})
		damaged := bytes.Clone(whole)
		clear(damaged[from : from+sectorSize])
		writeFile(t, m, name, damaged)
		_, err := Open(m, testDir, small)
		wantCorrupt(t, err)
	}
}

func TestMissingSegments(t *testing.T) {
	w := writeLog(t, true)
	if len(w.paths) < 3 {
		t.Fatalf("only %d segments", len(w.paths))
	}
	for i := range w.paths[:len(w.paths)-1] {
		m := w.fs.CrashClone(vfs.CrashOptions{})
		must(t, m.Remove(w.paths[i]))
		_, err := Open(m, testDir, small)
		if wantCorrupt(t, err); !strings.Contains(err.Error(), "missing") {
			t.Fatalf("without %s: %v", w.paths[i], err)
		}
	}
	m := w.fs.CrashClone(vfs.CrashOptions{})
	must(t, m.Rename(w.paths[0], testDir+"/000001-00000000000000000009.wal"))
	_, err := Open(m, testDir, small)
	wantCorrupt(t, err)
}

// TestStaleBytesNeverReplay: bytes of another segment, or of another place of this one, are no
// records here.
func TestStaleBytesNeverReplay(t *testing.T) {
	w := writeLog(t, false)
	end := w.ends[len(w.ends)-1]
	batch := bytes.Clone(w.final[w.ends[1]:w.ends[2]])
	for name, tail := range map[string][]byte{
		"of another place":   batch,
		"of another segment": readFile(t, w.fs, w.paths[0])[segmentHeaderSize:][:200],
	} {
		for shift := 0; shift < 40; shift += 3 {
			final := bytes.Clone(w.final)
			copy(final[end+int64(shift):], tail)
			l, err := Open(w.copyOf(t, final), testDir, small)
			if err != nil {
				wantCorrupt(t, err)
				continue
			}
			if d := contentOf(t, l).differs(w.contents[len(w.contents)-1]); d != "" {
				t.Fatalf("bytes %s replayed: the log %s", name, d)
			}
		}
	}
}

// TestOlderSegmentUnderNewName: a segment that was copied over another is told by its header.
func TestOlderSegmentUnderNewName(t *testing.T) {
	w := writeLog(t, true)
	m := w.fs.CrashClone(vfs.CrashOptions{})
	writeFile(t, m, w.last(), readFile(t, w.fs, w.paths[0]))
	_, err := Open(m, testDir, small)
	if wantCorrupt(t, err); !strings.Contains(err.Error(), "name") {
		t.Fatalf("a foreign segment: %v", err)
	}
}

// TestReadNoticesDamage: a bit that flips under an open log is noticed by the read.
func TestReadNoticesDamage(t *testing.T) {
	m := newMem(t)
	l := open(t, m, small)
	appendEntries(t, l, 1, 5, 1, 100, true)
	must(t, m.FlipBit(segmentPaths(t, m)[0], 300, 4))
	_, err := l.Read(1, 5, 1<<20)
	wantCorrupt(t, err)
	m.SetFault(func(op vfs.Op) error {
		if op.Kind == vfs.OpRead {
			return fs.ErrPermission
		}
		return nil
	})
	if _, err := l.Read(5, 5, 1<<20); !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("Read with a failing disk: %v", err)
	}
}

func TestVerifyAndDump(t *testing.T) {
	w := writeLog(t, true)
	before := w.fs.Seq()
	changed := false
	w.fs.SetFault(func(op vfs.Op) error {
		changed = changed || op.Kind.Mutates()
		return nil
	})
	report, err := Verify(w.fs, testDir)
	must(t, err)
	want := Report{
		Segments: 3, Records: report.Records, FirstSegment: 1, LastSegment: 4, Bytes: report.Bytes,
		Last: Position{23, 4},
	}
	want.FirstSegment, want.LastSegment, want.Segments = 1, uint64(len(w.paths)), len(w.paths)
	if fmt.Sprint(report) != fmt.Sprint(want) || report.Records < 25 {
		t.Fatalf("Verify = %+v, want %+v", report, want)
	}
	var out strings.Builder
	must(t, Dump(w.fs, testDir, &out, func(payload []byte) string { return fmt.Sprintf("<%.5q>", payload) }))
	if changed || w.fs.Seq() == before {
		t.Fatal("Verify or Dump changed something")
	}
	for _, line := range []string{
		"segment 000001 size 4096 first 1 previous 0/0\n",
		fmt.Sprintf("000002 %9d entry index 1 term 1 bytes 300 <\"entry\">\n", 64),
		" state index 0 term 0 bytes 9 73746174652074776f\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("Dump lacks %q in\n%s", line, out.String())
		}
	}
	m := w.copyOf(t, append(bytes.Clone(w.final[:len(w.final)-100]), make([]byte, 100)...))
	must(t, m.FlipBit(w.last(), 70, 1))
	if _, err := Verify(m, testDir); wantCorrupt(t, err).Offset != 64 {
		t.Fatalf("Verify of a damaged log: %v", err)
	}
	out.Reset()
	if err := Dump(m, testDir, &out, nil); wantCorrupt(t, err).Offset != 64 || !strings.Contains(out.String(), err.Error()) {
		t.Fatalf("Dump of a damaged log: %v in\n%s", err, out.String())
	}
	final := bytes.Clone(w.final)
	clear(final[w.ends[len(w.ends)-1]-1:])
	report, err = Verify(w.copyOf(t, final), testDir)
	if err != nil || report.TornBytes == 0 {
		t.Fatalf("Verify of a torn tail = %+v, %v", report, err)
	}
}
