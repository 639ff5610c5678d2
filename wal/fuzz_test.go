package wal

import (
	"bytes"
	"testing"

	"redoubt/internal/vfs"
)

// FuzzOpen opens arbitrary bytes as the last segment of a log, and if that succeeds goes on with it.
func FuzzOpen(f *testing.F) {
	w := writeLog(f, false)
	name := w.last()
	f.Add(w.final, false)
	f.Add(w.final[:64], true)
	f.Add(w.final[:1000], true)
	flipped := bytes.Clone(w.final)
	flipped[100] ^= 4
	f.Add(flipped, true)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if len(b) > 1<<16 {
			return
		}
		b = bytes.Clone(b)
		if seal && len(b) >= segmentHeaderSize {
			// A header with true sums lets the fuzzer reach what lies behind it.
			h := segmentHeader{number: 1, first: 1, size: int64(len(b)), synced: segmentHeaderSize}
			h.encode(b[:segmentHeaderSize])
			sealRecords(b)
		}
		m := vfs.NewMem()
		must(t, m.MkdirAll(testDir))
		writeFile(t, m, name, b)
		before := readFile(t, m, name)
		_, verr := Verify(m, testDir)
		l, err := Open(m, testDir, small)
		if (err == nil) != (verr == nil) {
			t.Fatalf("Open: %v, but Verify: %v", err, verr)
		}
		if err != nil {
			if !bytes.Equal(readFile(t, m, name), before) {
				t.Fatal("Open refused the log and changed it")
			}
			return
		}
		found := contentOf(t, l)
		next := l.Last().Index + 1
		if next == 0 {
			return // The highest index there is: the fuzzer found a reset to it.
		}
		appendEntries(t, l, next, next, 1, 10, true)
		must(t, l.Close())
		again, err := Open(m, testDir, small)
		must(t, err)
		got := contentOf(t, again)
		got.entries, got.last = got.entries[:len(got.entries)-1], found.last
		if d := got.differs(found); d != "" {
			t.Fatalf("after one more entry the log %s", d)
		}
	})
}

// sealRecords puts true checksums on whatever stands at the beginning of the records.
func sealRecords(b []byte) {
	for at := int64(segmentHeaderSize); advance(at, recordOverhead) <= int64(len(b)); {
		var raw [recordHeaderSize]byte
		_ = unpack(raw[:], b[at:], at)
		if allZero(raw[:]) {
			return
		}
		length := int64(raw[8]) | int64(raw[9])<<8
		end := advance(at, recordOverhead+length)
		if end > int64(len(b)) {
			return
		}
		body := make([]byte, length+1)
		_ = unpack(body, b[advance(at, recordHeaderSize):], advance(at, recordHeaderSize))
		e := &encoder{segment: 1, base: at}
		e.record(kind(raw[32]%6), uint64(raw[16]), uint64(raw[24]), nil, body[:length], int64(raw[12]), raw[33]&1 != 0)
		copy(b[at:], e.buf)
		at = end
	}
}

// FuzzRecord decodes arbitrary bytes as a record at some offset.
func FuzzRecord(f *testing.F) {
	e := &encoder{segment: 3, base: 500}
	e.record(kindEntry, 7, 2, []byte("head"), make([]byte, 700), 64, true)
	f.Add(e.buf, uint16(500))
	f.Add([]byte{}, uint16(64))
	f.Fuzz(func(t *testing.T, b []byte, offset uint16) {
		at := int64(offset)
		if at%sectorSize == sectorData {
			return
		}
		file := append(make([]byte, at), b...)
		sc := &scanner{file: bytes.NewReader(file), segment: 3, limit: int64(len(file)), offset: at, chunk: 64}
		r, err := sc.next()
		if err != nil {
			return
		}
		payload, err := sc.payload(r, nil)
		if err != nil {
			return
		}
		if int64(len(payload)) != r.length || r.end > int64(len(file)) || sc.offset != r.end {
			t.Fatalf("record %+v with a payload of %d bytes in a file of %d", r, len(payload), len(file))
		}
		e := &encoder{segment: 3, base: at}
		e.record(r.kind, r.index, r.term, payload, nil, r.synced, r.last)
		got := file[at:r.end]
		// Flags beyond the known and the spare byte are covered by the checksum but not kept.
		if len(e.buf) != len(got) {
			t.Fatalf("record of %d bytes encodes to %d", len(got), len(e.buf))
		}
	})
}
