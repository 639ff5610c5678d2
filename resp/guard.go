package resp

import (
	"bytes"
)

// Limits of the protocol that are not settings.
const (
	// maxInline is the longest line in bytes: an inline command, or the head of a multibulk command
	// or of one of its bulks. It is Redis's.
	maxInline = 64 * 1024
	// maxWords is the greatest number of words of a command. It was Redis's until version 7, which takes
	// 2,147,483,647.
	maxWords = 1024 * 1024
)

// protocolError says why a client's bytes are not the protocol. The connection ends after it.
type protocolError string

// Error returns the text of the reply, without its "ERR " code.
func (e protocolError) Error() string { return "Protocol error: " + string(e) }

// frame is a whole command at the start of a buffer.
type frame struct {
	// size is its length in bytes.
	size int
	// words is the number of words of a multibulk command. It is zero for a frame that carries no
	// command ("*0", "*-1") and for an inline command.
	words int
	// inline: the command is one line of text.
	inline bool
}

// guard finds whole commands in a stream of bytes that it does not trust.
//
// It keeps its place between calls and looks at no byte of a head twice and at no byte of a body at
// all, so a command costs time in proportion to its length however small the pieces are in which
// it comes. It allocates nothing and stores nothing of the stream.
//
// It is stricter than Redis in one way: where the protocol wants CRLF, only CRLF will do. Redis skips
// any two bytes there, and so can lose its place without noticing.
type guard struct {
	// seen is how far into the current frame the guard has looked, and may lie beyond what has
	// arrived: the bytes of a body are skipped, not read.
	seen int
	// line is where the line that is being looked for begins.
	line int
	// words is the number of words of the current multibulk command, and left how many of them are
	// still to come. words is zero between commands.
	words, left int
	// body is set while the frame waits for the end of a bulk's bytes, at seen.
	body bool
}

// next looks for a whole command at the start of b, which holds the stream from the end of the last
// frame on. A frame of size zero means that more bytes must come; the next call then passes at
// least the same bytes again. maxBulk is the greatest length of a bulk in bytes.
func (g *guard) next(b []byte, maxBulk int64) (frame, error) {
	if len(b) == 0 {
		return frame{}, nil
	}
	if b[0] != '*' {
		return g.nextInline(b)
	}
	if g.words == 0 {
		line, ok, err := g.nextLine(b, "too big mbulk count string", "invalid multibulk length")
		if !ok || err != nil {
			return frame{}, err
		}
		count, ok := parseLength(line[1:])
		if !ok || count > maxWords {
			return frame{}, protocolError("invalid multibulk length")
		}
		if count <= 0 {
			return g.found(frame{size: g.seen}), nil
		}
		g.words, g.left = int(count), int(count)
	}
	for g.left > 0 {
		if g.body {
			if len(b) < g.seen {
				return frame{}, nil
			}
			if b[g.seen-2] != '\r' || b[g.seen-1] != '\n' {
				return frame{}, protocolError("invalid bulk length")
			}
			g.body, g.line = false, g.seen
			g.left--
			continue
		}
		line, ok, err := g.nextLine(b, "too big bulk count string", "invalid bulk length")
		if !ok || err != nil {
			return frame{}, err
		}
		if len(line) == 0 || line[0] != '$' {
			return frame{}, wrongBulk(line)
		}
		length, ok := parseLength(line[1:])
		if !ok || length < 0 || length > maxBulk {
			return frame{}, protocolError("invalid bulk length")
		}
		// maxBulk bounds length, and nothing is reserved for it: the buffer grows as bytes come.
		g.seen += int(length) + 2
		g.body = true
	}
	return g.found(frame{size: g.seen, words: g.words}), nil
}

// want returns how many bytes the current frame has at least, as far as is known: a hint for
// the size of the buffer.
func (g *guard) want() int { return g.seen }

// found ends the current frame.
func (g *guard) found(f frame) frame {
	*g = guard{}
	return f
}

// nextInline looks for the end of an inline command.
func (g *guard) nextInline(b []byte) (frame, error) {
	end := bytes.IndexByte(b[g.seen:], '\n')
	length := len(b)
	if end >= 0 {
		length = g.seen + end
	}
	if length > maxInline {
		return frame{}, protocolError("too big inline request")
	}
	if end < 0 {
		g.seen = len(b)
		return frame{}, nil
	}
	return g.found(frame{size: length + 1, inline: true}), nil
}

// nextLine returns the line at g.line without its CRLF and moves g.seen behind it. ok is false if its
// end has not come yet.
func (g *guard) nextLine(b []byte, tooBig, invalid protocolError) (line []byte, ok bool, err error) {
	end := bytes.IndexByte(b[g.seen:], '\n')
	length := len(b) - g.line
	if end >= 0 {
		length = g.seen + end - g.line
	}
	if length > maxInline {
		return nil, false, tooBig
	}
	if end < 0 {
		g.seen = len(b)
		return nil, false, nil
	}
	line = b[g.line : g.seen+end]
	g.seen += end + 1
	g.line = g.seen
	if len(line) == 0 || line[len(line)-1] != '\r' {
		return nil, false, invalid
	}
	return line[:len(line)-1], true, nil
}

// wrongBulk is the error for a line that should have been the head of a bulk.
func wrongBulk(line []byte) error {
	got := byte('\r')
	if len(line) > 0 {
		got = line[0]
	}
	return protocolError("expected '$', got '" + string([]byte{got}) + "'")
}

// parseLength reads a decimal number in the one form that the protocol allows: no sign but a minus,
// no leading zero, no space, and within 64 bits.
func parseLength(b []byte) (int64, bool) {
	negative := false
	if len(b) > 0 && b[0] == '-' {
		negative = true
		b = b[1:]
	}
	// 18 digits cannot overflow, and no length that is allowed anywhere needs more.
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	if b[0] == '0' {
		return 0, len(b) == 1 && !negative
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}
