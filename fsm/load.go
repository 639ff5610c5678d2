package fsm

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

// Load reads a canonical encoding to its end and returns the machine in that state. Anything that
// WriteTo would not have written is an error, which says at which offset.
func Load(r io.Reader) (*Machine, error) { return LoadIn(nil, r) }

// LoadIn is Load with the keys in memory, as with NewIn.
func LoadIn(memory Memory, r io.Reader) (*Machine, error) {
	l := stateReader{r: bufio.NewReaderSize(r, 64<<10)}
	m := NewIn(memory)
	l.load(m)
	if l.err != nil {
		return nil, fmt.Errorf("fsm: state offset %d: %w", l.offset, l.err)
	}
	return m, nil
}

// stateReader reads the pieces of the encoding. After an error it returns zeros.
type stateReader struct {
	r      *bufio.Reader
	offset int64
	err    error
	// names are buffers for the names of the last key and of the one before.
	names [2][]byte
	// value is a buffer for values that go into their records.
	value []byte
}

func (l *stateReader) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
}

func (l *stateReader) load(m *Machine) {
	magic := l.bytes(nil, uint64(len(snapshotMagic)), uint64(len(snapshotMagic)))
	if l.err == nil && string(magic) != snapshotMagic {
		l.fail("not a state of this format")
	}
	l.section(sectionClock)
	m.index = l.uvarint()
	m.logTime = l.time()
	l.section(sectionKeys)
	var last place
	for n := l.uvarint(); n > 0 && l.err == nil; n-- {
		last = l.record(m, last)
	}
	tag := l.byte()
	if tag == sectionSessions {
		l.sessions(m)
		tag = l.byte()
	}
	l.isSection(tag, sectionEnd)
	if l.err == nil {
		if _, err := l.r.ReadByte(); err == nil {
			l.fail("bytes follow the end")
		} else if err != io.EOF {
			l.fail("%w", err)
		}
	}
}

// record reads a key, which must follow the last one in order, into the machine.
func (l *stateReader) record(m *Machine, last place) place {
	k, enc := kind(l.byte()), encoding(l.byte())
	if l.err == nil && k != kindString {
		l.fail("value of unknown kind %d", k)
	}
	name := l.bytes(l.names[0][:0], l.uvarint(), stringMax)
	l.names[0], l.names[1] = l.names[1], name
	at := placeOf(name)
	deadline := l.time()
	f := fields{kind: k, encoding: enc, key: name, touched: l.time()}
	switch enc {
	case encodingInt, encodingIntCopy:
		f.number = l.varint()
	case encodingEmbstr:
		f.data = l.data(embstrMax)
	case encodingRaw:
		f.data = l.data(stringMax)
	default:
		l.fail("string of unknown encoding %d", enc)
	}
	if l.err != nil {
		return last
	}
	if last.key != nil && !last.before(at) {
		l.fail("keys are out of order")
		return last
	}
	if !f.isInteger() && f.size() > recordMax {
		if len(f.data) <= recordMax {
			f.data = bytes.Clone(f.data)
		}
		f.out = outline{m.keys.recordHeap.Adopt(f.data), len(f.data), m.keys.epoch}
	}
	room := 0
	if deadline != 0 {
		room = f.size() + deadlineBytes
	}
	e := m.keys.insertRecord(at, &f, room)
	m.keys.setDeadline(e, deadline)
	return at
}

// data reads a value. A short one is in a buffer that the next one reuses.
func (l *stateReader) data(limit uint64) []byte {
	n := l.uvarint()
	if n > recordMax {
		return l.bytes(nil, n, limit)
	}
	l.value = l.bytes(l.value[:0], n, limit)
	return l.value
}

func (l *stateReader) section(tag byte) { l.isSection(l.byte(), tag) }

func (l *stateReader) isSection(got, tag byte) {
	if l.err == nil && got != tag {
		l.fail("section %d where %d belongs", got, tag)
	}
}

func (l *stateReader) byte() byte {
	if l.err != nil {
		return 0
	}
	b, err := l.r.ReadByte()
	if err != nil {
		l.short(err)
		return 0
	}
	l.offset++
	return b
}

func (l *stateReader) short(err error) {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	l.fail("%w", err)
}

func (l *stateReader) uvarint() uint64 {
	var n uint64
	for shift := 0; ; shift += 7 {
		b := l.byte()
		switch {
		case l.err != nil:
			return 0
		case shift == 63 && b > 1, shift > 0 && b == 0:
			l.fail("malformed number")
			return 0
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
}

func (l *stateReader) varint() int64 {
	u := l.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// time reads a time in milliseconds, which is never negative.
func (l *stateReader) time() int64 {
	u := l.uvarint()
	if u > math.MaxInt64 {
		l.fail("time out of range")
		return 0
	}
	return int64(u)
}

// bytes reads n bytes into dst, which is empty, and returns it. Memory grows with what is really
// there, not with what n claims.
func (l *stateReader) bytes(dst []byte, n, limit uint64) []byte {
	if l.err != nil {
		return nil
	}
	if n > limit {
		l.fail("length %d above the limit of %d", n, limit)
		return nil
	}
	const step = 1 << 20
	if dst == nil || uint64(cap(dst)) < min(n, step) {
		dst = make([]byte, 0, min(n, step))
	}
	for uint64(len(dst)) < n {
		start := len(dst)
		if start == cap(dst) {
			dst = append(dst, 0)[:start]
		}
		dst = dst[:min(n, uint64(cap(dst)))]
		read, err := io.ReadFull(l.r, dst[start:])
		l.offset += int64(read)
		if err != nil {
			l.short(err)
			return nil
		}
	}
	return dst
}
