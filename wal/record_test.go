package wal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestAdvanceCountsTags(t *testing.T) {
	for offset := int64(0); offset < 3*sectorSize; offset++ {
		if offset%sectorSize == sectorData {
			continue
		}
		at := offset
		for n := int64(0); n < 3*sectorSize; n++ {
			if got := advance(offset, n); got != at {
				t.Fatalf("advance(%d, %d) = %d, want %d", offset, n, got, at)
			}
			if at++; at%sectorSize == sectorData {
				at++
			}
		}
	}
}

func TestRecordRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for i := 0; i < 2000; i++ {
		base := int64(r.IntN(2000))
		if base%sectorSize == sectorData {
			base++
		}
		head, body := make([]byte, r.IntN(20)), make([]byte, r.IntN(1500))
		for j := range body {
			body[j] = byte(r.Uint32())
		}
		e := &encoder{segment: 9, base: base}
		e.record(kindEntry, 5, 6, head, body, 64, i%2 == 0)
		if want := advance(base, int64(recordOverhead+len(head)+len(body))); e.offset() != want {
			t.Fatalf("record at %d ends at %d, want %d", base, e.offset(), want)
		}
		for at := range e.buf {
			if (base+int64(at))%sectorSize == sectorData && e.buf[at] != tag {
				t.Fatalf("record at %d: the last byte of a sector, at %d, is no tag", base, base+int64(at))
			}
		}
		if e.buf[len(e.buf)-1] != tag {
			t.Fatal("the record's last byte is no tag")
		}
		sc := &scanner{
			file: bytes.NewReader(append(make([]byte, base), e.buf...)), segment: 9,
			limit: e.offset(), offset: base, chunk: int64(1 + r.IntN(600)),
		}
		rec, err := sc.next()
		must(t, err)
		got, err := sc.payload(rec, nil)
		must(t, err)
		if !bytes.Equal(got, append(head, body...)) || rec.index != 5 || rec.term != 6 || rec.synced != 64 ||
			rec.last != (i%2 == 0) || rec.kind != kindEntry || sc.offset != e.offset() {
			t.Fatalf("record came back as %+v", rec)
		}
	}
}

// TestRecordStandsOnlyInItsPlace: the same bytes at another offset or in another segment are no record.
func TestRecordStandsOnlyInItsPlace(t *testing.T) {
	e := &encoder{segment: 9, base: 64}
	e.record(kindEntry, 5, 6, nil, []byte("payload"), 64, true)
	for _, place := range []struct {
		segment uint64
		offset  int64
		want    error
	}{{9, 64, nil}, {8, 64, errChecksum}, {9, 65, errChecksum}, {9, 128, errChecksum}} {
		file := bytes.NewReader(append(make([]byte, place.offset), e.buf...))
		sc := &scanner{file: file, segment: place.segment, limit: file.Size(), offset: place.offset, chunk: 100}
		if _, err := sc.next(); !errors.Is(err, place.want) {
			t.Fatalf("record of segment 9 offset 64 in segment %d offset %d: %v, want %v", place.segment, place.offset, err, place.want)
		}
	}
}
