package fsm

import (
	"encoding/binary"
	"math/bits"

	"redoubt/fsm/slab"
)

// record is a key with its value, as the bytes of a block. Nil stands for no record. A block may be longer than its record.
//
//	record  := head(8) [touched(8)] [deadline(8) place(4)] length name value
//	head    := kind(4 bits) encoding(4 bits) flags(8 bits) touched(48 bits)
//	value   := integer(8) | length bytes | handle(8) length(8) epoch(4)
//
// Numbers are little-endian; lengths are varints where nothing else is said. The flags say which parts there are. What was
// touched at a time that does not fit in 48 bits has a field for it. The place is the one in the deadline index plus one.
// A value for which a record has no room stands in a block of its own. That block may be longer than the value: bytes past
// the end of a View's value may be written, bytes inside it may not, unless the epoch says that no View knows the block.
//
// A record that is shared with a View is never changed, save for its place, which a View does not read.
type record []byte

const (
	flagDeadline = 1 << iota
	flagWide
	flagOut
)

const (
	headBytes     = 8
	wideBytes     = 8
	deadlineBytes = 12
	integerBytes  = 8
	outBytes      = 20
	// touchedBits is the width of a time in the head.
	touchedBits = 48
	// recordMax is the size in bytes up to which a record holds its value itself.
	recordMax = slab.BlockMax
)

func (r record) kind() kind         { return kind(r[0] & 15) }
func (r record) encoding() encoding { return encoding(r[0] >> 4) }
func (r record) has(flag byte) bool { return r[1]&flag != 0 }

// isInteger reports whether the value is held as an integer.
func (r record) isInteger() bool {
	return r.encoding() == encodingInt || r.encoding() == encodingIntCopy
}

// touched returns the log time in milliseconds of the last write or TOUCH.
func (r record) touched() int64 {
	if r.has(flagWide) {
		return int64(binary.LittleEndian.Uint64(r[headBytes:]))
	}
	return int64(binary.LittleEndian.Uint64(r) >> (64 - touchedBits))
}

// deadlineAt returns where the deadline stands, if there is one.
func (r record) deadlineAt() int {
	if r.has(flagWide) {
		return headBytes + wideBytes
	}
	return headBytes
}

// deadline returns when the key is gone, in log time milliseconds; zero means never.
func (r record) deadline() int64 {
	if !r.has(flagDeadline) {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(r[r.deadlineAt():]))
}

// setDeadline sets the deadline of a record that has one.
func (r record) setDeadline(deadline int64) {
	binary.LittleEndian.PutUint64(r[r.deadlineAt():], uint64(deadline))
}

// dueAt reports whether the key is gone at a time in milliseconds.
func (r record) dueAt(now int64) bool {
	return r.has(flagDeadline) && r.deadline() <= now
}

// place returns the place in the deadline index plus one, and zero for none.
func (r record) place() uint32 {
	if !r.has(flagDeadline) {
		return 0
	}
	return binary.LittleEndian.Uint32(r[r.deadlineAt()+8:])
}

func (r record) setPlace(place uint32) {
	binary.LittleEndian.PutUint32(r[r.deadlineAt()+8:], place)
}

// keySpan returns where the key begins and ends.
func (r record) keySpan() (from, to int) {
	from = r.deadlineAt()
	if r.has(flagDeadline) {
		from += deadlineBytes
	}
	if n := r[from]; n < 0x80 {
		return from + 1, from + 1 + int(n)
	}
	length, n := binary.Uvarint(r[from:])
	return from + n, from + n + int(length)
}

// key returns the key. It must not be changed, and is gone when the record is.
func (r record) key() []byte {
	from, to := r.keySpan()
	return r[from:to:to]
}

// valueAt returns where the value's bytes begin, and how many there are in the record, if it is not an integer and not
// in a block of its own.
func (r record) valueAt() (from, length int) {
	_, from = r.keySpan()
	if n := r[from]; n < 0x80 {
		return from + 1, int(n)
	}
	size, n := binary.Uvarint(r[from:])
	return from + n, int(size)
}

// number returns the value of an integer encoding, and zero for others.
func (r record) number() int64 {
	if !r.isInteger() {
		return 0
	}
	_, at := r.keySpan()
	return int64(binary.LittleEndian.Uint64(r[at:]))
}

// outline is where a value is that has a block of its own.
type outline struct {
	handle slab.Handle
	length int
	// epoch is the keyspace's when the block was made.
	epoch uint32
}

func (r record) outline() outline {
	_, at := r.keySpan()
	return outline{
		handle: slab.Handle(binary.LittleEndian.Uint64(r[at:])),
		length: int(binary.LittleEndian.Uint64(r[at+8:])),
		epoch:  binary.LittleEndian.Uint32(r[at+16:]),
	}
}

func (o outline) put(b []byte) {
	binary.LittleEndian.PutUint64(b, uint64(o.handle))
	binary.LittleEndian.PutUint64(b[8:], uint64(o.length))
	binary.LittleEndian.PutUint32(b[16:], o.epoch)
}

// dataLength returns the length in bytes of a value that is no integer, and zero for integers.
func (r record) dataLength() int {
	switch {
	case r.isInteger():
		return 0
	case r.has(flagOut):
		return r.outline().length
	}
	_, n := r.valueAt()
	return n
}

// length returns the length in bytes of a string, and zero if there is no record.
func (r record) length() int64 {
	switch {
	case r == nil:
		return 0
	case r.isInteger():
		return int64(decimalLength(r.number()))
	}
	return int64(r.dataLength())
}

// logicalSize is the logical memory of a key in bytes. It depends on contents only, so that it is the
// same on every replica.
func (r record) logicalSize() int64 {
	from, to := r.keySpan()
	return int64(to-from) + int64(r.dataLength()) + keyOverhead
}

// keyOverhead is the logical size in bytes that a key costs beside the bytes of key and value.
const keyOverhead = 96

// fields is a record taken apart.
type fields struct {
	kind              kind
	encoding          encoding
	touched, deadline int64
	place             uint32
	key               []byte
	number            int64
	// data is the value if it is no integer and out.handle is zero.
	data []byte
	out  outline
}

// fields takes a record apart. Key and data stay in it.
func (r record) fields() fields {
	f := fields{
		kind: r.kind(), encoding: r.encoding(), touched: r.touched(),
		deadline: r.deadline(), place: r.place(), key: r.key(),
	}
	switch {
	case r.isInteger():
		f.number = r.number()
	case r.has(flagOut):
		f.out = r.outline()
	default:
		from, n := r.valueAt()
		f.data = r[from : from+n]
	}
	return f
}

func (f *fields) isInteger() bool {
	return f.encoding == encodingInt || f.encoding == encodingIntCopy
}

// headSize returns the bytes of a record before its value.
func (f *fields) headSize() int {
	n := headBytes + uvarintLength(len(f.key)) + len(f.key)
	if f.touched>>touchedBits != 0 {
		n += wideBytes
	}
	if f.deadline != 0 {
		n += deadlineBytes
	}
	return n
}

// size returns the bytes of the record.
func (f *fields) size() int {
	switch {
	case f.isInteger():
		return f.headSize() + integerBytes
	case f.out.handle != 0:
		return f.headSize() + outBytes
	}
	return f.headSize() + uvarintLength(len(f.data)) + len(f.data)
}

// put writes the record into a block that has room for it, and that key and data are not in.
func (f *fields) put(b []byte) {
	var flags byte
	b = append(b[:0], byte(f.kind)|byte(f.encoding)<<4)
	wide := f.touched>>touchedBits != 0
	if wide {
		flags |= flagWide
	}
	if f.deadline != 0 {
		flags |= flagDeadline
	}
	if f.out.handle != 0 {
		flags |= flagOut
	}
	head := uint64(b[0]) | uint64(flags)<<8
	if !wide {
		head |= uint64(f.touched) << (64 - touchedBits)
	}
	b = binary.LittleEndian.AppendUint64(b[:0], head)
	if wide {
		b = binary.LittleEndian.AppendUint64(b, uint64(f.touched))
	}
	if f.deadline != 0 {
		b = binary.LittleEndian.AppendUint64(b, uint64(f.deadline))
		b = binary.LittleEndian.AppendUint32(b, f.place)
	}
	b = binary.AppendUvarint(b, uint64(len(f.key)))
	b = append(b, f.key...)
	switch {
	case f.isInteger():
		binary.LittleEndian.AppendUint64(b, uint64(f.number))
	case f.out.handle != 0:
		f.out.put(b[len(b) : len(b)+outBytes])
	default:
		b = binary.AppendUvarint(b, uint64(len(f.data)))
		_ = append(b, f.data...)
	}
}

// recordSize returns the bytes that a record takes, without what may follow it in its block.
func (r record) recordSize() int {
	_, at := r.keySpan()
	switch {
	case r.isInteger():
		return at + integerBytes
	case r.has(flagOut):
		return at + outBytes
	}
	from, n := r.valueAt()
	return from + n
}

func uvarintLength(n int) int { return (bits.Len64(uint64(n)|1) + 6) / 7 }
