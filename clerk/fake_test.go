package clerk

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/tidwall/redcon"
)

// TestMain keeps the client library quiet about nodes that a test does without.
func TestMain(m *testing.M) {
	redis.SetLogger(quiet{})
	os.Exit(m.Run())
}

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// hangUp is the scripted answer of a node that takes a command and then breaks the connection.
const hangUp = "<hang up>"

// silence is the scripted answer of a node that takes a command and never answers.
const silence = "<silence>"

// fakeNode is a server that answers data commands from a script and remembers them.
type fakeNode struct {
	t       *testing.T
	address string
	// before is called ahead of each answer with the number of data commands so far, unless it is nil.
	before func(received int)
	// run answers in place of the script, unless it is nil.
	run func(words []string) string

	mu       sync.Mutex
	script   []string // the answers to come, in RESP; the last one stays
	received []string // the data commands so far, words joined by blanks
	sessions int      // how many were opened; their ids are 1, 2, ...
	closed   bool     // one of them was closed
	conns    []net.Conn
}

// startNode serves a script on a port of its own until the test ends.
func startNode(t *testing.T, script ...string) *fakeNode {
	t.Helper()
	return serveNode(t, &fakeNode{script: script})
}

// serveNode serves a node on a port of its own until the test ends.
func serveNode(t *testing.T, n *fakeNode) *fakeNode {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.t, n.address = t, listener.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			n.mu.Lock()
			n.conns = append(n.conns, conn)
			n.mu.Unlock()
			serving.Go(func() { n.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		n.mu.Lock()
		for _, conn := range n.conns {
			_ = conn.Close()
		}
		n.mu.Unlock()
		serving.Wait()
	})
	return n
}

func (n *fakeNode) serve(conn net.Conn) {
	defer conn.Close()
	reader := redcon.NewReader(conn)
	for {
		command, err := reader.ReadCommand()
		if err != nil {
			return
		}
		answer := n.answer(command.Args)
		switch answer {
		case hangUp:
			return
		case silence:
			continue
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
	}
}

// answer takes the next line of the script for a data command. What a client library says of itself
// is no part of it, nor are sessions.
func (n *fakeNode) answer(args [][]byte) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = string(arg)
	}
	switch strings.ToLower(words[0]) {
	case "hello":
		return "-ERR unknown command 'hello'\r\n"
	case "client":
		return "+OK\r\n"
	}
	if n.run != nil {
		return n.run(words)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if strings.ToLower(words[0]) == "session" {
		return n.answerSession(words[1])
	}
	n.received = append(n.received, strings.Join(words, " "))
	if n.before != nil {
		n.before(len(n.received))
	}
	answer := n.script[0]
	if len(n.script) > 1 {
		n.script = n.script[1:]
	}
	return answer
}

func (n *fakeNode) answerSession(verb string) string {
	if verb == "close" {
		n.closed = true
		return ":1\r\n"
	}
	n.sessions++
	return fmt.Sprintf(":%d\r\n", n.sessions)
}

// expectReceived compares all data commands that reached the node.
func (n *fakeNode) expectReceived(want ...string) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if got := strings.Join(n.received, "; "); got != strings.Join(want, "; ") {
		n.t.Errorf("the node received %q, want %q", got, strings.Join(want, "; "))
	}
}

// deadAddress is one that nobody listens on.
func deadAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
