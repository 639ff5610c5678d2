package fsm

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"testing"
)

// everyField calls visit with all types of fields.
func everyField(visit func(t fieldType)) {
	for bits := 1; bits <= 64; bits++ {
		visit(fieldType{signed: true, bits: bits})
		if bits < 64 {
			visit(fieldType{bits: bits})
		}
	}
}

func TestFieldsHoldWhatWasStored(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	everyField(func(field fieldType) {
		for offset := int64(0); offset < 20; offset++ {
			end := offset + int64(field.bits)
			data := make([]byte, (end+7)/8+int64(r.IntN(3)))
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			before := bytes.Clone(data)
			value := field.wrap(int64(r.Uint64()))
			field.store(data, offset, value)
			if got := field.load(data, offset); got != value {
				t.Fatalf("%+v at %d: stored %d, loaded %d", field, offset, value, got)
			}
			for i := range int64(len(data)) * 8 {
				if (i < offset || i >= end) && bitAt(data, i) != bitAt(before, i) {
					t.Fatalf("%+v at %d: store changed bit %d outside of the field", field, offset, i)
				}
			}
			// The value bit by bit, highest first.
			bits := uint64(0)
			for i := offset; i < end; i++ {
				bits = bits<<1 | uint64(bitAt(data, i))
			}
			if got := field.wrap(int64(bits)); got != value {
				t.Fatalf("%+v at %d: the bits say %d, not %d", field, offset, got, value)
			}
		}
	})
	if got := (fieldType{bits: 16}).load([]byte{0x12}, 4); got != 0x2000 {
		t.Errorf("behind the end of the value there are no zeros: %#x", got)
	}
}

// TestFieldSums compares sums with those of unbounded integers.
func TestFieldSums(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	everyField(func(field fieldType) {
		low, high := field.limits()
		for range 300 {
			n := field.wrap(int64(r.Uint64()))
			if r.IntN(4) == 0 {
				n = []int64{low, high, 0}[r.IntN(3)]
			}
			increment := int64(r.Uint64()) >> r.IntN(64)
			if r.IntN(8) == 0 {
				increment = []int64{-1 << 63, 1<<63 - 1, 1, -1, 0, low, high, -high}[r.IntN(8)]
			}
			exact := new(big.Int).Add(big.NewInt(n), big.NewInt(increment))
			fits := exact.Cmp(big.NewInt(low)) >= 0 && exact.Cmp(big.NewInt(high)) <= 0
			if got, ok := field.add(n, increment, overflowFail); ok != fits || ok && got != exact.Int64() {
				t.Fatalf("%+v: %d + %d = %d, %v", field, n, increment, got, ok)
			}
			saturated := exact.Int64()
			switch {
			case exact.Cmp(big.NewInt(high)) > 0:
				saturated = high
			case exact.Cmp(big.NewInt(low)) < 0:
				saturated = low
			}
			if got, _ := field.add(n, increment, overflowSaturate); got != saturated {
				t.Fatalf("%+v: %d + %d saturates to %d", field, n, increment, got)
			}
			modulus := new(big.Int).Lsh(big.NewInt(1), uint(field.bits))
			wrapped := new(big.Int).Mod(exact, modulus)
			if wrapped.Cmp(big.NewInt(high)) > 0 {
				wrapped.Sub(wrapped, modulus)
			}
			if got, _ := field.add(n, increment, overflowWrap); got != wrapped.Int64() {
				t.Fatalf("%+v: %d + %d wraps to %d", field, n, increment, got)
			}
		}
	})
}
