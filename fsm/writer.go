package fsm

import (
	"math"
	"strconv"
	"strings"
)

// Writer encodes replies in RESP2 or RESP3 into a buffer. The zero value writes RESP2.
type Writer struct {
	// Buf holds the encoded replies; callers may take it, or set it to a buffer to be reused.
	Buf []byte
	// Proto is the protocol version of the connection: 3, or anything else for 2.
	Proto int
	// Discard drops everything: nobody waits for the reply (on replicas).
	Discard bool
	// Room, if set, is asked before Buf grows to more than freeReply bytes. If it refuses, Refused and Discard are set: from
	// there on nothing is written, and Buf may end within a reply.
	Room    Room
	Refused bool
	// final is the writer that waits for a reply which is written here in canonical form (canonical.go).
	final *Writer
}

// Room is memory that many replies share.
type Room interface {
	// Grow reports whether a buffer of replies may grow to size bytes.
	Grow(size int) bool
}

const (
	// freeReply is the size in bytes up to which a buffer of replies grows unasked.
	freeReply = 64 << 10
	// replySlack is room for short replies behind a long one.
	replySlack = 4 << 10
	// bulkFrame is what stands around the bytes of a bulk string at most (its type, its length and two ends of a line). No other
	// head takes more.
	bulkFrame = 1 + 20 + 2 + 2
)

// bulkSize returns the size of a bulk string of n bytes in a reply.
func bulkSize(n int) int {
	digits := 1
	for rest := n; rest >= 10; rest /= 10 {
		digits++
	}
	return 1 + digits + 2 + n + 2
}

// hasRoom reports whether n more bytes are to be written: somebody waits for them, and there is memory. Who knows how long a
// reply will be asks for all of it at once.
func (w *Writer) hasRoom(n int) bool {
	size := len(w.Buf) + n
	return !w.Discard && (size <= freeReply || size <= cap(w.Buf) || w.Room == nil || w.grow(size))
}

// grow makes room for size bytes, and for as many more that growing again and again costs a constant time per byte; where memory is
// short a larger constant.
func (w *Writer) grow(size int) bool {
	for _, ample := range [...]int{
		max(size+replySlack, cap(w.Buf)+cap(w.Buf)/4),
		max(size, cap(w.Buf)+cap(w.Buf)/16),
	} {
		if w.Room.Grow(ample) {
			w.Buf = append(make([]byte, 0, ample), w.Buf...)
			return true
		}
	}
	w.Refused, w.Discard = true, true
	return false
}

// resp3 reports whether the connection speaks RESP3.
func (w *Writer) resp3() bool { return w.Proto == 3 }

// Simple writes a simple string. It must not hold line breaks.
func (w *Writer) Simple(s string) {
	if !w.hasRoom(len(s) + bulkFrame) {
		return
	}
	w.Buf = append(w.Buf, '+')
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Error writes an error with its code ("ERR syntax error"). Line breaks at the end are dropped, and
// others become blanks, as in Redis.
func (w *Writer) Error(s string) {
	if !w.hasRoom(len(s) + bulkFrame) {
		return
	}
	w.Buf = append(w.Buf, '-')
	for _, b := range []byte(strings.TrimRight(s, "\r\n")) {
		if b == '\r' || b == '\n' {
			b = ' '
		}
		w.Buf = append(w.Buf, b)
	}
	w.Buf = append(w.Buf, '\r', '\n')
}

// header writes a type byte, a number and the line's end.
func (w *Writer) header(kind byte, n int64) {
	if w.final != nil {
		w.reserve(0)
	}
	if !w.hasRoom(bulkFrame) {
		return
	}
	w.Buf = append(w.Buf, kind)
	w.Buf = strconv.AppendInt(w.Buf, n, 10)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Int writes an integer.
func (w *Writer) Int(n int64) { w.header(':', n) }

// Bulk writes a bulk string.
func (w *Writer) Bulk(b []byte) {
	if w.final != nil {
		w.reserve(len(b))
	}
	if !w.hasRoom(len(b) + bulkFrame) {
		return
	}
	w.header('$', int64(len(b)))
	w.Buf = append(w.Buf, b...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// BulkString writes a bulk string.
func (w *Writer) BulkString(s string) {
	if w.final != nil {
		w.reserve(len(s))
	}
	if !w.hasRoom(len(s) + bulkFrame) {
		return
	}
	w.header('$', int64(len(s)))
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// literal writes a finished reply.
func (w *Writer) literal(s string) {
	if w.hasRoom(len(s)) {
		w.Buf = append(w.Buf, s...)
	}
}

// Null writes the null of a missing string.
func (w *Writer) Null() {
	if w.resp3() {
		w.literal("_\r\n")
	} else {
		w.literal("$-1\r\n")
	}
}

// NullArray writes the null of a missing array.
func (w *Writer) NullArray() {
	if w.resp3() && w.final == nil {
		w.literal("_\r\n")
	} else {
		w.literal("*-1\r\n")
	}
}

// Array begins an array of n elements, which the caller writes next.
func (w *Writer) Array(n int) { w.header('*', int64(n)) }

// Map begins a map of n pairs, in RESP2 an array of 2n elements.
func (w *Writer) Map(n int) {
	if w.resp3() {
		w.header('%', int64(n))
	} else {
		w.header('*', 2*int64(n))
	}
}

// Set begins a set of n elements, in RESP2 an array.
func (w *Writer) Set(n int) {
	if w.resp3() {
		w.header('~', int64(n))
	} else {
		w.header('*', int64(n))
	}
}

// Push begins an out-of-band message of n elements, in RESP2 an array.
func (w *Writer) Push(n int) {
	if w.resp3() {
		w.header('>', int64(n))
	} else {
		w.header('*', int64(n))
	}
}

// Double writes a number with up to 17 significant digits, in RESP2 as a bulk string.
func (w *Writer) Double(f float64) {
	if !w.hasRoom(2 * bulkFrame) {
		return
	}
	var scratch [32]byte
	var text []byte
	switch {
	case math.IsInf(f, 1):
		text = append(scratch[:0], "inf"...)
	case math.IsInf(f, -1):
		text = append(scratch[:0], "-inf"...)
	case math.IsNaN(f):
		text = append(scratch[:0], "nan"...)
	default:
		text = strconv.AppendFloat(scratch[:0], f, 'g', 17, 64)
	}
	if !w.resp3() {
		w.Bulk(text)
		return
	}
	w.Buf = append(w.Buf, ',')
	w.Buf = append(w.Buf, text...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Bool writes a truth value, in RESP2 1 or 0.
func (w *Writer) Bool(b bool) {
	switch {
	case w.resp3() && b:
		w.literal("#t\r\n")
	case w.resp3():
		w.literal("#f\r\n")
	case b:
		w.literal(":1\r\n")
	default:
		w.literal(":0\r\n")
	}
}

// Verbatim writes text of a format of three letters ("txt", "mkd"), in RESP2 as a bulk string.
func (w *Writer) Verbatim(format, s string) {
	if !w.resp3() {
		w.BulkString(s)
		return
	}
	if !w.hasRoom(len(format) + 1 + len(s) + bulkFrame) {
		return
	}
	w.header('=', int64(len(format)+1+len(s)))
	w.Buf = append(w.Buf, format...)
	w.Buf = append(w.Buf, ':')
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// BigNumber writes a decimal integer of any length, in RESP2 as a bulk string.
func (w *Writer) BigNumber(s string) {
	if !w.hasRoom(len(s) + bulkFrame) {
		return
	}
	if !w.resp3() {
		w.BulkString(s)
		return
	}
	w.Buf = append(w.Buf, '(')
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Raw writes bytes that are encoded already.
func (w *Writer) Raw(b []byte) {
	if w.hasRoom(len(b)) {
		w.Buf = append(w.Buf, b...)
	}
}

// bulkInteger writes an integer as a bulk string.
func (w *Writer) bulkInteger(n int64) {
	if w.Discard {
		return
	}
	var scratch [20]byte
	w.Bulk(strconv.AppendInt(scratch[:0], n, 10))
}
