package fsm

import (
	"math"
	"strconv"
)

// parseInteger reads a number in the one form that Redis takes for an integer: decimal digits with an
// optional minus sign, no plus sign, blank or leading zero, within 64 bits.
func parseInteger(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	if len(b) == 1 && b[0] == '0' {
		return 0, true
	}
	digits, negative := b, false
	if b[0] == '-' {
		digits, negative = b[1:], true
	}
	if len(digits) == 0 || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	var u uint64
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		digit := uint64(d - '0')
		if u > (math.MaxUint64-digit)/10 {
			return 0, false
		}
		u = u*10 + digit
	}
	switch {
	case negative && u <= 1<<63:
		return -int64(u), true
	case !negative && u <= math.MaxInt64:
		return int64(u), true
	}
	return 0, false
}

// addOverflows reports whether a + b leaves the 64 bits.
func addOverflows(a, b int64) bool {
	return b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b
}

// decimalLength is the length of an integer in decimal.
func decimalLength(n int64) int {
	var scratch [20]byte
	return len(strconv.AppendInt(scratch[:0], n, 10))
}

// lower writes the lower-case form of an ASCII word into buf, for looking it up without
// allocating. A word longer than buf gives nil.
func lower(buf, word []byte) []byte {
	if len(word) > len(buf) {
		return nil
	}
	for i, b := range word {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		buf[i] = b
	}
	return buf[:len(word)]
}

// isWord reports whether an argument is the given lower-case ASCII word, in any case.
func isWord(arg []byte, word string) bool {
	if len(arg) != len(word) {
		return false
	}
	for i, b := range arg {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		if b != word[i] {
			return false
		}
	}
	return true
}
