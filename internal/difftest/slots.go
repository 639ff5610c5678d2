package difftest

import (
	"bytes"
	"strconv"
)

// keyPool returns all keys that scripts use.
func keyPool() [][]byte {
	var pool [][]byte
	for _, key := range []string{
		"a", "b", "ab", "key:1", "key:2", "{tag}x", "{tag}y", "hallo", "h*llo", "",
		"\x00\xff", "line\r\nend", "back\\slash", "[a]",
		"a key of some length, longer than any short form of strings could hold",
	} {
		pool = append(pool, []byte(key))
	}
	return pool
}

// one returns one of the texts.
func (d *draw) one(texts ...string) []byte { return []byte(texts[d.IntN(len(texts))]) }

// slot draws the text for a slot of the grammar.
func (d *draw) slot(name string) []byte {
	if d.chance(2) {
		return d.junk()
	}
	switch name {
	case "key":
		return d.keys[d.IntN(len(d.keys))]
	case "value":
		return d.value()
	case "letters":
		return d.letters()
	case "integer":
		return d.integer()
	case "float":
		return d.float()
	case "index":
		return d.index()
	case "offset", "bit-offset":
		return d.offset(name == "bit-offset")
	case "bit":
		if d.chance(4) {
			return d.one("2", "-1", "01", "x", "")
		}
		return d.one("0", "1")
	case "field":
		return d.field()
	case "field-offset":
		if d.chance(50) {
			return append([]byte("#"), d.fieldOffset()...)
		}
		return d.fieldOffset()
	case "pattern":
		return d.one("*", "*", "?", "a*", "*a*", "[ab]", "[^a]", "[a-c]*", "h[a-z\\*]llo", "h\\*llo", "\\", "", "**",
			"[", "[a", "[a-", "[^", "a?", "key:[0-9]", "*\xff", "[]a]", "h**o", "back\\\\*", "\\[a\\]", "[z-a]", "*\n*")
	case "cursor":
		return d.one("0", "0", "0", "0", "0", "0", "17", "-1", "x", "18446744073709551615", "18446744073709551616")
	case "count":
		return d.one("1", "2", "10", "1000", "0", "-1", "x", "9223372036854775807")
	case "type":
		return d.one("string", "STRING", "list", "hash", "nosuch", "")
	case "db":
		return d.one("0", "0", "1", "-1", "x", "9223372036854775807", "2147483648", "4294967296")
	case "bad-proto":
		return d.one("1", "4", "x", "", "-1", "9223372036854775808")
	}
	return d.deadline(name)
}

// deadline draws a time that is well past or well ahead whenever the script runs. Relative ones ahead are all
// different, for whether one of two equal ones is the later would depend on the moment.
func (d *draw) deadline(slot string) []byte {
	if d.chance(12) {
		if d.chance(30) {
			// As seconds at the edge of what 64 bits of milliseconds hold.
			return strconv.AppendInt(nil, int64(d.pickInt(9223372036854775, 9223370000000000))-d.Int64N(1_000_000), 10)
		}
		return d.one("0", "-1", "9223372036854775807", "-9223372036854775808",
			"-9223372036854775", "-9223372036854776", "9223372036854775808", "1.5", "", " 1", "x")
	}
	var n int64
	switch slot {
	case "seconds":
		n = 1_000_000 + d.Int64N(1_000_000_000)
	case "milliseconds":
		n = 1_000_000_000 + d.Int64N(1_000_000_000_000)
	case "unix-seconds", "unix-milliseconds":
		n = 4_100_000_000 + d.Int64N(1000)
		if d.chance(20) {
			n = 1 + d.Int64N(1_000_000_000)
		}
		if slot == "unix-milliseconds" {
			n = n*1000 + d.Int64N(1000)
		}
	default:
		panic("BUG: grammar with an unknown slot " + slot)
	}
	return strconv.AppendInt(nil, n, 10)
}

// junk draws a word that is wrong in most places.
func (d *draw) junk() []byte {
	switch d.IntN(4) {
	case 0:
		return d.integer()
	case 1:
		return d.value()
	case 2:
		return d.one("NX", "XX", "GET", "EX", "KEEPTTL", "BYTE", "BIT", "LEN", "IDX", "REPLACE", "SAT", "GT", "MATCH")
	}
	return d.keys[d.IntN(len(d.keys))]
}

func (d *draw) value() []byte {
	switch d.IntN(10) {
	case 0, 1:
		return d.integer()
	case 2:
		return d.float()
	case 3:
		return d.letters()
	case 4:
		// Around the lengths where Redis changes the encoding of a string.
		return bytes.Repeat(d.one("x", "\x00", "\xff", "7"), d.IntN(3)+d.pickInt(0, 18, 42, 43, 44, 62))
	case 5:
		if d.chance(20) {
			return bytes.Repeat(d.one("large", "\xaa"), 1+d.IntN(4000))
		}
		return d.one("")
	case 6, 7:
		b := make([]byte, d.IntN(24))
		for i := range b {
			b[i] = byte(d.Uint32())
		}
		return b
	}
	return d.one("hello", "world", "Hello, world", "abc", "ABC", "0", "1", "\x00", "\xff\xff\xff", "-", "nan")
}

// letters draws texts that have something in common with each other.
func (d *draw) letters() []byte {
	b := make([]byte, d.IntN(40))
	for i := range b {
		b[i] = "abcd"[d.IntN(2+d.IntN(3))]
	}
	return b
}

func (d *draw) pickInt(list ...int) int { return list[d.IntN(len(list))] }

func (d *draw) integer() []byte {
	if d.chance(60) {
		return strconv.AppendInt(nil, d.Int64N(41)-20, 10)
	}
	if d.chance(50) {
		return strconv.AppendInt(nil, int64(d.Uint64())>>d.IntN(63), 10)
	}
	return d.one(
		"0", "1", "-1", "9", "10", "9999", "10000", "127", "128", "-128", "-129", "255", "256", "2147483647", "2147483648",
		"-2147483648", "4294967295", "4294967296", "9223372036854775807", "-9223372036854775808", "9223372036854775806",
		"9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
		"99999999999999999999", "1.0", "1e3", "", " 1", "1 ", "+1", "-0", "00", "01", "0x10", "-", "abc", "1\x00")
}

func (d *draw) float() []byte {
	if d.chance(60) {
		return strconv.AppendFloat(nil, (d.Float64()-0.5)*float64(d.pickInt(1, 10, 1000, 1e9)), 'f', d.IntN(18), 64)
	}
	if d.chance(20) {
		return d.integer()
	}
	return d.one("0", "0.1", "-0.1", "0.2", "3.0", "3.14159265358979", "1e3", "1E-3", "-1e10", "1e17", "1e20", "1e300",
		"1e4000", "-1e4932", "1e5000", "1e-4000", "1e-5000", "inf", "-inf", "+inf", "infinity", "nan", "-nan", ".5", "5.",
		"+5", " 5", "5 ", "0x1p3", "0x10", "1e", "1.1.1", "--1", "-0", "-0.0", "1e-17", "1e-18", "0.00000000000000001",
		"123456789012345678", "12345678901234567890", "0.123456789012345678901234567890", "1_0")
}

// index draws a place in a value, counted from either end.
func (d *draw) index() []byte {
	if d.chance(8) {
		return d.integer()
	}
	if d.chance(10) {
		return d.one("9223372036854775807", "-9223372036854775808", "-9223372036854775807", "4611686018427387904",
			"1152921504606846976", "2305843009213693952", "-1152921504606846976", "9223372036854775808")
	}
	return strconv.AppendInt(nil, d.Int64N(int64(d.pickInt(4, 12, 60, 400))*2)-int64(d.pickInt(0, 4, 12, 60, 400)), 10)
}

// offset draws a place to write at.
func (d *draw) offset(bits bool) []byte {
	if d.chance(10) {
		return d.one("-1", "536870912", "536870911", "536870913", "4294967296", "4294967295", "4294967297", "x", "",
			"9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "01", "+1")
	}
	n := int64(d.pickInt(2, 8, 50, 300))
	if bits {
		n *= 8
	}
	return strconv.AppendInt(nil, d.Int64N(n), 10)
}

func (d *draw) field() []byte {
	if d.chance(6) {
		return d.one("u64", "i65", "u0", "i0", "i", "u", "x8", "8", "", "I8", "U8", "u-1", "i08", "u+8", "u9223372036854775808")
	}
	if d.chance(50) {
		return append([]byte("u"), strconv.Itoa(d.pickInt(1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 32, 33, 62, 63))...)
	}
	return append([]byte("i"), strconv.Itoa(d.pickInt(1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 32, 33, 63, 64))...)
}

func (d *draw) fieldOffset() []byte {
	if d.chance(6) {
		return d.one("-1", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "x", "", "#1", "01",
			"288230376151711744", "144115188075855872", "4294967232")
	}
	return strconv.AppendInt(nil, d.Int64N(int64(d.pickInt(2, 8, 40, 100))), 10)
}
