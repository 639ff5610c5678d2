package fsm

import (
	"bytes"
	"math/big"
	"strings"
)

// In Redis INCRBYFLOAT computes in C's long double, on amd64 the x87's 80-bit format: 64 bits of
// mantissa, 15 bits of exponent. A big.Float of 64 bits rounds the same way;
// only its exponent goes further, so overflow is checked by hand.
const (
	longDoublePrecision   = 64
	longDoubleExponentMax = 16384
	// floatTextMax is the length from which Redis no longer takes a text for a number.
	floatTextMax = 5 * 1024
)

// longDouble is a number in Redis's long double arithmetic: finite, or an infinity.
type longDouble = big.Float

// parseLongDouble reads a number as C's strtold does, without blanks, hexadecimal included. Not a
// number and numbers out of range are refused, but an infinity that is written out is taken.
func parseLongDouble(text []byte) (*longDouble, bool) {
	if len(text) == 0 || len(text) >= floatTextMax {
		return nil, false
	}
	digits := text
	if digits[0] == '+' || digits[0] == '-' {
		digits = digits[1:]
	}
	if isWord(digits, "inf") || isWord(digits, "infinity") {
		return new(big.Float).SetInf(text[0] == '-'), true
	}
	base, exponent := 10, "eE"
	switch {
	case isHexFloat(digits):
		base, exponent = 0, "pP"
		digits = digits[2:]
	case !isDecimalFloat(digits):
		return nil, false
	}
	if isZero(digits, exponent) {
		// Zero has no size, whatever the exponent says.
		return new(big.Float), true
	}
	f := new(big.Float).SetPrec(longDoublePrecision)
	if _, _, err := f.Parse(string(text), base); err != nil {
		return nil, false
	}
	// C's strtold reports ERANGE for what is too large, and for what is so small that it becomes
	// zero: up to half of the smallest denormal.
	if f.IsInf() || f.MantExp(nil) > longDoubleExponentMax || new(big.Float).Abs(f).Cmp(longDoubleTiny()) <= 0 {
		return nil, false
	}
	return f, true
}

// longDoubleTiny returns half of the smallest denormal, 2^-16446.
func longDoubleTiny() *big.Float { return new(big.Float).SetMantExp(big.NewFloat(1), -16446) }

// isZero reports whether all digits of a number's mantissa are zero.
func isZero(digits []byte, exponent string) bool {
	if i := bytes.IndexAny(digits, exponent); i >= 0 {
		digits = digits[:i]
	}
	return len(bytes.Trim(digits, "0.")) == 0
}

// isDecimalFloat reports whether a text is digits with an optional point and an optional exponent.
func isDecimalFloat(text []byte) bool {
	mantissa, exponent := text, []byte(nil)
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent = text[:i], text[i+1:]
		if !isExponent(exponent) {
			return false
		}
	}
	return isMantissa(mantissa, "0123456789")
}

// isHexFloat reports whether a text is 0x with hexadecimal digits, an optional point and an
// optional binary exponent.
func isHexFloat(text []byte) bool {
	if len(text) < 3 || text[0] != '0' || text[1] != 'x' && text[1] != 'X' {
		return false
	}
	mantissa := text[2:]
	if i := bytes.IndexAny(mantissa, "pP"); i >= 0 {
		if !isExponent(mantissa[i+1:]) {
			return false
		}
		mantissa = mantissa[:i]
	}
	return isMantissa(mantissa, "0123456789abcdefABCDEF")
}

func isMantissa(text []byte, digits string) bool {
	points, count := 0, 0
	for _, b := range text {
		switch {
		case b == '.':
			points++
		case strings.IndexByte(digits, b) >= 0:
			count++
		default:
			return false
		}
	}
	return count > 0 && points <= 1
}

func isExponent(text []byte) bool {
	if len(text) > 0 && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	return len(text) > 0 && len(bytes.Trim(text, "0123456789")) == 0
}

// addLongDouble returns a + b; ok is false if that is infinite or no number.
func addLongDouble(a, b *longDouble) (sum *longDouble, ok bool) {
	if a.IsInf() || b.IsInf() {
		return nil, false
	}
	sum = new(big.Float).SetPrec(longDoublePrecision).Add(a, b)
	return sum, !sum.IsInf() && sum.MantExp(nil) <= longDoubleExponentMax
}

// formatLongDouble writes a number with up to 17 digits after the point and no trailing zeros.
func formatLongDouble(f *longDouble) []byte {
	text := f.Append(nil, 'f', 17)
	text = bytes.TrimRight(text, "0")
	text = bytes.TrimSuffix(text, []byte{'.'})
	if string(text) == "-0" {
		return text[1:]
	}
	return text
}
