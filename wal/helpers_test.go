package wal

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"redoubt/internal/vfs"
)

const testDir = "data/wal"

// small makes segments roll after a few records.
var small = Options{SegmentBytes: MinSegmentBytes}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, fs vfs.FS, opts Options) *Log {
	t.Helper()
	l, err := Open(fs, testDir, opts)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return l
}

// newMem returns a file system whose log's parent directory is durable.
func newMem(t testing.TB) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	must(t, m.MkdirAll("data"))
	must(t, m.SyncDir("."))
	return m
}

// payload makes a payload that names its entry, of at least n bytes.
func payload(index, term uint64, n int) []byte {
	b := fmt.Appendf(nil, "entry %d of term %d.", index, term)
	for len(b) < n {
		b = append(b, byte(len(b)*7))
	}
	return b
}

// appendEntries appends entries from..to in one batch.
func appendEntries(t testing.TB, l *Log, from, to, term uint64, size int, sync bool) {
	t.Helper()
	var b Batch
	for i := from; i <= to; i++ {
		b.Entry(i, term, nil, payload(i, term, size))
	}
	must(t, l.Append(&b, sync))
}

// content is all that a log says of itself.
type content struct {
	start, last Position
	entries     []Entry
	state       []byte
}

func contentOf(t testing.TB, l *Log) content {
	t.Helper()
	c := content{last: l.Last(), state: l.State()}
	c.start.Index = l.First() - 1
	c.start.Term, _ = l.Term(c.start.Index)
	for next := c.start.Index + 1; next <= c.last.Index; {
		entries, err := l.Read(next, c.last.Index, 3000)
		if err != nil {
			t.Fatalf("Read from %d: %v", next, err)
		}
		if len(entries) == 0 {
			t.Fatalf("Read from %d returned nothing", next)
		}
		for _, e := range entries {
			if e.Index != next {
				t.Fatalf("Read returned entry %d where %d belongs", e.Index, next)
			}
			if term, ok := l.Term(next); !ok || term != e.Term {
				t.Fatalf("Term(%d) = %d, %v, but the entry has term %d", next, term, ok, e.Term)
			}
			next++
		}
		c.entries = append(c.entries, entries...)
	}
	return c
}

// differs says how two contents differ, or "".
func (c content) differs(want content) string {
	switch {
	case c.start != want.start:
		return fmt.Sprintf("starts after %v, want %v", c.start, want.start)
	case c.last != want.last:
		return fmt.Sprintf("ends at %v, want %v", c.last, want.last)
	case !bytes.Equal(c.state, want.state):
		return fmt.Sprintf("state %q, want %q", c.state, want.state)
	case len(c.entries) != len(want.entries):
		return fmt.Sprintf("%d entries, want %d", len(c.entries), len(want.entries))
	}
	for i, e := range c.entries {
		w := want.entries[i]
		if e.Index != w.Index || e.Term != w.Term || !bytes.Equal(e.Payload, w.Payload) {
			return fmt.Sprintf("entry %d/%d %q, want %d/%d %q", e.Index, e.Term, e.Payload, w.Index, w.Term, w.Payload)
		}
	}
	return ""
}

func wantContent(t testing.TB, l *Log, want content) {
	t.Helper()
	if d := contentOf(t, l).differs(want); d != "" {
		t.Fatalf("the log %s", d)
	}
}

// wantCorrupt checks that an error is damage that names its place.
func wantCorrupt(t testing.TB, err error) *CorruptError {
	t.Helper()
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) {
		t.Fatalf("error %v, want one that names segment and offset", err)
	}
	return corrupt
}

// segmentPaths returns the paths of the segment files, in order.
func segmentPaths(t testing.TB, fs vfs.FS) []string {
	t.Helper()
	files, _, err := listSegments(fs, testDir)
	must(t, err)
	var paths []string
	for _, f := range files {
		paths = append(paths, testDir+"/"+f.name())
	}
	return paths
}

// readFile returns the bytes of a file.
func readFile(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	must(t, err)
	defer f.Close()
	size, err := f.Size()
	must(t, err)
	b := make([]byte, size)
	if size > 0 {
		_, err = f.ReadAt(b, 0)
		must(t, err)
	}
	return b
}

// writeFile makes a durable file with these bytes.
func writeFile(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(name)
	must(t, err)
	if len(b) > 0 {
		_, err = f.WriteAt(b, 0)
		must(t, err)
	}
	must(t, f.Sync())
	must(t, f.Close())
	must(t, fs.SyncDir(testDir))
}
