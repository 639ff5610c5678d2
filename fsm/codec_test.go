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
		"another version":        {3},
		"no check":               {batchVersionChecked},
		"a check of no version":  append([]byte{batchVersionChecked, 0, 1}, make([]byte, 8)...),
		"half a check":           AppendCheckedBatchHeader(nil, 300, 1)[:11],
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

func TestBatchCarriesACheck(t *testing.T) {
	data := AppendCommand(AppendCheckedBatchHeader(nil, 300, 1<<63+5), 0, 0, words("get k"))
	b, err := DecodeBatch(data)
	if err != nil {
		t.Fatal(err)
	}
	if index, sum, ok := b.Check(); index != 300 || sum != 1<<63+5 || !ok {
		t.Errorf("the check is %d, %d, %v", index, sum, ok)
	}
	if c, ok, err := b.Next(); !ok || err != nil || string(c.Args[1]) != "k" {
		t.Errorf("the command behind the check is %q (%v, %v)", c.Args, ok, err)
	}
	data[1]++
	if err := b.Reset(data); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := b.Check(); ok {
		t.Error("a check of another version counts")
	}
	if err := b.Reset(encodeBatch("get k")); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := b.Check(); ok {
		t.Error("a batch without a check has one")
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
	f.Add(AppendCommand(AppendCheckedBatchHeader(nil, 300, 7), 0, 0, words("get k")))
	f.Add(AppendCommand(AppendCommand(encodeBatch("session open ttl 5", "session open"), 1, 1, words("append k x")), 1, 1, words("append k x")))
	f.Add(AppendCommand(AppendCommand(encodeBatch("session open", "once status 1 7"), 1, 7, words("session close 1")), 1, 8, words("lcs k k idx")))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := DecodeBatch(data)
		if err != nil {
			return
		}
		m := New()
		m.Advance(1, 1_000_000)
		again := AppendBatchHeader(nil)
		if index, sum, ok := b.Check(); ok {
			again = AppendCheckedBatchHeader(nil, index, sum)
		} else if data[0] == batchVersionChecked {
			return
		}
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
			var w, repeated Writer
			m.ApplyOnce(c.Session, c.Sequence, c.Args, &w)
			if len(w.Buf) == 0 {
				t.Fatalf("%q: no reply", c.Args)
			}
			if c.Session != 0 && m.sessions.get(c.Session) != nil {
				before, opened := keysImage(m), m.sessions.lastID
				m.ApplyOnce(c.Session, c.Sequence, c.Args, &repeated)
				if !bytes.Equal(w.Buf, repeated.Buf) && len(w.Buf) < sessionReplyMax {
					t.Fatalf("%q: replies %q, repeated %q", c.Args, w.Buf, repeated.Buf)
				}
				if !bytes.Equal(keysImage(m), before) || m.sessions.lastID != opened {
					t.Fatalf("%q: the repetition changed something", c.Args)
				}
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

// keysImage is the image of a machine without its sessions.
func keysImage(m *Machine) []byte {
	s := m.state()
	s.sessions = sessionTree{}
	var b bytes.Buffer
	s.writeTo(&b)
	return b.Bytes()
}

// sampleImage is an image of some keys and sessions.
func sampleImage(t testing.TB) []byte {
	g := newGenerator(11, 50)
	m := New()
	for i := range 300 {
		m.Advance(uint64(i+1), 1_000_000+int64(i))
		m.Apply(g.command(), &Writer{Discard: true})
		if i%40 == 0 {
			m.Apply(words("session open ttl 100"), &Writer{Discard: true})
		}
		m.ApplyOnce(uint64(i%9), uint64(i), g.command(), &Writer{Discard: true})
	}
	apply(m, "session close 3")
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

// TestLoadSeesFlippedBits: an image with one bit turned is refused, or is the image of another sound state (that the bytes are
// those which were written is for the file's checksums).
func TestLoadSeesFlippedBits(t *testing.T) {
	b := sampleImage(t)
	for i := 0; i < len(b)*8; i += 11 {
		b[i/8] ^= 1 << (i % 8)
		if m, err := Load(bytes.NewReader(b)); err == nil {
			checkInvariants(t, m)
			if !bytes.Equal(image(t, m), b) {
				t.Fatalf("bit %d of byte %d: two images of one state", i%8, i/8)
			}
		}
		b[i/8] ^= 1 << (i % 8)
	}
}

// TestLoadRefusesSessionsThatCannotBe: what the sessions of a machine never are is no state.
func TestLoadRefusesSessionsThatCannotBe(t *testing.T) {
	const lastID, uses, logTime = 9, 50, 9
	state := func(count uint64, sessions ...[]uint64) []byte {
		b := append([]byte(snapshotMagic), sectionClock, 1, logTime, sectionKeys, 0, sectionSessions, lastID, uses)
		b = binary.AppendUvarint(b, count)
		for _, s := range sessions {
			for _, n := range s {
				b = binary.AppendUvarint(b, n)
			}
		}
		return append(b, sectionEnd)
	}
	// id, time to live, last activity, use, top, outcomes: sequence, length, reply
	full := func(ids ...uint64) (all [][]uint64) {
		for _, id := range ids {
			all = append(all, []uint64{id, 1000, 5, id, 3, 2, 1, 0, 3, 3, '_', '\r', '\n'})
		}
		return all
	}
	with := func(at int, n uint64) [][]uint64 {
		s := full(4)
		s[0][at] = n
		return s
	}
	many := []uint64{4, 1000, 5, 4, 129, 129}
	for sequence := range uint64(129) {
		many = append(many, sequence+1, 0)
	}
	for _, sound := range [][]byte{state(0), state(1, full(4)...), state(3, full(1, 4, 9)...), state(1, []uint64{4, 1000, 9, 50, 0, 0})} {
		if _, err := Load(bytes.NewReader(sound)); err != nil {
			t.Fatalf("a sound state is refused: %v", err)
		}
	}
	for name, image := range map[string][]byte{
		"no session was ever opened":    append([]byte(snapshotMagic), sectionClock, 1, 9, sectionKeys, 0, sectionSessions, 0, 0, 0, sectionEnd),
		"more than there may be":        state(uint64(defaultSessionLimits.sessions)+1, full(4)...),
		"fewer than it says":            state(2, full(4)...),
		"more than it says":             state(1, full(4, 5)...),
		"id zero":                       state(1, with(0, 0)...),
		"an id above the last one":      state(1, with(0, lastID+1)...),
		"out of order":                  state(2, full(4, 3)...),
		"an id twice":                   state(2, full(4, 4)...),
		"no time to live":               state(1, with(1, 0)...),
		"a long time to live":           state(1, with(1, sessionTTLMax*1000+1)...),
		"used in the future":            state(1, with(2, logTime+1)...),
		"used too often":                state(1, with(3, uses+1)...),
		"used by one command":           state(2, full(4)[0], []uint64{5, 1000, 5, 4, 1, 1, 1, 3, '_', '\r', '\n'}),
		"a top that was not run":        state(1, with(4, 4)...),
		"a top without outcomes":        state(1, []uint64{4, 1000, 5, 4, 3, 0}),
		"outcomes without a top":        state(1, with(4, 0)...),
		"sequence zero":                 state(1, with(6, 0)...),
		"sequences out of order":        state(1, with(6, 3)...),
		"a sequence below the window":   state(1, []uint64{4, 1000, 5, 4, 129, 2, 1, 0, 129, 0}),
		"more outcomes than the window": state(1, many),
		"a malformed reply":             state(1, with(10, '!')...),
		"a reply too long":              state(1, with(9, sessionReplyMax+1)...),
	} {
		if _, err := Load(bytes.NewReader(image)); err == nil || !strings.HasPrefix(err.Error(), "fsm: state offset ") {
			t.Errorf("%s: error %v", name, err)
		}
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
		for id := m.sessions.lastID; id > 0 && id+10 > m.sessions.lastID; id-- {
			for _, proto := range []int{2, 3} {
				w := Writer{Proto: proto}
				m.ApplyOnce(id, 1, words("incr k"), &w)
				m.ApplyOnce(id, math.MaxUint64, words("set k v"), &w)
			}
		}
		checkInvariants(t, m)
	})
}
