package snapshot

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"

	"github.com/klauspost/compress/zstd"

	"redoubt/internal/vfs"
)

// Reader reads the raw state of an image. Bytes that it returns come from blocks whose checksum
// held; io.EOF comes only after the footer's counts and digest held as well. Its memory is bounded
// whatever the image claims: one block compressed, two raw, and MaxMetadata. While a block is used, the next one is read and
// checked beside it.
type Reader struct {
	name   string
	source *bufio.Reader
	closer io.Closer
	zstd   *zstd.Decoder
	digest hash.Hash

	meta      Meta
	headerSum uint32
	// offset is the place in the image of the next byte from source.
	offset int64
	// seen counts what was read, to be compared with the footer.
	seen footer

	compressed []byte
	// raw is the block that Read hands out, and the one after; rest is what is left of the first.
	raw  [2][]byte
	rest []byte
	// err is what Read returns once rest is empty.
	err error
	// ahead takes the end of next, which runs beside whoever reads; nil if it does not. Until then the second of raw and all
	// that changes but rest and err is next's.
	ahead chan nextBlock
}

// nextBlock is a block of raw state, or why there is none.
type nextBlock struct {
	raw []byte
	err error
}

// NewReader reads the header of the image that r holds. name stands for the image in errors; it may
// be empty. Damage is reported as a *DamageError. The Reader must be closed; r is not closed with it.
func NewReader(name string, r io.Reader) (*Reader, error) {
	image := &Reader{name: name, source: bufio.NewReaderSize(r, 64<<10), digest: sha256.New()}
	if err := image.readHeader(); err != nil {
		return nil, err
	}
	decompressor, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(BlockSize), zstd.WithDecoderMaxMemory(BlockSize), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic("BUG: snapshot: zstd refuses its options: " + err.Error())
	}
	image.zstd = decompressor
	return image, nil
}

// openReader opens the image in a file.
func openReader(fsys vfs.FS, name string) (*Reader, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	size, err := file.Size()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("snapshot: %s: %w", name, err), file.Close())
	}
	image, err := NewReader(name, io.NewSectionReader(file, 0, size))
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	image.closer = file
	return image, nil
}

// Meta returns what the header says.
func (r *Reader) Meta() Meta { return r.meta }

// Read returns verified raw state. Damage is reported as a *DamageError.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.advance()
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// advance puts the next block into rest, and has the one after it read.
func (r *Reader) advance() {
	block := r.await()
	if r.rest, r.err = block.raw, block.err; r.err != nil {
		return
	}
	r.raw[0], r.raw[1] = r.raw[1], r.raw[0] // next fills the second
	ahead := make(chan nextBlock, 1)
	r.ahead = ahead
	go func() { ahead <- r.next() }()
}

// await returns the block that is being read, or reads one.
func (r *Reader) await() nextBlock {
	if r.ahead == nil {
		return r.next()
	}
	block := <-r.ahead
	r.ahead = nil
	return block
}

// Close releases the file. It may be called more than once.
func (r *Reader) Close() error {
	if r.ahead != nil {
		r.await()
	}
	r.rest, r.err = nil, errors.New("snapshot: read after Close")
	if r.zstd != nil {
		r.zstd.Close()
		r.zstd = nil
	}
	if r.closer == nil {
		return nil
	}
	closer := r.closer
	r.closer = nil
	return closer.Close()
}

func (r *Reader) damaged(offset int64, format string, args ...any) error {
	return &DamageError{File: r.name, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// fill reads len(b) bytes. An image that ends too early is damaged; any other error is the file system's.
func (r *Reader) fill(b []byte, what string) error {
	n, err := io.ReadFull(r.source, b)
	at := r.offset + int64(n)
	r.offset = at
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return r.damaged(at, "the image ends inside %s", what)
	default:
		return fmt.Errorf("snapshot: %s offset %d: %w", r.name, at, err)
	}
}

func (r *Reader) readHeader() error {
	fixed := make([]byte, headerFixedSize)
	if err := r.fill(fixed, "the header"); err != nil {
		return err
	}
	length, damage := checkHeaderStart(fixed)
	if damage != nil {
		damage.File = r.name
		return damage
	}
	header := make([]byte, headerMinSize+length)
	copy(header, fixed)
	if err := r.fill(header[headerFixedSize:], "the header"); err != nil {
		return err
	}
	r.meta, r.headerSum, damage = decodeHeader(header)
	if damage != nil {
		damage.File = r.name
		return damage
	}
	return nil
}

// next reads the next block into the second of raw. Its error is io.EOF after a good footer.
func (r *Reader) next() nextBlock {
	raw, err := r.readBlock()
	return nextBlock{raw, err}
}

func (r *Reader) readBlock() ([]byte, error) {
	start := r.offset
	var head [blockHeaderSize]byte
	if err := r.fill(head[:4], "a block header"); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(head[:])
	if length == 0 {
		return nil, r.readFooter(start)
	}
	if err := r.fill(head[4:], "a block header"); err != nil {
		return nil, err
	}
	rawLength := binary.LittleEndian.Uint32(head[4:])
	number := r.seen.blocks
	if length > maxCompressed || rawLength == 0 || rawLength > BlockSize {
		return nil, r.damaged(start, "block %d has impossible lengths: %d compressed, %d raw", number, length, rawLength)
	}
	// The buffers grow to what blocks need, so that loading a small image costs little.
	if len(r.compressed) < int(length) {
		r.compressed = make([]byte, min(2*int(length), maxCompressed))
	}
	if len(r.raw[1]) < int(rawLength) {
		r.raw[1] = make([]byte, rawLength)
	}
	compressed := r.compressed[:length]
	if err := r.fill(compressed, "a block"); err != nil {
		return nil, err
	}
	if blockSum(number, head[:8], compressed) != binary.LittleEndian.Uint32(head[8:]) {
		return nil, r.damaged(start, "block %d: checksum mismatch", number)
	}
	// The capacity is the limit: a frame that would grow past its announced length is refused.
	raw, err := r.zstd.DecodeAll(compressed, r.raw[1][:0:rawLength])
	if err != nil {
		return nil, r.damaged(start, "block %d: %v", number, err)
	}
	if len(raw) != int(rawLength) {
		return nil, r.damaged(start, "block %d: %d raw bytes, %d announced", number, len(raw), rawLength)
	}
	r.digest.Write(raw)
	r.seen.blocks++
	r.seen.rawSize += uint64(len(raw))
	return raw, nil
}

// readFooter reads the rest of the footer that began at start, and compares it with what was seen.
func (r *Reader) readFooter(start int64) error {
	var b [footerSize]byte
	if err := r.fill(b[4:], "the footer"); err != nil {
		return err
	}
	told, damage := decodeFooter(b[:], start)
	if damage != nil {
		damage.File = r.name
		return damage
	}
	r.seen.headerSum = r.headerSum
	r.digest.Sum(r.seen.digest[:0])
	switch {
	case told.headerSum != r.seen.headerSum:
		return r.damaged(start, "the footer belongs to another image")
	case told.blocks != r.seen.blocks:
		return r.damaged(start, "%d blocks, the footer says %d", r.seen.blocks, told.blocks)
	case told.rawSize != r.seen.rawSize:
		return r.damaged(start, "%d raw bytes, the footer says %d", r.seen.rawSize, told.rawSize)
	case told.digest != r.seen.digest:
		return r.damaged(start, "the state's digest is %x, the footer says %x", r.seen.digest, told.digest)
	}
	if _, err := r.source.ReadByte(); err == nil {
		return r.damaged(r.offset, "bytes after the footer")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("snapshot: %s offset %d: %w", r.name, r.offset, err)
	}
	return io.EOF
}

// drain reads an image to its end, or up to its damage, and returns what it was seen to hold.
func (r *Reader) drain() (footer, error) {
	r.rest = nil
	for r.err == nil {
		r.err = r.await().err
	}
	if errors.Is(r.err, io.EOF) {
		return r.seen, nil
	}
	return r.seen, r.err
}

// readInfo reads header and footer of the image in dir/name, without the blocks between them. It
// notices what tears and mix-ups leave behind; the blocks are checked by whoever loads them.
func readInfo(fsys vfs.FS, dir, name string) (info Info, err error) {
	full := path.Join(dir, name)
	info.Name = name
	file, err := fsys.Open(full)
	if err != nil {
		return info, fmt.Errorf("snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if info.Size, err = file.Size(); err != nil {
		return info, fmt.Errorf("snapshot: %s: %w", full, err)
	}
	image := &Reader{name: full, source: bufio.NewReaderSize(io.NewSectionReader(file, 0, info.Size), headerMinSize)}
	if err := image.readHeader(); err != nil {
		return info, err
	}
	info.Meta = image.meta
	start := info.Size - footerSize
	if start < image.offset {
		return info, image.damaged(info.Size, "the image ends before its footer")
	}
	var b [footerSize]byte
	if _, err := file.ReadAt(b[:], start); err != nil && !errors.Is(err, io.EOF) {
		return info, fmt.Errorf("snapshot: %s offset %d: %w", full, start, err)
	}
	told, damage := decodeFooter(b[:], start)
	if damage == nil && told.headerSum != image.headerSum {
		damage = &DamageError{Offset: start, Reason: "the footer belongs to another image"}
	}
	if damage != nil {
		damage.File = full
		return info, damage
	}
	info.setFooter(told)
	return info, nil
}
