package difftest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// quoteCommand prints a command as redis-cli would take it, on one line.
func quoteCommand(c Command) string {
	var b strings.Builder
	for i, word := range c {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quoteWord(word))
	}
	return b.String()
}

// quoteWord prints a word bare if that is unambiguous, else in double quotes. A long run of one byte
// is printed as "x"*1000.
func quoteWord(word []byte) string {
	if n := len(word); n > 60 && strings.Count(string(word), string(word[:1])) == n {
		return fmt.Sprintf("\"%s\"*%d", escape(word[:1]), n)
	}
	bare := len(word) > 0 && word[0] != '#'
	for _, c := range word {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\'' || c == '\\' {
			bare = false
		}
	}
	if bare {
		return string(word)
	}
	return `"` + escape(word) + `"`
}

// quoteReply prints a raw reply on one line.
func quoteReply(reply []byte) string { return escape(reply) }

// abridged prints a raw reply for a person to look at: the part around where it first differs from other.
func abridged(reply, other []byte) string {
	const before, shown = 60, 300
	at := 0
	for at < len(reply) && at < len(other) && reply[at] == other[at] {
		at++
	}
	from := max(0, at-before)
	to := min(len(reply), from+shown)
	text := escape(reply[from:to])
	if from > 0 {
		text = fmt.Sprintf("[%d bytes] %s", from, text)
	}
	if to < len(reply) {
		text = fmt.Sprintf("%s [%d bytes]", text, len(reply)-to)
	}
	return text
}

// escape writes control bytes, quotes and everything beyond ASCII as \n, \" or \x00.
func escape(text []byte) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case c == '\\' || c == '"':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescape undoes escape.
func unescape(text string) ([]byte, error) {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		i++
		if i == len(text) {
			return nil, errors.New("backslash at the end")
		}
		switch text[i] {
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case '\\', '"':
			out = append(out, text[i])
		case 'x':
			if i+2 >= len(text) {
				return nil, errors.New("incomplete \\x")
			}
			n, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
			if err != nil {
				return nil, errors.New("bad \\x")
			}
			out = append(out, byte(n))
			i += 2
		default:
			return nil, fmt.Errorf("unknown escape \\%c", text[i])
		}
	}
	return out, nil
}

// parseCommand undoes quoteCommand.
func parseCommand(line string) (Command, error) {
	var c Command
	for {
		line = strings.TrimLeft(line, " ")
		if line == "" {
			break
		}
		if line[0] != '"' {
			end := strings.IndexByte(line+" ", ' ')
			c = append(c, []byte(line[:end]))
			line = line[end:]
			continue
		}
		end := closingQuote(line)
		if end < 0 {
			return nil, errors.New("no closing quote")
		}
		word, err := unescape(line[1:end])
		if err != nil {
			return nil, err
		}
		line = line[end+1:]
		stop := strings.IndexByte(line+" ", ' ')
		if suffix := line[:stop]; suffix != "" {
			n, err := strconv.Atoi(strings.TrimPrefix(suffix, "*"))
			if err != nil || suffix[0] != '*' || n < 0 || n*len(word) > 64<<20 {
				return nil, fmt.Errorf("%q behind a quoted word", suffix)
			}
			word = []byte(strings.Repeat(string(word), n))
		}
		c = append(c, word)
		line = line[stop:]
	}
	if len(c) == 0 {
		return nil, errors.New("no words")
	}
	return c, nil
}

// closingQuote returns the index of the quote that ends the word at the start of line, or -1.
func closingQuote(line string) int {
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
