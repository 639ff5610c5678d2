package main

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

// client is a plain RESP2 connection, for questions. The load has its own.
type client struct {
	conn   net.Conn
	reader *bufio.Reader
}

// reply is one RESP2 reply. kind is its first byte.
type reply struct {
	kind  byte
	text  string // of +, - and $, and the digits of :
	null  bool
	items []reply
}

// err returns a reply's error.
func (r reply) err() error {
	if r.kind == '-' {
		return serverError(r.text)
	}
	return nil
}

// serverError is an error that a server answered.
type serverError string

func (e serverError) Error() string { return string(e) }

// moved returns the address that a client is redirected to, or nothing.
func (e serverError) moved() string {
	words := strings.Fields(string(e))
	if len(words) == 3 && words[0] == "MOVED" {
		return words[2]
	}
	return ""
}

// dialLimit bounds the opening of a connection.
const dialLimit = time.Second

func dial(address string) (*client, error) {
	conn, err := net.DialTimeout("tcp", address, dialLimit)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, reader: bufio.NewReaderSize(conn, 64<<10)}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// do runs one command. An error that the server answers is returned as one.
func (c *client) do(limit time.Duration, words ...string) (reply, error) {
	if err := c.conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return reply{}, err
	}
	if _, err := c.conn.Write(appendCommand(nil, words...)); err != nil {
		return reply{}, err
	}
	r, err := readReply(c.reader)
	if err != nil {
		return reply{}, err
	}
	return r, r.err()
}

// appendCommand adds a command in wire form.
func appendCommand(dst []byte, words ...string) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(words))
	for _, word := range words {
		dst = fmt.Appendf(dst, "$%d\r\n%s\r\n", len(word), word)
	}
	return dst
}

// maxReply bounds the length of a reply that is believed.
const maxReply = 64 << 20

// readReply reads one reply, of any type of RESP2.
func readReply(from *bufio.Reader) (reply, error) {
	line, err := from.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return reply{}, errors.New("an empty reply line")
	}
	r := reply{kind: line[0], text: line[1:]}
	switch r.kind {
	case '+', '-', ':':
		return r, nil
	case '$', '*':
	default:
		return reply{}, fmt.Errorf("not a RESP2 reply: %.40q", line)
	}
	n, err := strconv.Atoi(r.text)
	if err != nil || n > maxReply {
		return reply{}, fmt.Errorf("a reply of length %.40q", r.text)
	}
	r.text = ""
	if n < 0 {
		r.null = true
		return r, nil
	}
	if r.kind == '$' {
		body := make([]byte, n+2)
		if _, err := io.ReadFull(from, body); err != nil {
			return reply{}, err
		}
		r.text = string(body[:n])
		return r, nil
	}
	for range n {
		item, err := readReply(from)
		if err != nil {
			return reply{}, err
		}
		r.items = append(r.items, item)
	}
	return r, nil
}

// askLimit is enough for a server that is alive.
const askLimit = 5 * time.Second

// ask runs one command on a connection of its own.
func ask(address string, words ...string) (reply, error) {
	return askWithin(askLimit, address, words...)
}

func askWithin(limit time.Duration, address string, words ...string) (reply, error) {
	c, err := dial(address)
	if err != nil {
		return reply{}, err
	}
	defer c.close()
	return c.do(limit, words...)
}

// info returns the fields of a section of INFO.
func info(address, section string) (map[string]string, error) {
	r, err := ask(address, "INFO", section)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string)
	for line := range strings.Lines(r.text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, nil
}

// number returns a field of INFO.
func number(fields map[string]string, name string) (float64, error) {
	value, err := strconv.ParseFloat(fields[name], 64)
	if err != nil {
		return 0, fmt.Errorf("INFO has no number %s: %q", name, fields[name])
	}
	return value, nil
}
