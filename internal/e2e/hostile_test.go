//go:build e2e

package e2e

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// hostileInput is what a client might send to bring a node down (P6).
type hostileInput struct {
	name  string
	bytes []byte
}

func hostileInputs() []hostileInput {
	noise := make([]byte, 64<<10)
	_, _ = rand.Read(noise) // never fails
	return []hostileInput{
		{"a bulk length at the end of 63 bits", []byte("*1\r\n$9223372036854775807\r\n")},
		{"a bulk length past 64 bits", []byte("*1\r\n$18446744073709551617\r\nx\r\n")},
		{"a bulk length past any number", []byte("*1\r\n$" + strings.Repeat("9", 5000) + "\r\n")},
		{"a negative bulk length", []byte("*1\r\n$-1\r\n")},
		{"a bulk length over the limit", []byte("*1\r\n$536870913\r\n")},
		{"two thousand million arguments", []byte("*2147483647\r\n")},
		{"arguments past 64 bits", []byte("*18446744073709551617\r\n")},
		{"a million and one arguments", []byte("*1048577\r\n")},
		{"negative arguments", []byte("*-2147483648\r\n*-1\r\n*0\r\n")},
		{"not a bulk", []byte("*1\r\n+PING\r\n")},
		{"no number", []byte("*\r\n$\r\n")},
		{"a bare line feed", []byte("*1\n$4\nPING\n")},
		{"an endless inline line", bytes.Repeat([]byte("A"), 200<<10)},
		{"an endless number", append([]byte("*"), bytes.Repeat([]byte("1"), 200<<10)...)},
		{"unbalanced quotes", []byte("SET \"key\r\n")},
		{"quotes and zeros", []byte("SET 'a\\x00\\'b' \"\\xff\\\"\"\r\nGET \x00\x00\r\n")},
		{"nested arrays", bytes.Repeat([]byte("*1\r\n"), 50_000)},
		{"half a command", []byte("*3\r\n$3\r\nSET\r\n$3\r\nke")},
		{"a web browser", []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")},
		{"a cross-site POST", []byte("POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET a b\r\n")},
		{"TLS", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")},
		{"noise", noise},
		{"noise in a bulk", append([]byte("*2\r\n$3\r\nGET\r\n$65536\r\n"), noise...)},
		{"empty names", bytes.Repeat([]byte("*1\r\n$0\r\n\r\n"), 10_000)},
		{"a huge count for the reply", []byte("*4\r\n$8\r\nSETRANGE\r\n$1\r\nx\r\n$9\r\n536870911\r\n$1\r\ny\r\n")},
		{"a bit beyond all memory", []byte("*4\r\n$6\r\nSETBIT\r\n$1\r\nx\r\n$20\r\n18446744073709551615\r\n$1\r\n1\r\n")},
	}
}

// sendRaw writes bytes, half-closes, and reads what comes until the node closes or falls silent.
func sendRaw(t *testing.T, address string, data []byte) {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, dialTimeout)
	if err != nil {
		t.Fatalf("the node does not take connections: %v", err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(3 * time.Second))
	if _, err := c.Write(data); err != nil {
		return // it was refused before its end
	}
	_ = c.(*net.TCPConn).CloseWrite()
	buffer := make([]byte, 32<<10)
	for {
		if _, err := c.Read(buffer); err != nil {
			return
		}
	}
}

func TestHostileInputDoesNotBringANodeDown(t *testing.T) {
	c := startCluster(t)
	pids := c.pids()
	for _, input := range hostileInputs() {
		for _, n := range c.nodes {
			sendRaw(t, n.client, input.bytes)
			sendRaw(t, n.peer, input.bytes)
			if !n.running() {
				t.Fatalf("%s brought node %d down", input.name, n.id)
			}
			if r, err := ask(n.client, askTimeout, "PING"); err != nil || r.text != "PONG" {
				t.Fatalf("after %s node %d answers PING with %v, %v", input.name, n.id, r, err)
			}
		}
	}
	c.expectUnharmed(t, pids)
}

func TestHostilePeersDoNotBringANodeDown(t *testing.T) {
	c := startCluster(t)
	pids := c.pids()
	for _, size := range []int{1, 4, 8, 64, 4096, 1 << 20} {
		for _, fill := range []byte{0x00, 0xff, 0x7f, 'R'} {
			for _, n := range c.nodes {
				sendRaw(t, n.peer, bytes.Repeat([]byte{fill}, size))
			}
		}
	}
	c.expectUnharmed(t, pids)
}

// A command that comes a byte at a time, and one of a thousand commands at once, cost time and not more.
func TestCommandsInPieces(t *testing.T) {
	c := startCluster(t)
	leader := c.leader()
	connection, err := dial(leader.client)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.close()
	for _, b := range appendCommand(nil, command{"SET", "pieces", "whole"}) {
		if _, err := connection.net.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if replies, err := connection.receive(readLimit, 1); err != nil || replies[0].text != "OK" {
		t.Fatalf("a command sent by the byte: %v, %v", replies, err)
	}
	// 4 MiB in pieces of 1 KiB: quadratic reading would take minutes.
	long := appendCommand(nil, command{"SET", "long", strings.Repeat("v", 4<<20)})
	for len(long) > 0 {
		n := min(1<<10, len(long))
		if _, err := connection.net.Write(long[:n]); err != nil {
			t.Fatal(err)
		}
		long = long[n:]
	}
	if replies, err := connection.receive(readLimit, 1); err != nil || replies[0].text != "OK" {
		t.Fatalf("a long command in pieces: %v, %v", replies, err)
	}
	var commands []command
	for i := range 1000 {
		commands = append(commands, command{"INCR", "pieces:n"}, command{"ECHO", strconv.Itoa(i)})
	}
	replies, err := connection.pipeline(readLimit, commands...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if replies[2*i].number != int64(i+1) || replies[2*i+1].text != strconv.Itoa(i) {
			t.Fatalf("command %d of a pipeline answered %v, %v", i, replies[2*i], replies[2*i+1])
		}
	}
}

const (
	// deafReads is how many values of deafValueBytes a client asks for without ever reading an answer: 3 GiB.
	deafReads      = 3000
	deafValueBytes = 1 << 20
	// deafClients do so at the same time.
	deafClients = 4
	// deafGrowthMax is what all of them together may cost a node.
	deafGrowthMax = 1 << 30
)

// A client that asks for much and reads nothing is throttled or dropped.
func TestAClientThatDoesNotReadIsBounded(t *testing.T) {
	c := startCluster(t)
	leader := c.leader()
	pids := c.pids()
	c.set("big", strings.Repeat("b", deafValueBytes))
	before := residentBytes(t, leader.pid())
	question := bytes.Repeat(appendCommand(nil, command{"GET", "big"}), deafReads)
	for range deafClients {
		deaf, err := dial(leader.client)
		if err != nil {
			t.Fatal(err)
		}
		defer deaf.close()
		_ = deaf.net.SetDeadline(time.Now().Add(time.Second))
		_, _ = deaf.net.Write(question) // it may be throttled
	}
	peak := int64(0)
	for until := time.Now().Add(2 * time.Second); time.Now().Before(until); during(50 * time.Millisecond) {
		peak = max(peak, residentBytes(t, leader.pid()))
	}
	t.Logf("resident: %d MiB before, %d MiB at most with %d deaf clients", before>>20, peak>>20, deafClients)
	if peak-before > deafGrowthMax {
		t.Errorf("%d clients that read nothing made the node grow by %d MiB", deafClients, (peak-before)>>20)
	}
	c.expectUnharmed(t, pids)
}

// idleClients is how many connections do nothing while others work.
const idleClients = 2000

func TestIdleClientsDoNoHarm(t *testing.T) {
	c := startCluster(t)
	leader := c.leader()
	pids := c.pids()
	for i := range idleClients {
		idle, err := net.DialTimeout("tcp", leader.client, dialTimeout)
		if err != nil {
			t.Fatalf("idle client %d: %v", i, err)
		}
		defer idle.Close()
		if i%2 == 0 {
			_, _ = idle.Write([]byte("*2\r\n$3\r\nGET\r\n$100\r\nhalf"))
		}
	}
	c.expectUnharmed(t, pids)
}

func (c *cluster) pids() []int {
	var pids []int
	for _, n := range c.nodes {
		pids = append(pids, n.pid())
	}
	return pids
}

// idleTicksMax is how much processor time an idle node may use in a second, in hundredths of a second.
const idleTicksMax = 50

// expectUnharmed checks that the same processes serve as before, and that none of them spins.
func (c *cluster) expectUnharmed(t *testing.T, pids []int) {
	t.Helper()
	for i, n := range c.nodes {
		if !n.running() || n.pid() != pids[i] {
			t.Fatalf("node %d did not survive", n.id)
		}
	}
	c.waitReady()
	if r := c.must(command{"INCR", "unharmed"}); r.kind != ':' {
		t.Errorf("INCR answers %v", r)
	}
	eventually(t, 15*time.Second, "nodes at rest use little processor time", func() error {
		before := make([]int, len(pids))
		for i, pid := range pids {
			before[i] = processorTicks(t, pid)
		}
		during(time.Second)
		for i, pid := range pids {
			if used := processorTicks(t, pid) - before[i]; used > idleTicksMax {
				return fmt.Errorf("node %d used %d hundredths of a second", i+1, used)
			}
		}
		return nil
	})
}

// processorTicks returns the processor time of a process in the kernel's ticks of 10 ms.
func processorTicks(t *testing.T, pid int) int {
	t.Helper()
	const user, system = 11, 12 // see proc(5), counted behind the name
	fields := processFields(pid)
	if len(fields) <= system {
		t.Fatalf("process %d is gone", pid)
	}
	a, errA := strconv.Atoi(fields[user])
	b, errB := strconv.Atoi(fields[system])
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	return a + b
}

// residentBytes returns the memory of a process.
func residentBytes(t *testing.T, pid int) int64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		t.Fatalf("statm: %q", data)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
