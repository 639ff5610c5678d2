package fsm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

// encodeBatch makes a batch of command lines without sessions.
func encodeBatch(lines ...string) []byte {
	data := AppendBatchHeader(nil)
	for _, line := range lines {
		data = AppendCommand(data, 0, 0, words(line))
	}
	return data
}

func TestDecodeBatchRefusesDamage(t *testing.T) {
	good := encodeBatch("set key value", "get key")
	for name, data := range map[string][]byte{
		"nothing":                nil,
		"another version":        {2},
		"no words":               {batchVersion, 0, 0},
		"a lying count":          {batchVersion, 0, 200, 1},
		"a huge count":           append([]byte{batchVersion, 0}, binary.AppendUvarint(nil, math.MaxUint64)...),
		"a huge length":          append([]byte{batchVersion, 0, 1}, binary.AppendUvarint(nil, math.MaxUint64)...),
		"a session alone":        {batchVersion, 5},
		"a number too long":      append([]byte{batchVersion}, bytes.Repeat([]byte{0xff}, 11)...),
		"a number in long form":  {batchVersion, 0x80, 0x00, 1, 0},
		"bytes after the end":    append(bytes.Clone(good), 0),
		"a cut word":             good[:len(good)-1],
		"half a second command":  good[:len(good)-5],
		"too many words for one": append([]byte{batchVersion, 0}, append(binary.AppendUvarint(nil, batchArgsMax+1), make([]byte, batchArgsMax+1)...)...),
	} {
		if _, err := DecodeBatch(data); err == nil || !strings.HasPrefix(err.Error(), "fsm: batch") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if b, err := DecodeBatch(AppendBatchHeader(nil)); err != nil {
		t.Errorf("an empty batch: %v", err)
	} else if _, ok, err := b.Next(); ok || err != nil {
		t.Errorf("an empty batch has a command (%v)", err)
	}
}

// TestBatchDoesNotAllocate: iterating over a batch takes memory once, for the words.
func TestBatchDoesNotAllocate(t *testing.T) {
	data := encodeBatch("set a b", "set c d ex 10", "get a", "mget a b c")
	batch, _ := DecodeBatch(data)
	args := make([][]byte, 0, 8)
	if n := testing.AllocsPerRun(100, func() {
		b := batch
		b.args = args
		for _, ok, _ := b.Next(); ok; _, ok, _ = b.Next() {
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzDecodeBatch: any bytes give an error or a batch that encodes to the same bytes, and a machine
// answers each of its commands without a panic.
func FuzzDecodeBatch(f *testing.F) {
	f.Add(encodeBatch("set key value ex 10", "get key", "append key x", "scan 0 match * count 5"))
	f.Add(AppendCommand(AppendBatchHeader(nil), 7, 300, words("incrbyfloat k 1e3")))
	f.Add(encodeBatch("expire k 9223372036854775807 gt", "copy a b replace db 0", "object encoding a"))
	f.Add(encodeBatch("setbit k 100 1", "bitfield k set u8 0 255 incrby i5 100 1", "bitop not d k", "lcs a b idx"))
	f.Add(encodeBatch("keys [a-", "getrange k -5 9223372036854775807", "flushall async"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := DecodeBatch(data)
		if err != nil {
			return
		}
		m := New()
		m.Advance(1, 1_000_000)
		again := AppendBatchHeader(nil)
		for {
			c, ok, err := b.Next()
			if err != nil {
				t.Fatalf("a checked batch is malformed: %v", err)
			}
			if !ok {
				break
			}
			again = AppendCommand(again, c.Session, c.Sequence, c.Args)
			if isBig(c.Args) {
				continue
			}
			var w Writer
			m.Apply(c.Args, &w)
			if len(w.Buf) == 0 {
				t.Fatalf("%q: no reply", c.Args)
			}
			m.Read(0, c.Args, &w)
		}
		if !bytes.Equal(again, data) {
			t.Fatal("a batch has two encodings")
		}
		checkInvariants(t, m)
		reload(t, m)
	})
}

// isBig tells commands that may make values of up to 512 MiB, which would only slow the fuzzing.
func isBig(args [][]byte) bool {
	switch string(lower(make([]byte, 16), args[0])) {
	case "setrange", "setbit", "bitfield":
		for _, arg := range args[1:] {
			if len(bytes.TrimLeft(arg, "#0")) > 5 {
				return true
			}
		}
	}
	return false
}

func sampleImage(t testing.TB) []byte {
	g := newGenerator(11, 50)
	m := New()
	for i := range 300 {
		m.Advance(uint64(i+1), 1_000_000+int64(i))
		m.Apply(g.command(), &Writer{Discard: true})
	}
	return image(t, m)
}

// TestLoadReadsInPieces: the image may come in pieces of any size.
func TestLoadReadsInPieces(t *testing.T) {
	b := sampleImage(t)
	m, err := Load(iotest.OneByteReader(bytes.NewReader(b)))
	if err != nil {
		t.Fatal(err)
	}
	checkInvariants(t, m)
	if !bytes.Equal(image(t, m), b) {
		t.Error("something was lost")
	}
}

// TestLoadRefusesEveryCut: no prefix of an image passes for an image.
func TestLoadRefusesEveryCut(t *testing.T) {
	b := sampleImage(t)
	for n := range b {
		if _, err := Load(bytes.NewReader(b[:n])); err == nil || !strings.HasPrefix(err.Error(), "fsm: state offset ") {
			t.Fatalf("cut at %d: error %v", n, err)
		}
	}
}

func TestLoadRefusesWhatWriteToDoesNotWrite(t *testing.T) {
	state := func(parts ...any) []byte {
		b := []byte(snapshotMagic)
		for _, part := range parts {
			switch part := part.(type) {
			case int:
				b = append(b, byte(part))
			case string:
				b = append(b, part...)
			case uint64:
				b = binary.AppendUvarint(b, part)
			}
		}
		return b
	}
	key := func(name, value string) string { return "\x01\x04\x01" + name + "\x00\x00\x01" + value }
	a, b := "a", "b"
	if placeOf([]byte(b)).before(placeOf([]byte(a))) {
		a, b = b, a
	}
	if _, err := Load(bytes.NewReader(state(1, 9, 9, 2, 2, key(a, "x"), key(b, "y"), 255))); err != nil {
		t.Fatalf("the sound state is refused: %v", err)
	}
	for name, image := range map[string][]byte{
		"another format":      []byte("RDBTFSM\x02\x01\x00\x00\x02\x00\xff"),
		"missing section":     state(2, 0, 255),
		"unknown section":     state(1, 9, 9, 3, 0, 255),
		"bytes after the end": state(1, 9, 9, 2, 0, 255, 0),
		"too few keys":        state(1, 9, 9, 2, 3, key(a, "x"), key(b, "y"), 255),
		"too many keys":       state(1, 9, 9, 2, 1, key(a, "x"), key(b, "y"), 255),
		"keys out of order":   state(1, 9, 9, 2, 2, key(b, "x"), key(a, "y"), 255),
		"a key twice":         state(1, 9, 9, 2, 2, key(a, "x"), key(a, "y"), 255),
		"unknown kind":        state(1, 9, 9, 2, 1, "\x07\x04\x01a\x00\x00\x01x", 255),
		"unknown encoding":    state(1, 9, 9, 2, 1, "\x01\x09\x01a\x00\x00\x01x", 255),
		"embstr too long":     state(1, 9, 9, 2, 1, "\x01\x03\x01a\x00\x00\x2d"+strings.Repeat("x", 45), 255),
		"a length that lies":  state(1, 9, 9, 2, 1, "\x01\x04", uint64(1<<62), 255),
		"a value that lies":   state(1, 9, 9, 2, 1, "\x01\x04\x01a\x00\x00", uint64(400<<20), 255),
		"negative time":       state(1, 9, uint64(math.MaxUint64), 2, 0, 255),
		"number in long form": state(1, 9, 0x89, 0, 2, 0, 255),
		"number too large":    state(1, strings.Repeat("\xff", 9)+"\x7f", 9, 2, 0, 255),
	} {
		if _, err := Load(bytes.NewReader(image)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := Load(iotest.ErrReader(io.ErrClosedPipe)); err == nil {
		t.Error("a read error went unnoticed")
	}
}

// FuzzLoad: any bytes give an error, or a sound machine whose image they are.
func FuzzLoad(f *testing.F) {
	f.Add(sampleImage(f))
	f.Add(image(f, New()))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Load(bytes.NewReader(data))
		if err != nil {
			return
		}
		checkInvariants(t, m)
		if !bytes.Equal(image(t, m), data) {
			t.Fatal("a state has two images")
		}
		m.Advance(m.Index()+1, m.LogTime())
	})
}

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

func TestMatchGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", false}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "abbd", false},
		{"*a*b*", "xxaxxbxx", true}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"abc*", "abc", true}, {"abc**", "abc", true},
		{"[a-c]x", "bx", true}, {"[c-a]x", "bx", true}, {"[^a-c]x", "bx", false}, {"[^a-c]x", "dx", true}, {"[ab", "a", true},
		{"[ab", "c", false}, {"[", "[", false}, {"[^", "x", true}, {`[\]]`, "]", true}, {`\*`, "*", true}, {`\*`, "x", false},
		{`a\`, `a\`, true}, {"[a-]", "-", false}, {"[a-]", "a", true}, {"[]", "x", false}, {"*[a]", "bbba", true}, {"?", "\xff", true},
		{"[\x80-\xff]", "\xf0", true}, {"a*a*b", "aaab", true}, {"*ab", "aab", true},
	} {
		if got := matchGlob([]byte(c.pattern), c.s); got != c.want {
			t.Errorf("%q against %q: %v", c.pattern, c.s, got)
		}
	}
}

// TestMatchGlobIsBounded: patterns that make Redis try every split end at once here.
func TestMatchGlobIsBounded(t *testing.T) {
	pattern := []byte(strings.Repeat("*a", 1000) + "b")
	if matchGlob(pattern, strings.Repeat("a", 20000)) {
		t.Error("matched")
	}
}

// TestHashCollisions: keys whose hashes collide in all bits that pages split by are kept and found.
func TestHashCollisions(t *testing.T) {
	k := newKeyspace()
	var places []place
	for i := range 500 {
		at := place{key: fmt.Appendf(nil, "%03d", i*7%500), hash: 42, slot: 7}
		k.insert(at)
		places = append(places, at)
	}
	last := ""
	k.walk(0, 0, func(_ int, it item) bool {
		if it.entry.key <= last {
			t.Fatalf("%q after %q", it.entry.key, last)
		}
		last = it.entry.key
		return true
	})
	for i, at := range places {
		e := k.get(at)
		if e == nil || e.key != string(at.key) {
			t.Fatalf("key %q is not found", at.key)
		}
		k.remove(at, e)
		if k.get(at) != nil || k.count != len(places)-1-i {
			t.Fatalf("key %q is still there", at.key)
		}
	}
}
