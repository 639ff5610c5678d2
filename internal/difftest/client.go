package difftest

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"time"
)

// clientTimeout bounds one pipeline, so that a server that hangs fails the test.
const clientTimeout = 30 * time.Second

// pipelineMax is how many commands go out before their replies are read. It keeps replies that wait unread
// smaller than what the kernel buffers.
const pipelineMax = 64

// Client is an Executor that talks to a server. It keeps one connection for each RESP version, and
// adds nothing to the bytes that the server sends. It is for one goroutine.
type Client struct {
	network, address string
	connections      map[int]*connection
}

type connection struct {
	net.Conn
	r *bufio.Reader
}

// NewClient returns a client of the server at address ("host:port" on the network "tcp", a path on
// "unix"). Connections are made as they are needed.
func NewClient(network, address string) *Client {
	return &Client{network: network, address: address, connections: map[int]*connection{}}
}

// Do implements Executor.
func (c *Client) Do(commands []Command, proto int) ([][]byte, error) {
	conn, err := c.connect(proto)
	if err != nil {
		return nil, err
	}
	replies := make([][]byte, 0, len(commands))
	for len(commands) > 0 {
		n := min(len(commands), pipelineMax)
		if replies, err = conn.do(commands[:n], replies); err != nil {
			conn.Close()
			delete(c.connections, proto)
			return nil, err
		}
		commands = commands[n:]
	}
	return replies, nil
}

// Close closes the connections.
func (c *Client) Close() {
	for proto, conn := range c.connections {
		conn.Close()
		delete(c.connections, proto)
	}
}

func (c *Client) connect(proto int) (*connection, error) {
	if conn := c.connections[proto]; conn != nil {
		return conn, nil
	}
	nc, err := net.DialTimeout(c.network, c.address, clientTimeout)
	if err != nil {
		return nil, err
	}
	conn := &connection{Conn: nc, r: bufio.NewReaderSize(nc, 64<<10)}
	// A connection speaks RESP2 until it says HELLO.
	if proto == 3 {
		replies, err := conn.do([]Command{words("HELLO", "3")}, nil)
		if err != nil {
			nc.Close()
			return nil, err
		}
		if replies[0][0] != '%' {
			nc.Close()
			return nil, fmt.Errorf("HELLO 3: %s", quoteReply(replies[0]))
		}
	}
	c.connections[proto] = conn
	return conn, nil
}

// do sends the commands in one write and appends their raw replies.
func (c *connection) do(commands []Command, replies [][]byte) ([][]byte, error) {
	if err := c.SetDeadline(time.Now().Add(clientTimeout)); err != nil {
		return nil, err
	}
	var request []byte
	for _, command := range commands {
		request = append(request, '*')
		request = strconv.AppendInt(request, int64(len(command)), 10)
		request = append(request, "\r\n"...)
		for _, word := range command {
			request = appendBulkString(request, word)
		}
	}
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	for _, command := range commands {
		reply, err := appendReply(nil, c.r)
		if err != nil {
			return nil, fmt.Errorf("reply to %s: %w", quoteCommand(command), err)
		}
		replies = append(replies, reply)
	}
	return replies, nil
}
