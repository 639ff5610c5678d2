package difftest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const (
	// replyBytesMax bounds one reply: a bulk string of the longest value, and room around it.
	replyBytesMax = 520 << 20
	// replyDepthMax bounds the nesting of arrays.
	replyDepthMax = 32
	// replyLineMax bounds a line; only bulk strings are longer.
	replyLineMax = 64 << 10
)

// appendReply reads exactly one reply, of RESP2 or RESP3, and appends its bytes to dst as they are.
func appendReply(dst []byte, r *bufio.Reader) ([]byte, error) {
	return appendNested(dst, r, 0)
}

func appendNested(dst []byte, r *bufio.Reader, depth int) ([]byte, error) {
	if depth > replyDepthMax {
		return dst, errors.New("reply: nested too deeply")
	}
	start := len(dst)
	dst, err := appendLine(dst, r)
	if err != nil {
		return dst, err
	}
	line := dst[start : len(dst)-2]
	if len(line) == 0 {
		return dst, errors.New("reply: empty line")
	}
	switch line[0] {
	case '+', '-', ':', '_', ',', '#', '(':
		return dst, nil
	case '$', '=', '!':
		return appendBulk(dst, r, line)
	case '*', '~', '>', '%', '|':
		n, err := replyLength(line)
		if err != nil {
			return dst, err
		}
		if line[0] == '%' || line[0] == '|' {
			n *= 2
		}
		if line[0] == '|' {
			n++ // attributes stand before the reply that they describe
		}
		for ; n > 0; n-- {
			if dst, err = appendNested(dst, r, depth+1); err != nil {
				return dst, err
			}
			if len(dst) > replyBytesMax {
				return dst, errors.New("reply: too long")
			}
		}
		return dst, nil
	}
	return dst, fmt.Errorf("reply: unknown type %q", line[0])
}

// appendLine appends one line with its CR LF.
func appendLine(dst []byte, r *bufio.Reader) ([]byte, error) {
	start := len(dst)
	for {
		part, err := r.ReadSlice('\n')
		dst = append(dst, part...)
		if len(dst)-start > replyLineMax {
			return dst, errors.New("reply: line too long")
		}
		if err == nil {
			break
		}
		if err != bufio.ErrBufferFull {
			return dst, endOf(err)
		}
	}
	if !bytes.HasSuffix(dst[start:], []byte("\r\n")) {
		return dst, errors.New("reply: line without CR LF")
	}
	return dst, nil
}

// appendBulk appends the text and the CR LF that follow the header of a bulk string.
func appendBulk(dst []byte, r *bufio.Reader, header []byte) ([]byte, error) {
	n, err := replyLength(header)
	if err != nil || n < 0 {
		return dst, err
	}
	// In steps, so that a false length takes no more memory than there are bytes.
	for left := n + 2; left > 0; {
		step := min(left, 64<<10)
		at := len(dst)
		dst = append(dst, make([]byte, step)...)
		if _, err := io.ReadFull(r, dst[at:]); err != nil {
			return dst, endOf(err)
		}
		left -= step
	}
	if !bytes.HasSuffix(dst, []byte("\r\n")) {
		return dst, errors.New("reply: bulk string without CR LF")
	}
	return dst, nil
}

// replyLength parses the length in a header line; -1 is RESP2's null.
func replyLength(line []byte) (int, error) {
	n, err := strconv.Atoi(string(line[1:]))
	if err != nil || n < -1 || n > replyBytesMax {
		return 0, fmt.Errorf("reply: bad length in %q", line)
	}
	return n, nil
}

// endOf makes the end of the stream inside a reply an error of its own.
func endOf(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// elements returns the raw elements of an array, set, map or push reply; false if raw is not one.
func elements(raw []byte) ([][]byte, bool) {
	if len(raw) == 0 || bytes.IndexByte([]byte("*~%>"), raw[0]) < 0 {
		return nil, false
	}
	end := bytes.IndexByte(raw, '\n')
	var parts [][]byte
	rest := bytes.NewReader(raw[end+1:])
	r := bufio.NewReaderSize(rest, 16)
	for {
		if _, err := r.Peek(1); err != nil {
			return parts, true
		}
		part, err := appendReply(nil, r)
		if err != nil {
			return nil, false
		}
		parts = append(parts, part)
	}
}

// integer returns the value of an integer reply; false if raw is not one.
func integer(raw []byte) (int64, bool) {
	if len(raw) < 4 || raw[0] != ':' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(raw[1:len(raw)-2]), 10, 64)
	return n, err == nil
}

// bulk returns the text of a bulk string; false if raw is not one, or null.
func bulk(raw []byte) ([]byte, bool) {
	if len(raw) < 5 || raw[0] != '$' || raw[1] == '-' {
		return nil, false
	}
	return raw[bytes.IndexByte(raw, '\n')+1 : len(raw)-2], true
}

// appendBulkString appends text as a bulk string.
func appendBulkString(dst, text []byte) []byte {
	dst = append(dst, '$')
	dst = strconv.AppendInt(dst, int64(len(text)), 10)
	dst = append(dst, "\r\n"...)
	dst = append(dst, text...)
	return append(dst, "\r\n"...)
}
