package fsm

import (
	"bytes"
	"math"
	"testing"
)

// FuzzRecord: what is put into a record comes out of it, in any block that has room for it.
func FuzzRecord(f *testing.F) {
	f.Add(byte(0), int64(1_700_000_000_000), int64(0), int64(7), []byte("key"), []byte("value"), uint(3))
	f.Add(byte(1), int64(math.MaxInt64), int64(5), int64(-1), []byte{}, []byte{}, uint(0))
	f.Add(byte(2), int64(0), int64(math.MaxInt64), int64(0), bytes.Repeat([]byte("k"), 300), bytes.Repeat([]byte("v"), 5000), uint(1))
	f.Fuzz(func(t *testing.T, sort byte, touched, deadline, number int64, key, data []byte, more uint) {
		want := fields{kind: kindString, encoding: encodingRaw, touched: touched, deadline: deadline, key: key}
		if deadline != 0 {
			want.place = uint32(more)
		}
		switch sort % 3 {
		case 0:
			want.data = data
		case 1:
			want.encoding, want.number = encodingIntCopy, number
		case 2:
			want.out = outline{handle: 1 + 77, length: len(data), epoch: uint32(number)}
		}
		block := bytes.Repeat([]byte{0xab}, want.size()+int(more%64))
		want.put(block)
		r := record(block)
		got := r.fields()
		if got.kind != want.kind || got.encoding != want.encoding || got.touched != touched || got.deadline != deadline ||
			got.place != want.place || !bytes.Equal(got.key, key) || got.number != want.number ||
			!bytes.Equal(got.data, want.data) || got.out != want.out {
			t.Fatalf("put %+v, got %+v", want, got)
		}
		if r.recordSize() != want.size() {
			t.Fatalf("a record of %d bytes says %d", want.size(), r.recordSize())
		}
		for _, b := range block[want.size():] {
			if b != 0xab {
				t.Fatal("a record was written beyond its end")
			}
		}
		if deadline != 0 {
			r.setPlace(5)
			if r.place() != 5 || !bytes.Equal(r.key(), key) || r.deadline() != deadline {
				t.Fatal("a place does not keep to its own bytes")
			}
		}
	})
}
