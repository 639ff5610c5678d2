package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A record is a header, a payload and an end tag. Integers are little endian.
//
//	 0       4       8       12      16              24              32   33    34   35   36         36+length
//	+-------+-------+-------+-------+---------------+---------------+----+-----+----+----+----------+----+
//	|header |sum    |length |synced |index          |term           |kind|flags|zero|tag | payload  |tag |
//	|sum    |       |       |       |               |               |    |     |    |    |          |    |
//	+-------+-------+-------+-------+---------------+---------------+----+-----+----+----+----------+----+
//
//	header sum  CRC32C over segment number (8 bytes), the record's offset in the file (8 bytes) and header bytes 8 to 35
//	sum         the same CRC32C, continued over the payload
//	length      bytes of payload
//	synced      every byte of the file below this offset was durable before this record was written
//	flags       bit 0: the last record of its batch
//	tag         0xA5
//
// Segment and offset are in the checksum and not in the record: bytes that an older segment or an
// older writing of this one left behind never pass for a record here.
//
// The header has a sum of its own so that the length can be trusted when the payload is damaged.
//
// On disk the last byte of each 512-byte sector of the file is a tag, not data: records flow around
// it. A sector that a crash kept from being written reads as zeros (segments are preallocated and
// never reused), its tag included, while a flipped bit cannot make 0xA5 zero. That is how a torn
// write is told from damage; see recover.go.
const (
	recordHeaderSize = 36
	// recordOverhead is what a record takes beside its payload, sector tags not counted.
	recordOverhead = recordHeaderSize + 1

	sectorSize = 512
	sectorData = sectorSize - 1
	tag        = 0xA5

	flagLast = 1
)

// kind says what a record is. The numbers are on disk.
type kind uint8

const (
	// kindEntry is an entry of the log. It replaces the entries from its index on, if there are any.
	kindEntry kind = 1
	// kindState is the owner's state. The newest wins.
	kindState kind = 2
	// kindStart says that the log starts after (index, term); the entries beyond stay. The payload
	// is the number of the first segment that is still needed, 8 bytes.
	kindStart kind = 3
	// kindReset says that the log starts after (index, term) and is empty: nothing that was written
	// before it is needed, save the state.
	kindReset kind = 4
)

func (k kind) String() string {
	switch k {
	case kindEntry:
		return "entry"
	case kindState:
		return "state"
	case kindStart:
		return "start"
	case kindReset:
		return "reset"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// castagnoli is the table of CRC32C. It is never changed.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is a decoded record header.
type header struct {
	sum    uint32
	length int64
	synced int64
	index  uint64
	term   uint64
	kind   kind
	last   bool
	// headerSum is where the checksum of the payload begins.
	headerSum uint32
}

// placedHeader is what a header's checksum is made over: segment, offset, and the header from byte 8 on.
type placedHeader [16 + recordHeaderSize - 8]byte

// checksum is the CRC32C of place and fields of a record header.
func (b *placedHeader) checksum(segment uint64, offset int64, raw []byte) uint32 {
	binary.LittleEndian.PutUint64(b[0:], segment)
	binary.LittleEndian.PutUint64(b[8:], uint64(offset))
	copy(b[16:], raw[8:recordHeaderSize])
	return crc32.Checksum(b[:], castagnoli)
}

// decodeHeader checks and decodes a record header that stands at offset.
func decodeHeader(segment uint64, offset int64, raw *[recordHeaderSize]byte) (header, error) {
	if raw[recordHeaderSize-1] == 0 {
		return header{}, errTorn
	}
	sum := new(placedHeader).checksum(segment, offset, raw[:])
	if sum != binary.LittleEndian.Uint32(raw[0:]) || raw[recordHeaderSize-1] != tag {
		return header{}, errChecksum
	}
	return header{
		sum:       binary.LittleEndian.Uint32(raw[4:]),
		length:    int64(binary.LittleEndian.Uint32(raw[8:])),
		synced:    int64(binary.LittleEndian.Uint32(raw[12:])),
		index:     binary.LittleEndian.Uint64(raw[16:]),
		term:      binary.LittleEndian.Uint64(raw[24:]),
		kind:      kind(raw[32]),
		last:      raw[33]&flagLast != 0,
		headerSum: sum,
	}, nil
}

// advance returns the offset just past n bytes of data that begin at offset, with the tags that
// they flow around. A sector's tag belongs to its last byte of data, so that an offset returned by
// advance never stands at a tag.
func advance(offset, n int64) int64 {
	room := sectorData - offset%sectorSize
	if n < room {
		return offset + n
	}
	n -= room
	return offset + room + 1 + n/sectorData*sectorSize + n%sectorData
}

// encoder lays records out as they stand in the file.
type encoder struct {
	segment uint64
	// base is the offset in the file of buf[0].
	base int64
	buf  []byte
	// raw is where a header is made, followed by an end tag: kept here so that it is not allocated anew.
	raw [recordHeaderSize + 1]byte
	// sums is where the checksum of a header is made.
	sums placedHeader
}

func (e *encoder) offset() int64 { return e.base + int64(len(e.buf)) }

// put appends data, flowing around the sector tags.
func (e *encoder) put(data []byte) {
	for len(data) > 0 {
		room := int(sectorData - e.offset()%sectorSize)
		if len(data) < room {
			e.buf = append(e.buf, data...)
			return
		}
		e.buf = append(e.buf, data[:room]...)
		e.buf = append(e.buf, tag)
		data = data[room:]
	}
}

// record appends one record whose payload is head followed by body.
func (e *encoder) record(k kind, index, term uint64, head, body []byte, synced int64, last bool) {
	raw := &e.raw
	binary.LittleEndian.PutUint32(raw[8:], uint32(len(head)+len(body)))
	binary.LittleEndian.PutUint32(raw[12:], uint32(synced))
	binary.LittleEndian.PutUint64(raw[16:], index)
	binary.LittleEndian.PutUint64(raw[24:], term)
	raw[32] = byte(k)
	raw[33] = 0
	if last {
		raw[33] = flagLast
	}
	raw[recordHeaderSize-1], raw[recordHeaderSize] = tag, tag
	sum := e.sums.checksum(e.segment, e.offset(), raw[:])
	binary.LittleEndian.PutUint32(raw[0:], sum)
	sum = crc32.Update(crc32.Update(sum, castagnoli, head), castagnoli, body)
	binary.LittleEndian.PutUint32(raw[4:], sum)
	e.put(raw[:recordHeaderSize])
	e.put(head)
	e.put(body)
	e.put(raw[recordHeaderSize:])
}

// unpack copies len(dst) bytes of data that begin at offset out of raw, without the tags, which
// it checks. A zero tag is errTorn, whatever else is wrong: a missing sector explains it all.
func unpack(dst, raw []byte, offset int64) error {
	var bad error
	for len(dst) > 0 {
		room := int(sectorData - offset%sectorSize)
		if len(dst) < room {
			copy(dst, raw)
			return bad
		}
		copy(dst[:room], raw)
		switch raw[room] {
		case tag:
		case 0:
			return errTorn
		default:
			bad = errChecksum
		}
		dst, raw, offset = dst[room:], raw[room+1:], offset+int64(room)+1
	}
	return bad
}
