package fsm

import "bytes"

// The canonical form of a reply is the one in which sessions keep it, so that every replica keeps the same bytes
// whatever its client speaks, or if it has none: RESP3, save that a missing array is "*-1\r\n" as in RESP2, which
// tells it from other nulls. Each of its tokens (a scalar, or the head of an aggregate) becomes
// the token that Writer writes in the other protocol, so a reply may be converted in pieces.
// Attributes, blob errors and streamed values have no place in it: Writer does not write them.

// missingArray is the canonical form of NullArray.
const missingArray = "*-1\r\n"

// capture makes w write a reply in canonical form for another writer.
func (w *Writer) capture(final *Writer) {
	*w = Writer{Buf: w.Buf[:0], Proto: 3, final: final}
}

// reserve is called before size bytes are written to a reply in canonical form. If that makes it too long to be
// kept, it goes on as the final writer wants it, or nowhere.
func (w *Writer) reserve(size int) {
	if len(w.Buf)+size > sessionReplyMax {
		w.final.canonical(w.Buf)
		*w = *w.final
	}
}

// canonical writes a reply that is in canonical form, or the beginning of one up to the end of a token.
func (w *Writer) canonical(reply []byte) {
	if w.Discard || w.final != nil {
		w.Raw(reply)
		return
	}
	for len(reply) > 0 {
		t, ok := readToken(reply)
		if !ok {
			panic("BUG: fsm: a reply was kept that is not in canonical form")
		}
		w.token(t, reply[:t.size])
		reply = reply[t.size:]
	}
}

// token writes a token as the connection's protocol has it.
func (w *Writer) token(t replyToken, raw []byte) {
	switch {
	case string(raw) == missingArray:
		w.NullArray()
	case w.resp3():
		w.Raw(raw)
	case t.kind == '_':
		w.Null()
	case t.kind == '%':
		w.Map(int(t.n))
	case t.kind == '~', t.kind == '>':
		w.Array(int(t.n))
	case t.kind == '#':
		w.Bool(t.line[0] == 't')
	case t.kind == ',', t.kind == '(':
		w.Bulk(t.line)
	case t.kind == '=':
		w.Bulk(t.body[len("txt:"):])
	default:
		w.Raw(raw)
	}
}

// replyToken is a scalar, or the head of an aggregate.
type replyToken struct {
	kind byte
	// line is what stands between the kind and the end of the line, and n its value if it is a number.
	line []byte
	n    int64
	// body is the content of a string whose length goes ahead.
	body []byte
	// size is the number of bytes of all of it.
	size int
}

// aggregate reports whether values follow that belong to the token.
func (t replyToken) aggregate() bool {
	return t.kind == '*' || t.kind == '%' || t.kind == '~' || t.kind == '>'
}

// readToken reads the first token of a reply; ok is false if there is no sound one.
func readToken(reply []byte) (t replyToken, ok bool) {
	end := bytes.Index(reply, []byte("\r\n"))
	if end < 1 {
		return t, false
	}
	t.kind, t.line, t.size = reply[0], reply[1:end], end+2
	switch t.kind {
	case '+', '-':
		return t, bytes.IndexByte(t.line, '\n') < 0
	case ',', '(':
		return t, len(t.line) > 0
	case '_':
		return t, len(t.line) == 0
	case '#':
		return t, len(t.line) == 1 && (t.line[0] == 't' || t.line[0] == 'f')
	}
	if t.n, ok = parseInteger(t.line); !ok {
		return t, false
	}
	switch t.kind {
	case ':':
		return t, true
	case '*':
		return t, t.n >= -1
	case '%', '~', '>':
		return t, t.n >= 0
	case '$', '=':
		return t.withBody(reply)
	}
	return t, false
}

// withBody reads the content of a string whose head was read.
func (t replyToken) withBody(reply []byte) (replyToken, bool) {
	rest := reply[t.size:]
	if t.n < 0 || t.n > int64(len(rest)-2) || string(rest[t.n:t.n+2]) != "\r\n" {
		return t, false
	}
	t.body = rest[:t.n]
	t.size += int(t.n) + 2
	return t, t.kind == '$' || t.n >= 4 && t.body[3] == ':'
}

// isCanonical reports whether bytes are exactly one reply in canonical form.
func isCanonical(reply []byte) bool {
	// missing counts the values that are still to come. Each takes at least three bytes.
	for missing := int64(1); missing > 0; {
		t, ok := readToken(reply)
		if !ok {
			return false
		}
		missing--
		reply = reply[t.size:]
		if left := int64(len(reply)); t.n > left && t.aggregate() || missing > left {
			return false
		}
		switch t.kind {
		case '*', '~', '>':
			missing += max(t.n, 0)
		case '%':
			missing += 2 * t.n
		}
	}
	return len(reply) == 0
}

// keep returns a copy of a reply. The shortest and most frequent ones take no memory.
func keep(reply []byte) string {
	switch string(reply) {
	case "+OK\r\n":
		return "+OK\r\n"
	case "_\r\n":
		return "_\r\n"
	case ":0\r\n":
		return ":0\r\n"
	case ":1\r\n":
		return ":1\r\n"
	}
	return string(reply)
}
