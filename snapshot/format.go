package snapshot

// The bytes of an image. All integers are little endian; CRC is CRC-32C (Castagnoli).
//
//	image  = header block* footer
//
//	header
//	  offset   bytes  field
//	       0       8  magic "RDBTSNAP"
//	       8       4  format version (1)
//	      12       4  metadata length M, at most 1 MiB
//	      16       8  index: the last log entry that the state covers
//	      24       8  term of that entry
//	      32       M  metadata, opaque here
//	    32+M       4  CRC of everything before it
//
//	block k, counted from 0
//	       0       4  compressed length C, 1 to 257 KiB
//	       4       4  raw length R, 1 to 256 KiB
//	       8       4  CRC of k as 8 bytes, then C, R and the compressed bytes
//	      12       C  one zstd frame that needs no other block
//
//	footer
//	       0       4  zero, where a block has its compressed length
//	       4       4  the header's CRC again: a footer belongs to one header
//	       8       8  number of blocks
//	      16       8  total of the raw lengths
//	      24      32  SHA-256 of the raw state
//	      56       4  CRC of the 56 bytes before it
//	      60       8  end magic "RDBTDONE"
//
// Nothing follows the footer. The lengths are bounded before they are trusted, because a checksum
// can be compared only after what it covers has been read.

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	// FormatVersion is the format that this package writes, and the only one that it reads.
	FormatVersion = 1
	// BlockSize is the largest number of raw bytes in one block.
	BlockSize = 256 << 10
	// MaxMetadata is the largest metadata, in bytes.
	MaxMetadata = 1 << 20

	magic    = "RDBTSNAP"
	endMagic = "RDBTDONE"

	headerFixedSize = 32
	headerMinSize   = headerFixedSize + 4
	blockHeaderSize = 12
	footerSize      = 68

	// maxCompressed bounds a zstd frame of a full block: zstd adds a few bytes at most to data that
	// does not compress.
	maxCompressed = BlockSize + 1024
)

// Meta says which state an image holds.
type Meta struct {
	// Index is the last log entry that the state covers. It is never zero in an image.
	Index uint64
	// Term is the term of that entry.
	Term uint64
	// Metadata is opaque to this package: at most MaxMetadata bytes that travel with the state.
	Metadata []byte
}

// equal reports whether two images claim to hold the same state.
func (m Meta) equal(o Meta) bool {
	return m.Index == o.Index && m.Term == o.Term && string(m.Metadata) == string(o.Metadata)
}

// DamageError says that an image is not what was written. It is never an error of the file system.
type DamageError struct {
	// File is the image's path, or empty if the image was not read from a file.
	File string
	// Offset is where in the image the damage was noticed, in bytes.
	Offset int64
	// Reason says what is wrong there.
	Reason string
}

// Error names file, offset and reason.
func (e *DamageError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("snapshot: offset %d: %s", e.Offset, e.Reason)
	}
	return fmt.Sprintf("snapshot: %s offset %d: %s", e.File, e.Offset, e.Reason)
}

// footer is the decoded end of an image.
type footer struct {
	headerSum uint32
	blocks    uint64
	rawSize   uint64
	digest    [32]byte
}

// castagnoli returns the table of CRC-32C. The standard library makes it once.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// appendHeader appends the header of an image to dst and returns its checksum as well.
func appendHeader(dst []byte, meta Meta) ([]byte, uint32) {
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, FormatVersion)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(meta.Metadata)))
	dst = binary.LittleEndian.AppendUint64(dst, meta.Index)
	dst = binary.LittleEndian.AppendUint64(dst, meta.Term)
	dst = append(dst, meta.Metadata...)
	sum := crc32.Checksum(dst[start:], castagnoli())
	return binary.LittleEndian.AppendUint32(dst, sum), sum
}

// checkHeaderStart judges the fixed part of a header and returns the length of the metadata.
func checkHeaderStart(b []byte) (metadataLength int, damage *DamageError) {
	if string(b[:8]) != magic {
		return 0, &DamageError{Offset: 0, Reason: "this is no snapshot image: wrong magic"}
	}
	if version := binary.LittleEndian.Uint32(b[8:]); version != FormatVersion {
		return 0, &DamageError{Offset: 8, Reason: fmt.Sprintf("format version %d is not supported, only %d", version, FormatVersion)}
	}
	length := binary.LittleEndian.Uint32(b[12:])
	if length > MaxMetadata {
		return 0, &DamageError{Offset: 12, Reason: fmt.Sprintf("metadata of %d bytes, at most %d are allowed", length, MaxMetadata)}
	}
	return int(length), nil
}

// decodeHeader decodes a whole header that checkHeaderStart has passed. The metadata is not copied.
func decodeHeader(b []byte) (meta Meta, sum uint32, damage *DamageError) {
	end := len(b) - 4
	sum = binary.LittleEndian.Uint32(b[end:])
	if crc32.Checksum(b[:end], castagnoli()) != sum {
		return Meta{}, 0, &DamageError{Offset: 0, Reason: "header checksum mismatch"}
	}
	meta = Meta{
		Index:    binary.LittleEndian.Uint64(b[16:]),
		Term:     binary.LittleEndian.Uint64(b[24:]),
		Metadata: b[headerFixedSize:end],
	}
	if meta.Index == 0 {
		return Meta{}, 0, &DamageError{Offset: 16, Reason: "index 0 cannot have an image"}
	}
	return meta, sum, nil
}

// putBlockHeader fills the first blockHeaderSize bytes of block, whose compressed bytes follow them.
func putBlockHeader(block []byte, number uint64, rawLength int) {
	binary.LittleEndian.PutUint32(block[0:], uint32(len(block)-blockHeaderSize))
	binary.LittleEndian.PutUint32(block[4:], uint32(rawLength))
	binary.LittleEndian.PutUint32(block[8:], blockSum(number, block[:8], block[blockHeaderSize:]))
}

// blockSum is the checksum of a block. The number is covered, though not stored, so that blocks
// that changed places are noticed one by one.
func blockSum(number uint64, lengths, compressed []byte) uint32 {
	table := castagnoli()
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], number)
	sum := crc32.Update(0, table, n[:])
	sum = crc32.Update(sum, table, lengths)
	return crc32.Update(sum, table, compressed)
}

// appendFooter appends the end of an image to dst.
func appendFooter(dst []byte, f footer) []byte {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint32(dst, f.headerSum)
	dst = binary.LittleEndian.AppendUint64(dst, f.blocks)
	dst = binary.LittleEndian.AppendUint64(dst, f.rawSize)
	dst = append(dst, f.digest[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli()))
	return append(dst, endMagic...)
}

// decodeFooter decodes footerSize bytes that begin at offset of the image.
func decodeFooter(b []byte, offset int64) (f footer, damage *DamageError) {
	if binary.LittleEndian.Uint32(b) != 0 || string(b[60:footerSize]) != endMagic {
		return footer{}, &DamageError{Offset: offset, Reason: "no footer: the image is incomplete"}
	}
	if crc32.Checksum(b[:56], castagnoli()) != binary.LittleEndian.Uint32(b[56:]) {
		return footer{}, &DamageError{Offset: offset, Reason: "footer checksum mismatch"}
	}
	f = footer{
		headerSum: binary.LittleEndian.Uint32(b[4:]),
		blocks:    binary.LittleEndian.Uint64(b[8:]),
		rawSize:   binary.LittleEndian.Uint64(b[16:]),
	}
	copy(f.digest[:], b[24:56])
	return f, nil
}
