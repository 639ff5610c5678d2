package fsm

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// randomBits draws bytes among which runs of zeros and ones are frequent.
func randomBits(r *rand.Rand, size int) []byte {
	data := make([]byte, r.IntN(size+1))
	mode := r.IntN(3)
	for i := range data {
		switch {
		case mode == 0:
			data[i] = byte(r.Uint32())
		case mode == 1:
			data[i] = 0xff
		}
		if r.IntN(40) == 0 {
			data[i] ^= 1 << r.IntN(8)
		}
	}
	return data
}

func TestBitFunctionsEqualTheBitByBitOnes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		data := randomBits(r, 100)
		if len(data) == 0 {
			continue
		}
		first := r.Int64N(int64(len(data)) * 8)
		last := first + r.Int64N(int64(len(data))*8-first)
		bit := byte(r.IntN(2))
		count, position := int64(0), int64(-1)
		for i := first; i <= last; i++ {
			count += int64(bitAt(data, i))
			if position < 0 && bitAt(data, i) == bit {
				position = i
			}
		}
		if got := onesCountRange(data, first, last); got != count {
			t.Fatalf("%x: %d ones from %d to %d, want %d", data, got, first, last, count)
		}
		if got := findBit(data, bit, first, last); got != position {
			t.Fatalf("%x: first %d from %d to %d at %d, want %d", data, bit, first, last, got, position)
		}
	}
}

func TestCombineBitsEqualsTheByteByByteOne(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	apply := func(operation bitOperation, a, b byte) byte {
		switch operation {
		case bitAnd:
			return a & b
		case bitOr:
			return a | b
		}
		return a ^ b
	}
	at := func(data []byte, i int) byte {
		if i < len(data) {
			return data[i]
		}
		return 0
	}
	for range 5_000 {
		sources := make([][]byte, 1+r.IntN(4))
		longest := 0
		for i := range sources {
			sources[i] = randomBits(r, 40)
			longest = max(longest, len(sources[i]))
		}
		before := bytes.Join(sources, []byte("|"))
		for _, operation := range []bitOperation{bitAnd, bitOr, bitXor} {
			want := make([]byte, longest)
			for i := range want {
				want[i] = at(sources[0], i)
				for _, s := range sources[1:] {
					want[i] = apply(operation, want[i], at(s, i))
				}
			}
			if got := combineBits(operation, sources, longest); !bytes.Equal(got, want) {
				t.Fatalf("operation %d of %x: %x, want %x", operation, sources, got, want)
			}
		}
		inverted := combineBits(bitNot, sources[:1], len(sources[0]))
		for i, b := range inverted {
			if b != ^sources[0][i] {
				t.Fatalf("not %x: %x", sources[0], inverted)
			}
		}
		if !bytes.Equal(before, bytes.Join(sources, []byte("|"))) {
			t.Fatal("a source was changed: it may be shared with a view")
		}
	}
}

// TestBitCommandsLeaveViewsAlone keeps what a view shares from being changed in place.
func TestBitCommandsLeaveViewsAlone(t *testing.T) {
	for _, command := range [][]string{
		{"SETBIT", "a", "3", "1"},
		{"SETBIT", "a", "300", "1"},
		{"BITFIELD", "a", "SET", "u8", "1", "255"},
		{"BITOP", "NOT", "a", "a"},
		{"BITOP", "OR", "a", "b", "c"},
	} {
		m := New()
		var w Writer
		run := func(words ...string) {
			args := make([][]byte, len(words))
			for i, word := range words {
				args[i] = []byte(word)
			}
			m.Apply(args, &w)
		}
		m.Advance(1, 1)
		run("SETBIT", "a", "100", "1")
		run("SETBIT", "b", "50", "1")
		m.Advance(2, 2)
		view := m.View()
		var before, after bytes.Buffer
		if _, err := view.WriteTo(&before); err != nil {
			t.Fatal(err)
		}
		run(command...)
		if _, err := view.WriteTo(&after); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before.Bytes(), after.Bytes()) {
			t.Errorf("%v changed what a view sees", command)
		}
		view.Release()
	}
}

func BenchmarkBitCount(b *testing.B) {
	data := bytes.Repeat([]byte{0x5a}, 1<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		onesCount(data)
	}
}

func BenchmarkBitPosition(b *testing.B) {
	data := make([]byte, 1<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		findBit(data, 1, 0, int64(len(data))*8-1)
	}
}

func BenchmarkBitAnd(b *testing.B) {
	sources := [][]byte{bytes.Repeat([]byte{0x5a}, 1<<20), bytes.Repeat([]byte{0xa5}, 1<<20)}
	b.SetBytes(2 << 20)
	for b.Loop() {
		combineBits(bitAnd, sources, 1<<20)
	}
}
