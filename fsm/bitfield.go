package fsm

import (
	"encoding/binary"
	"math"
)

// A bitfield is an integer of 1 to 64 bits at any bit of a string, highest bit first.

// fieldType is a field's type: i1 to i64, u1 to u63.
type fieldType struct {
	signed bool
	bits   int
}

// window returns the nine bytes from the one that holds the bit at offset: enough for any field that
// starts in it. Behind the end of the data there are zeros.
func window(data []byte, offset int64) (w [9]byte) {
	if from := offset / 8; from < int64(len(data)) {
		copy(w[:], data[from:])
	}
	return w
}

// load returns the value of the field at a bit offset. Signed values are extended to 64 bits.
func (t fieldType) load(data []byte, offset int64) int64 {
	w := window(data, offset)
	shift := offset % 8
	value := binary.BigEndian.Uint64(w[:])<<shift | uint64(w[8])>>(8-shift)
	if t.signed {
		return int64(value) >> (64 - t.bits)
	}
	return int64(value >> (64 - t.bits))
}

// store puts the low bits of a value into the field at a bit offset. The data must reach as far as the field.
func (t fieldType) store(data []byte, offset int64, value int64) {
	w := window(data, offset)
	shift := offset % 8
	bits := uint64(value) << (64 - t.bits)
	mask := uint64(math.MaxUint64) << (64 - t.bits)
	binary.BigEndian.PutUint64(w[:], binary.BigEndian.Uint64(w[:])&^(mask>>shift)|bits>>shift)
	w[8] = w[8]&^byte(mask<<(8-shift)) | byte(bits<<(8-shift))
	copy(data[offset/8:], w[:])
}

// overflow is what BITFIELD does with a value that its field cannot hold.
type overflow uint8

const (
	overflowWrap overflow = iota
	overflowSaturate
	overflowFail
)

// limits returns the least and the greatest value of a type.
func (t fieldType) limits() (low, high int64) {
	if t.signed {
		high = math.MaxInt64 >> (64 - t.bits)
		return -high - 1, high
	}
	return 0, int64(1)<<t.bits - 1
}

// wrap returns the value that the low bits of n make.
func (t fieldType) wrap(n int64) int64 {
	if t.signed {
		return n << (64 - t.bits) >> (64 - t.bits)
	}
	return int64(uint64(n) << (64 - t.bits) >> (64 - t.bits))
}

// fit returns n as a SET puts it into the field; false if it does not fit and may not be changed. Redis takes
// n for an unsigned number where the type is unsigned, so a negative one is too great there, not too small.
func (t fieldType) fit(n int64, o overflow) (int64, bool) {
	low, high := t.limits()
	switch {
	case n > high || n < 0 && !t.signed:
		return t.settle(n, high, o)
	case n < low && high-n < 0:
		// The distance wraps: Redis takes a number as low as this for too great, and saturates it upwards.
		return t.settle(n, high, o)
	case n < low:
		return t.settle(n, low, o)
	}
	return n, true
}

// add returns the sum that an INCRBY puts into the field; false if it does not fit and may not be changed.
func (t fieldType) add(n, increment int64, o overflow) (int64, bool) {
	low, high := t.limits()
	// Beyond 64 bits the sum wraps, past the number that it started from.
	sum := n + increment
	switch {
	case increment > 0 && (sum > high || sum < n):
		return t.settle(sum, high, o)
	case increment < 0 && (sum < low || sum > n):
		return t.settle(sum, low, o)
	}
	return sum, true
}

// settle returns what becomes of a value that is beyond a limit of its type.
func (t fieldType) settle(n, limit int64, o overflow) (int64, bool) {
	switch o {
	case overflowFail:
		return 0, false
	case overflowSaturate:
		return limit, true
	}
	return t.wrap(n), true
}
