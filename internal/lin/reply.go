package lin

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Kind is the type of a reply. The difference between simple and bulk strings, and between RESP2's and RESP3's nulls, is not one here.
type Kind uint8

const (
	KindNull Kind = iota
	KindInt
	KindText
	KindError
	KindArray
)

// Reply is what a command answered.
type Reply struct {
	Kind  Kind    `json:"kind"`
	Int   int64   `json:"int,omitempty"`
	Text  string  `json:"text,omitempty"`
	Items []Reply `json:"items,omitempty"`
}

// Null is the reply of a key that is not there.
func Null() Reply { return Reply{} }

// Int is an integer reply.
func Int(n int64) Reply { return Reply{Kind: KindInt, Int: n} }

// Text is a simple or bulk string.
func Text(s string) Reply { return Reply{Kind: KindText, Text: s} }

// Error is an error reply, its code first and without the minus sign.
func Error(text string) Reply { return Reply{Kind: KindError, Text: text} }

// Array is a reply of several.
func Array(items ...Reply) Reply { return Reply{Kind: KindArray, Items: items} }

// Equal compares replies; of errors, the code alone.
func (r Reply) Equal(other Reply) bool {
	if r.Kind != other.Kind {
		return false
	}
	switch r.Kind {
	case KindInt:
		return r.Int == other.Int
	case KindText:
		return r.Text == other.Text
	case KindError:
		return r.code() == other.code()
	case KindArray:
		if len(r.Items) != len(other.Items) {
			return false
		}
		for i := range r.Items {
			if !r.Items[i].Equal(other.Items[i]) {
				return false
			}
		}
	}
	return true
}

func (r Reply) code() string {
	code, _, _ := strings.Cut(r.Text, " ")
	return code
}

func (r Reply) String() string {
	switch r.Kind {
	case KindInt:
		return strconv.FormatInt(r.Int, 10)
	case KindText:
		return strconv.Quote(shorten(r.Text))
	case KindError:
		return "-" + r.Text
	case KindArray:
		items := make([]string, len(r.Items))
		for i, item := range r.Items {
			items[i] = item.String()
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return "(nil)"
}

// shows reports whether some string of the reply contains s.
func (r Reply) shows(s string) bool {
	switch r.Kind {
	case KindText:
		return strings.Contains(r.Text, s)
	case KindArray:
		for _, item := range r.Items {
			if item.shows(s) {
				return true
			}
		}
	}
	return false
}

var errCutShort = errors.New("lin: the reply ends too early")

// ParseReply reads one reply in RESP2 or RESP3 from the start of data and returns what follows it. It knows the types that the
// modelled commands answer with, and does not defend itself: it is for replies that a test has seen in full.
func ParseReply(data []byte) (reply Reply, rest []byte, err error) {
	line, rest, ok := bytes.Cut(data, []byte("\r\n"))
	if !ok || len(line) == 0 {
		return Reply{}, nil, errCutShort
	}
	text := string(line[1:])
	switch line[0] {
	case '+':
		return Text(text), rest, nil
	case '-':
		return Error(text), rest, nil
	case '_':
		return Null(), rest, nil
	case ':', '$', '*':
	default:
		return Reply{}, nil, fmt.Errorf("lin: a reply of type %q", line[0])
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Reply{}, nil, fmt.Errorf("lin: reply %q: %w", line, err)
	}
	switch {
	case line[0] == ':':
		return Int(n), rest, nil
	case n < 0:
		return Null(), rest, nil
	case line[0] == '$':
		if int64(len(rest)) < n+2 {
			return Reply{}, nil, errCutShort
		}
		return Text(string(rest[:n])), rest[n+2:], nil
	}
	items := []Reply{}
	for range n {
		var item Reply
		if item, rest, err = ParseReply(rest); err != nil {
			return Reply{}, nil, err
		}
		items = append(items, item)
	}
	return Array(items...), rest, nil
}
