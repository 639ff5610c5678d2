package fsm

import (
	"encoding/binary"
	"math/bits"
)

// A bitmap is a string whose bits are numbered from the highest of its first byte on. The functions here work
// on the bytes of a value, eight at a time; bitmap_commands.go has the commands.

const (
	wordBytes = 8
	wordBits  = 64
)

// onesCount returns how many bits are set.
func onesCount(data []byte) int64 {
	n := 0
	for len(data) >= 4*wordBytes {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(data)) +
			bits.OnesCount64(binary.LittleEndian.Uint64(data[wordBytes:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(data[2*wordBytes:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(data[3*wordBytes:]))
		data = data[4*wordBytes:]
	}
	for ; len(data) >= wordBytes; data = data[wordBytes:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(data))
	}
	for _, b := range data {
		n += bits.OnesCount8(b)
	}
	return int64(n)
}

// onesCountRange returns how many of the bits first to last are set. Both must be in the data, in order.
func onesCountRange(data []byte, first, last int64) int64 {
	data = data[first/8 : last/8+1]
	n := onesCount(data)
	n -= int64(bits.OnesCount8(data[0] &^ (0xff >> (first % 8))))
	n -= int64(bits.OnesCount8(data[len(data)-1] & (0x7f >> (last % 8))))
	return n
}

// findBit returns the first of the bits first to last that is equal to bit, or -1. Both must be in the data, in
// order.
func findBit(data []byte, bit byte, first, last int64) int64 {
	// What is looked for is the first one in the data or in its complement.
	flip := byte(0)
	if bit == 0 {
		flip = 0xff
	}
	at := first / 8
	if b := (data[at] ^ flip) & (0xff >> (first % 8)); b != 0 {
		return within(at*8+int64(bits.LeadingZeros8(b)), last)
	}
	at++
	flipWord := uint64(flip) * 0x0101010101010101
	for ; at+wordBytes <= last/8+1; at += wordBytes {
		if w := binary.BigEndian.Uint64(data[at:]) ^ flipWord; w != 0 {
			return within(at*8+int64(bits.LeadingZeros64(w)), last)
		}
	}
	for ; at <= last/8; at++ {
		if b := data[at] ^ flip; b != 0 {
			return within(at*8+int64(bits.LeadingZeros8(b)), last)
		}
	}
	return -1
}

func within(position, last int64) int64 {
	if position > last {
		return -1
	}
	return position
}

// bitOperation is what BITOP does with its sources.
type bitOperation uint8

const (
	bitAnd bitOperation = iota
	bitOr
	bitXor
	bitNot
)

// combineBits returns the outcome of an operation on sources, size bytes long: at least as long as the longest of them.
// Shorter ones count as padded with zeros. It takes time for the bytes of the sources and of the result, once each,
// and never returns a source itself.
func combineBits(operation bitOperation, sources [][]byte, size int) []byte {
	result := make([]byte, size)
	if len(sources) == 0 {
		return result
	}
	copy(result, sources[0])
	switch operation {
	case bitNot:
		invertBits(result)
	case bitAnd:
		// Behind the end of the shortest source so far there are only zeros.
		live := result[:len(sources[0])]
		for _, s := range sources[1:] {
			n := min(len(live), len(s))
			clear(live[n:])
			live = live[:n]
			andBits(live, s[:n])
		}
	case bitOr:
		for _, s := range sources[1:] {
			orBits(result, s)
		}
	case bitXor:
		for _, s := range sources[1:] {
			xorBits(result, s)
		}
	}
	return result
}

func invertBits(data []byte) {
	for ; len(data) >= wordBytes; data = data[wordBytes:] {
		binary.LittleEndian.PutUint64(data, ^binary.LittleEndian.Uint64(data))
	}
	for i := range data {
		data[i] = ^data[i]
	}
}

func andBits(result, source []byte) {
	for ; len(source) >= wordBytes; source, result = source[wordBytes:], result[wordBytes:] {
		binary.LittleEndian.PutUint64(result, binary.LittleEndian.Uint64(result)&binary.LittleEndian.Uint64(source))
	}
	for i, b := range source {
		result[i] &= b
	}
}

func orBits(result, source []byte) {
	for ; len(source) >= wordBytes; source, result = source[wordBytes:], result[wordBytes:] {
		binary.LittleEndian.PutUint64(result, binary.LittleEndian.Uint64(result)|binary.LittleEndian.Uint64(source))
	}
	for i, b := range source {
		result[i] |= b
	}
}

func xorBits(result, source []byte) {
	for ; len(source) >= wordBytes; source, result = source[wordBytes:], result[wordBytes:] {
		binary.LittleEndian.PutUint64(result, binary.LittleEndian.Uint64(result)^binary.LittleEndian.Uint64(source))
	}
	for i, b := range source {
		result[i] ^= b
	}
}
