//go:build e2e || compose

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// conn is a plain RESP2 connection. It hides nothing: what was sent and what came back are told apart, which the
// libraries' retries would blur.
type conn struct {
	address string
	net     net.Conn
	reader  *bufio.Reader
}

// command is one command's words.
type command []string

// reply is one RESP2 reply. kind is its first byte.
type reply struct {
	kind   byte
	text   string // of +, - and $
	number int64  // of :
	null   bool
	items  []reply
}

func (r reply) isError() bool { return r.kind == '-' }

// code is the first word of an error.
func (r reply) code() string {
	if !r.isError() {
		return ""
	}
	word, _, _ := strings.Cut(r.text, " ")
	return word
}

func (r reply) String() string {
	switch {
	case r.null:
		return "(nil)"
	case r.kind == ':':
		return strconv.FormatInt(r.number, 10)
	case r.kind == '*':
		return fmt.Sprint(r.items)
	}
	return fmt.Sprintf("%c%.200s", r.kind, r.text)
}

// dialTimeout bounds the opening of a connection.
const dialTimeout = time.Second

func dial(address string) (*conn, error) {
	c, err := net.DialTimeout("tcp", address, dialTimeout)
	if err != nil {
		return nil, err
	}
	return &conn{address: address, net: c, reader: bufio.NewReader(c)}, nil
}

func (c *conn) close() {
	_ = c.net.Close()
}

// appendCommand adds a command in wire form.
func appendCommand(dst []byte, words command) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(words))
	for _, word := range words {
		dst = fmt.Appendf(dst, "$%d\r\n%s\r\n", len(word), word)
	}
	return dst
}

// send writes the commands as one pipeline.
func (c *conn) send(timeout time.Duration, commands ...command) error {
	var out []byte
	for _, words := range commands {
		out = appendCommand(out, words)
	}
	if err := c.net.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	_, err := c.net.Write(out)
	return err
}

// receive reads n replies. Those that came before an error are returned beside it.
func (c *conn) receive(timeout time.Duration, n int) ([]reply, error) {
	if err := c.net.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	replies := make([]reply, 0, n)
	for range n {
		r, err := c.read()
		if err != nil {
			return replies, err
		}
		replies = append(replies, r)
	}
	return replies, nil
}

// pipeline sends the commands together and reads their replies.
func (c *conn) pipeline(timeout time.Duration, commands ...command) ([]reply, error) {
	if err := c.send(timeout, commands...); err != nil {
		return nil, err
	}
	return c.receive(timeout, len(commands))
}

// do runs one command.
func (c *conn) do(timeout time.Duration, words ...string) (reply, error) {
	replies, err := c.pipeline(timeout, words)
	if err != nil {
		return reply{}, err
	}
	return replies[0], nil
}

func (c *conn) read() (reply, error) {
	line, err := c.reader.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return reply{}, errors.New("an empty reply line")
	}
	r := reply{kind: line[0], text: line[1:]}
	switch r.kind {
	case '+', '-':
		return r, nil
	case ':', '$', '*':
		r.text = ""
		if r.number, err = strconv.ParseInt(line[1:], 10, 64); err != nil {
			return reply{}, fmt.Errorf("reply %q: %w", line, err)
		}
	default:
		return reply{}, fmt.Errorf("not a RESP2 reply: %q", line)
	}
	if r.kind == ':' {
		return r, nil
	}
	if r.number < 0 {
		r.null = true
		return r, nil
	}
	if r.kind == '$' {
		return c.readBulk(r)
	}
	for range r.number {
		item, err := c.read()
		if err != nil {
			return reply{}, err
		}
		r.items = append(r.items, item)
	}
	return r, nil
}

func (c *conn) readBulk(r reply) (reply, error) {
	body := make([]byte, r.number+2)
	if _, err := io.ReadFull(c.reader, body); err != nil {
		return reply{}, err
	}
	r.text = string(body[:r.number])
	return r, nil
}

// ask runs one command on a connection of its own.
func ask(address string, timeout time.Duration, words ...string) (reply, error) {
	c, err := dial(address)
	if err != nil {
		return reply{}, err
	}
	defer c.close()
	return c.do(timeout, words...)
}

// askTimeout is enough for a node that is alive.
const askTimeout = 2 * time.Second

// info returns the fields of INFO from one node.
func info(address string, sections ...string) (map[string]string, error) {
	r, err := ask(address, askTimeout, append(command{"INFO"}, sections...)...)
	if err != nil {
		return nil, err
	}
	if r.kind != '$' {
		return nil, fmt.Errorf("INFO answered %v", r)
	}
	fields := make(map[string]string)
	for line := range strings.Lines(r.text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, nil
}
