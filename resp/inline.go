package resp

// splitInline splits an inline command into its words as Redis does: words are separated by blanks
// and may be quoted. Double quotes know the escapes \n \r \t \b \a \xHH and take any other escaped
// byte as itself; single quotes know only \'. A closing quote must be followed by white space or the end.
//
// Words are appended to words and their bytes are written to buf; both are returned. ok is false if a
// quote is not closed properly. Line is the command without its line end.
func splitInline(line []byte, words [][]byte, buf []byte) (_ [][]byte, _ []byte, ok bool) {
	if cap(buf)-len(buf) < len(line) {
		// Words point into buf, so it must not move while they are made. No word grows by unquoting.
		buf = make([]byte, 0, max(len(line), 512))
	}
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return words, buf, true
		}
		start := len(buf)
	word:
		for i < len(line) && !endsWord(line[i]) {
			switch line[i] {
			case '"':
				buf, i, ok = unquoteDouble(buf, line, i+1)
			case '\'':
				buf, i, ok = unquoteSingle(buf, line, i+1)
			default:
				buf = append(buf, line[i])
				i++
				continue
			}
			if !ok || i < len(line) && !isSpace(line[i]) {
				return words, buf, false
			}
			break word
		}
		words = append(words, buf[start:len(buf):len(buf)])
	}
}

// unquoteDouble appends the bytes of line from i up to the closing double quote, and returns the place
// behind that quote.
func unquoteDouble(buf, line []byte, i int) ([]byte, int, bool) {
	for i < len(line) {
		switch c := line[i]; {
		case c == '"':
			return buf, i + 1, true
		case c == '\\' && i+3 < len(line) && line[i+1] == 'x' && isHex(line[i+2]) && isHex(line[i+3]):
			buf = append(buf, hexValue(line[i+2])<<4|hexValue(line[i+3]))
			i += 4
		case c == '\\' && i+1 < len(line):
			buf = append(buf, unescape(line[i+1]))
			i += 2
		default:
			buf = append(buf, c)
			i++
		}
	}
	return buf, i, false
}

// unquoteSingle is unquoteDouble for single quotes.
func unquoteSingle(buf, line []byte, i int) ([]byte, int, bool) {
	for i < len(line) {
		switch {
		case line[i] == '\'':
			return buf, i + 1, true
		case line[i] == '\\' && i+1 < len(line) && line[i+1] == '\'':
			buf = append(buf, '\'')
			i += 2
		default:
			buf = append(buf, line[i])
			i++
		}
	}
	return buf, i, false
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

// endsWord reports whether an unquoted byte ends a word. Between words Redis skips all white space, but not all of
// it ends one.
func endsWord(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexValue(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}
