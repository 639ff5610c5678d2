package fsm

import (
	"bytes"
	"encoding/binary"
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
