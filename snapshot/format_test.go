package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// encode returns the bytes of an image.
func encode(t testing.TB, meta Meta, state []byte) []byte {
	t.Helper()
	var image bytes.Buffer
	e, err := newEncoder(&image, meta)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Write(state); err != nil {
		t.Fatal(err)
	}
	if _, err := e.finish(); err != nil {
		t.Fatal(err)
	}
	return image.Bytes()
}

// decode reads an image from end to end.
func decode(image io.Reader) (Meta, []byte, error) {
	r, err := NewReader("", image)
	if err != nil {
		return Meta{}, nil, err
	}
	state, err := io.ReadAll(r)
	return r.Meta(), state, errors.Join(err, r.Close())
}

// states are raw states around the block size, compressible and not.
func states() map[string][]byte {
	noise := make([]byte, 3*BlockSize+17)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(noise)
	text := []byte(strings.Repeat("a key and its value; ", 40_000))
	return map[string][]byte{
		"empty":             nil,
		"one byte":          {7},
		"zeros":             make([]byte, 5*BlockSize),
		"text":              text,
		"noise":             noise,
		"a block less one":  noise[:BlockSize-1],
		"exactly one block": noise[:BlockSize],
		"a block plus one":  noise[:BlockSize+1],
	}
}

func TestImageHoldsStateAndMeta(t *testing.T) {
	for name, state := range states() {
		t.Run(name, func(t *testing.T) {
			meta := Meta{Index: 1 << 60, Term: 42, Metadata: []byte("members")}
			image := encode(t, meta, state)
			for how, source := range map[string]io.Reader{
				"whole":     bytes.NewReader(image),
				"in halves": iotest.HalfReader(bytes.NewReader(image)),
				"data+EOF":  iotest.DataErrReader(bytes.NewReader(image)),
			} {
				got, raw, err := decode(source)
				if err != nil {
					t.Fatalf("%s: a good image must load: %v", how, err)
				}
				if !got.equal(meta) || !bytes.Equal(raw, state) {
					t.Fatalf("%s: got %+v and %d bytes, want %+v and %d bytes", how, got, len(raw), meta, len(state))
				}
			}
		})
	}
}

func TestImageDoesNotDependOnHowItIsWritten(t *testing.T) {
	state := states()["text"]
	var image bytes.Buffer
	e, err := newEncoder(&image, Meta{Index: 1, Term: 1})
	if err != nil {
		t.Fatal(err)
	}
	for rest, n := state, 1; len(rest) > 0; n = n*3 + 1 {
		n = min(n, len(rest))
		if _, err := e.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if _, err := e.finish(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(image.Bytes(), encode(t, Meta{Index: 1, Term: 1}, state)) {
		t.Fatal("the same state in other pieces must make the same image")
	}
}

// TestFormatOnDisk takes an image apart with nothing but the drawing in format.go.
func TestFormatOnDisk(t *testing.T) {
	state := bytes.Repeat([]byte("0123456789abcdef"), BlockSize/16+100)
	image := encode(t, Meta{Index: 0x0102030405060708, Term: 9, Metadata: []byte("xyz")}, state)
	le := binary.LittleEndian
	crc := func(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
	want := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Fatalf("%s: got %v, the format says %v", what, got, want)
		}
	}
	want("magic", string(image[:8]), "RDBTSNAP")
	want("version", le.Uint32(image[8:]), uint32(1))
	want("metadata length", le.Uint32(image[12:]), uint32(3))
	want("index", le.Uint64(image[16:]), uint64(0x0102030405060708))
	want("term", le.Uint64(image[24:]), uint64(9))
	want("metadata", string(image[32:35]), "xyz")
	headerSum := le.Uint32(image[35:])
	want("header CRC", headerSum, crc(image[:35]))
	rest := image[39:]
	for k, length := range []int{BlockSize, 1600} {
		c := le.Uint32(rest)
		want("raw length", le.Uint32(rest[4:]), uint32(length))
		covered := le.AppendUint64(nil, uint64(k))
		covered = append(append(covered, rest[:8]...), rest[12:12+c]...)
		want("block CRC", le.Uint32(rest[8:]), crc(covered))
		rest = rest[12+c:]
	}
	want("footer length", len(rest), 68)
	want("footer mark", le.Uint32(rest), uint32(0))
	want("header CRC again", le.Uint32(rest[4:]), headerSum)
	want("blocks", le.Uint64(rest[8:]), uint64(2))
	want("raw size", le.Uint64(rest[16:]), uint64(len(state)))
	want("digest", [32]byte(rest[24:56]), sha256.Sum256(state))
	want("footer CRC", le.Uint32(rest[56:]), crc(rest[:56]))
	want("end magic", string(rest[60:]), "RDBTDONE")
}

// wantDamage fails unless the image is refused as damaged.
func wantDamage(t *testing.T, what string, image []byte) {
	t.Helper()
	_, _, err := decode(bytes.NewReader(image))
	var damage *DamageError
	if !errors.As(err, &damage) {
		t.Fatalf("%s: the image must be refused as damaged, got %v", what, err)
	}
	if damage.Offset < 0 || damage.Offset > int64(len(image)) {
		t.Fatalf("%s: damage at offset %d of an image of %d bytes", what, damage.Offset, len(image))
	}
}

// smallImage has two blocks, the first made of several kinds of zstd data.
func smallImage(t testing.TB) []byte {
	var image bytes.Buffer
	e, err := newEncoder(&image, Meta{Index: 77, Term: 3, Metadata: []byte("1=a:1,2=b:2")})
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 150)
	rand.NewChaCha8([32]byte{2}).Read(noise)
	fmt.Fprintf(e, "%s%s", noise, strings.Repeat("key and value;", 30))
	if err := e.flush(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(e, "the second block")
	if _, err := e.finish(); err != nil {
		t.Fatal(err)
	}
	return image.Bytes()
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	image := smallImage(t)
	if _, _, err := decode(bytes.NewReader(image)); err != nil {
		t.Fatal(err)
	}
	for bit := range len(image) * 8 {
		bad := bytes.Clone(image)
		bad[bit/8] ^= 1 << (bit % 8)
		wantDamage(t, fmt.Sprintf("bit %d of byte %d flipped", bit%8, bit/8), bad)
	}
}

func TestEveryChangedByteIsNoticed(t *testing.T) {
	image := smallImage(t)
	for at := range image {
		for _, value := range []byte{0, 0xff, image[at] + 1} {
			if value == image[at] {
				continue
			}
			bad := bytes.Clone(image)
			bad[at] = value
			wantDamage(t, fmt.Sprintf("byte %d set to %#x", at, value), bad)
		}
	}
}

func TestEveryTruncationIsNoticed(t *testing.T) {
	image := smallImage(t)
	for length := range image {
		wantDamage(t, fmt.Sprintf("cut to %d of %d bytes", length, len(image)), image[:length])
		zeroed := append(bytes.Clone(image[:length]), make([]byte, len(image)-length)...)
		wantDamage(t, fmt.Sprintf("zeros from byte %d on", length), zeroed)
	}
}

func TestAppendedBytesAreNoticed(t *testing.T) {
	image := smallImage(t)
	wantDamage(t, "a zero after the footer", append(bytes.Clone(image), 0))
	wantDamage(t, "another footer", append(bytes.Clone(image), image[len(image)-footerSize:]...))
	wantDamage(t, "the image twice", append(bytes.Clone(image), image...))
}

// blockBytes builds a block with a right checksum, so that only what it claims can be wrong.
func blockBytes(number uint64, rawLength int, compressed []byte) []byte {
	block := append(make([]byte, blockHeaderSize), compressed...)
	putBlockHeader(block, number, rawLength)
	return block
}

func TestLiesUnderGoodChecksumsAreNoticed(t *testing.T) {
	state := []byte("some state of which the image tells lies")
	meta := Meta{Index: 5, Term: 2}
	good := encode(t, meta, state)
	header, sum := appendHeader(nil, meta)
	truth, damage := decodeFooter(good[len(good)-footerSize:], 0)
	if damage != nil {
		t.Fatal(damage)
	}
	frame := good[len(header)+blockHeaderSize : len(good)-footerSize]
	e, err := newEncoder(io.Discard, meta)
	if err != nil {
		t.Fatal(err)
	}
	huge := e.zstd.EncodeAll(make([]byte, 64<<20), nil)
	image := func(blocks []byte, f footer) []byte {
		return appendFooter(append(bytes.Clone(header), blocks...), f)
	}
	block := blockBytes(0, len(state), frame)
	if !bytes.Equal(image(block, truth), good) {
		t.Fatal("the test does not build images as the encoder does")
	}
	lie := func(change func(*footer)) footer {
		f := truth
		change(&f)
		return f
	}
	version2 := bytes.Clone(good)
	version2[8] = 2
	zeroIndex, _ := appendHeader(nil, Meta{Term: 2})
	for what, bad := range map[string][]byte{
		"wrong digest":               image(block, lie(func(f *footer) { f.digest[31] ^= 1 })),
		"wrong block count":          image(block, lie(func(f *footer) { f.blocks++ })),
		"wrong raw size":             image(block, lie(func(f *footer) { f.rawSize-- })),
		"footer of another image":    image(block, lie(func(f *footer) { f.headerSum = ^sum })),
		"block missing":              image(nil, truth),
		"block twice":                image(append(bytes.Clone(block), block...), truth),
		"block with another number":  image(blockBytes(1, len(state), frame), truth),
		"raw length too small":       image(blockBytes(0, len(state)-1, frame), truth),
		"raw length too large":       image(blockBytes(0, len(state)+1, frame), truth),
		"raw length of zero":         image(blockBytes(0, 0, frame), truth),
		"raw length over the limit":  image(blockBytes(0, BlockSize+1, frame), truth),
		"64 MiB in a block":          image(blockBytes(0, BlockSize, huge), truth),
		"compressed over the limit":  image(blockBytes(0, 1, make([]byte, maxCompressed+1)), truth),
		"a block that is no zstd":    image(blockBytes(0, 5, []byte("plain")), truth),
		"another format version":     version2,
		"index zero":                 appendFooter(zeroIndex, footer{}),
		"metadata over the limit":    append(bytes.Clone(good[:12]), 1, 0, 16, 0),
		"another kind of file":       []byte(strings.Repeat("REDIS0011", 20)),
		"nothing but a footer":       appendFooter(nil, footer{}),
		"no footer":                  append(bytes.Clone(header), block...),
		"a footer's mark and no end": append(bytes.Clone(header), make([]byte, footerSize)...),
	} {
		wantDamage(t, what, bad)
	}
}

func TestImpossibleMetaIsRefused(t *testing.T) {
	for what, meta := range map[string]Meta{
		"index zero":        {Term: 1},
		"too much metadata": {Index: 1, Metadata: make([]byte, MaxMetadata+1)},
	} {
		if _, err := newEncoder(io.Discard, meta); err == nil {
			t.Errorf("%s: an image that cannot be read must not be written", what)
		}
	}
	meta := Meta{Index: 1, Metadata: make([]byte, MaxMetadata)}
	if got, _, err := decode(bytes.NewReader(encode(t, meta, nil))); err != nil || !got.equal(meta) {
		t.Errorf("metadata of %d bytes must be taken: %v", MaxMetadata, err)
	}
}

func TestReadErrorsAreNotDamage(t *testing.T) {
	image := smallImage(t)
	broken := errors.New("input/output error")
	for length := range image {
		_, _, err := decode(io.MultiReader(bytes.NewReader(image[:length]), iotest.ErrReader(broken)))
		var damage *DamageError
		if !errors.Is(err, broken) || errors.As(err, &damage) {
			t.Fatalf("a failing disk at byte %d must be told from damage, got %v", length, err)
		}
	}
}

func TestNames(t *testing.T) {
	previous := ""
	for _, meta := range []Meta{{Index: 1, Term: 1}, {Index: 9, Term: 3}, {Index: 10, Term: 3}, {Index: 1<<64 - 1, Term: 1<<64 - 1}} {
		name := fileName(meta)
		if name <= previous {
			t.Errorf("%s must sort after %s", name, previous)
		}
		previous = name
		index, term, ok := ParseName(name)
		if !ok || index != meta.Index || term != meta.Term {
			t.Errorf("ParseName(%q) = %d, %d, %v", name, index, term, ok)
		}
		if !isTemporary(name+writingSuffix) || !isTemporary(name+receivingSuffix) || isTemporary(name) {
			t.Errorf("only %s with a suffix is temporary", name)
		}
	}
	good := fileName(Meta{Index: 12, Term: 3})
	for _, name := range []string{"", "x", suffix, good + "x", "x" + good, good[1:], strings.ToUpper(good),
		strings.Replace(good, "00", "+0", 1), strings.Replace(good, "00", " 0", 1), strings.Replace(good, "12", "1x", 1),
		fileName(Meta{Term: 1}), strings.Repeat("9", 20) + good[20:]} {
		if _, _, ok := ParseName(name); ok {
			t.Errorf("%q must not be taken for an image", name)
		}
		if isTemporary(name+writingSuffix) && name != good {
			t.Errorf("%q must not be taken for a temporary file", name+writingSuffix)
		}
	}
}

// FuzzReader feeds the loader with anything. What it accepts must be an image that holds what it
// says; its memory stays within one block whatever is claimed.
func FuzzReader(f *testing.F) {
	f.Add(smallImage(f))
	f.Add(encode(f, Meta{Index: 1}, nil))
	f.Add(encode(f, Meta{Index: 1, Term: 1}, bytes.Repeat([]byte{0}, 3000)))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, image []byte) {
		r, err := NewReader("fuzz", bytes.NewReader(image))
		if err != nil {
			return
		}
		defer r.Close()
		digest := sha256.New()
		n, err := io.CopyBuffer(struct{ io.Writer }{digest}, r, make([]byte, 4096))
		if cap(r.raw) > BlockSize || cap(r.compressed) > maxCompressed || len(r.meta.Metadata) > MaxMetadata {
			t.Fatal("the loader's memory must stay bounded")
		}
		if err != nil {
			return
		}
		f, damage := decodeFooter(image[len(image)-footerSize:], 0)
		if damage != nil || f.rawSize != uint64(n) || f.digest != [32]byte(digest.Sum(nil)) {
			t.Fatalf("accepted %d bytes that the footer does not describe: %+v", n, f)
		}
	})
}

// FuzzBlock feeds the loader with any compressed bytes under good checksums, which a fuzzer does
// not find by itself.
func FuzzBlock(f *testing.F) {
	image := encode(f, Meta{Index: 1}, []byte(strings.Repeat("value", 100)))
	f.Add(500, image[headerMinSize+blockHeaderSize:len(image)-footerSize])
	f.Add(BlockSize, []byte{0x28, 0xb5, 0x2f, 0xfd})
	f.Fuzz(func(t *testing.T, rawLength int, compressed []byte) {
		image, _ := appendHeader(nil, Meta{Index: 1})
		image = append(image, blockBytes(0, rawLength, compressed)...)
		r, err := NewReader("fuzz", bytes.NewReader(image))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		raw, err := io.ReadAll(r)
		if err == nil {
			t.Fatal("an image without a footer was accepted")
		}
		if len(raw) > BlockSize || (len(raw) != 0 && len(raw) != rawLength) {
			t.Fatalf("a block of %d raw bytes gave %d", rawLength, len(raw))
		}
	})
}
