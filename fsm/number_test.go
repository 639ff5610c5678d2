package fsm

import (
	"math"
	"strings"
	"testing"
)

func TestParseInteger(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "-1": -1, "10": 10, "9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	} {
		if n, ok := parseInteger([]byte(text)); !ok || n != want {
			t.Errorf("%q: %d, %v", text, n, ok)
		}
		if decimalLength(want) != len(text) {
			t.Errorf("%q has another length", text)
		}
	}
	for _, text := range []string{"", "-", "+1", "-0", "01", " 1", "1 ", "1.0", "x", "9223372036854775808", "-9223372036854775809",
		"18446744073709551616", "99999999999999999999", "184467440737095516160"} {
		if n, ok := parseInteger([]byte(text)); ok {
			t.Errorf("%q is taken for %d", text, n)
		}
	}
}

func TestLongDouble(t *testing.T) {
	// The sums are those of redis-server 7.0.15 on amd64.
	for _, c := range []struct{ a, b, want string }{
		{"0.1", "0.2", "0.3"},
		{"3.0e3", "200", "3200"},
		{"1e20", "1", "100000000000000000000"},
		{"1e17", "0.001", "100000000000000000"},
		{"1e-18", "0", "0"},
		{"-1e-18", "0", "0"},
		{"0x1p3", "0x.8", "8.5"},
		{"5.", ".5", "5.5"},
		{"0e99999999999999999999", "-0", "0"},
		{"123456789.123456789", "0.000000001", "123456789.12345678999554366"},
		{"3.14159265358979323846", "0", "3.14159265358979324"},
		{"12345678901234567.125", "0.5", "12345678901234567.625"},
		{"0xep-1", "0", "7"},
		{"0x0p999999999999999999999", "1.9e-4951", "0"},
		{"0x1p-16445", "-0x.8p-16444", "0"},
	} {
		a, okA := parseLongDouble([]byte(c.a))
		b, okB := parseLongDouble([]byte(c.b))
		if !okA || !okB {
			t.Errorf("%s or %s is no number", c.a, c.b)
			continue
		}
		sum, ok := addLongDouble(a, b)
		if got := string(formatLongDouble(sum)); !ok || got != c.want {
			t.Errorf("%s + %s = %s, %v; want %s", c.a, c.b, got, ok, c.want)
		}
	}
	for _, text := range []string{"", ".", "e5", "1e", "1e+", "0x", "0x.", "1 ", " 1", "1_0", "nan", "--1", "1.2.3", "1p3", "0b1", "0o7",
		"1e4933", "1e-5000", "0x1p-16450", "0x1p-16446", "1.8e-4951", "0x1p16384", "0x1.fffffffffffffffffp16383", "0x1p-99999999999", "1e999999999999", "infinit", strings.Repeat("1", floatTextMax)} {
		if _, ok := parseLongDouble([]byte(text)); ok {
			t.Errorf("%.20q is taken for a number", text)
		}
	}
	huge, _ := parseLongDouble([]byte("1.1e4932"))
	if _, ok := addLongDouble(huge, huge); ok {
		t.Error("an overflow went unnoticed")
	}
}
