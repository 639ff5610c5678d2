//go:build redis

package resp

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"redoubt/internal/freeport"
)

// These tests compare the front end with the redis-server that is installed, byte for byte. They run with
// -tags redis.

// startRedis runs a redis-server on a free port of loopback for the time of the test.
func startRedis(t *testing.T, args ...string) string {
	t.Helper()
	port := freeport.ForTest(t, 1)[0]
	addr := freeport.Loopback(port)
	cmd := exec.Command("redis-server", append([]string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	eventually(t, "redis-server accepts connections", func() bool {
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
	return addr
}

// exchange sends input on a new connection and returns all that comes back. The input is followed by the end
// of the stream.
func exchange(t *testing.T, addr, input string) string {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(nc, input); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	// A marker tells that all has been answered; a server that closes the connection sends none.
	io.WriteString(nc, "\r\nECHO the-end\r\n")
	buf := make([]byte, 64<<10)
	for !bytes.HasSuffix(out.Bytes(), []byte("$7\r\nthe-end\r\n")) {
		n, err := nc.Read(buf)
		out.Write(buf[:n])
		if err != nil {
			break
		}
	}
	return out.String()
}

// TestRepliesAreThoseOfRedis: the same bytes for the same input.
func TestRepliesAreThoseOfRedis(t *testing.T) {
	redis := startRedis(t)
	s := start(t, nil)
	inputs := []string{
		"PING", "ping a", "ping a b", "ECHO", "echo a", "echo a b", "QUIT", "quit a b", "reset", "reset a",
		"select 0", "select 99", "select -1", "select 2147483648", "select -2147483649", "select 99999999999999999999", "select a", "select", "auth a", "auth a b", "auth default b", "auth", "auth a b c",
		"hello 4", "hello a", "hello 2 auth a", "hello 2 auth a b", "hello 2 setname 'a b'", "hello 2 setname", "hello 2 foo", "hello 3 foo bar",
		"client", "client foo", "client id a", "client getname", "client setname 'a b'", "client setname", "client setname ''\r\nclient getname",
		"client setname foo\r\nclient getname", "client kill", "client kill a", "client kill id a", "client kill id 0", "client kill id 999",
		"client kill 1.1.1.1:1", "client kill type foo", "client kill type master", "client kill user nouser", "client kill user default skipme",
		"client kill skipme maybe", "client kill id 9999 skipme maybe", "client kill addr 1:1 laddr 2:2", "client list foo", "client list type foo",
		"client list type replica", "client list type normal x", "client list id", "client list id a", "client list id 99999", "client no-evict foo",
		"client no-evict on", "client reply foo", "client reply off\r\nping\r\nclient reply on\r\nping", "client reply skip\r\nping\r\nping",
		"client reply skip\r\nclient reply off\r\nping\r\nclient reply skip\r\nclient reply on\r\nping",
		"command foo", "command count a", "command getkeys", "command getkeys get", "command getkeys get a b", "command getkeys foo a",
		"command getkeys ping x", "command getkeys mset a b c", "command getkeys object freq a", "command getkeys object foo a",
		"command getkeysandflags set a b", "command getkeysandflags set a b get", "command getkeysandflags bitop and d a b",
		"command getkeysandflags bitfield a get u8 0", "command getkeysandflags bitfield a incrby u8 0 1",
		"command info nope", "command info get", "command info append bitop rename mget", "command info set getex bitfield", "command docs nope",
		"command list filterby", "command list filterby foo bar", "command list filterby pattern xyz*", "command list filterby aclcat nope",
		"command list filterby module x", "command list filterby pattern", "command list filterby pattern pin*",
		"config", "config foo", "config get", "config get nothere", "config get maxclients", "config get SAVE", "config set", "config set foo",
		"config set nope 1", "config set a b c", "config set maxclients abc", "config set maxclients 0", "config set maxclients 1mb",
		"config set maxclients 4294967296", "config set maxclients 100 maxclients 200", "config set maxclients 100 nope 1",
		"config set databases 5", "config set timeout -1", "config set proto-max-bulk-len 1", "config set proto-max-bulk-len 1xb",
		"config set client-query-buffer-limit -5", "config resetstat", "config resetstat a", "config rewrite", "config help a",
		"info nosuch", "info modules nosuch", "wait", "wait 0", "wait a 0", "wait 0 a", "wait 0 -1", "wait 0 0", "role a", "time a",
		"bgsave now", "bgsave schedule now", "lastsave a",
		"shutdown foo", "shutdown nosave save", "shutdown abort", "nosuch", "nosuch a 'b c'", `nosuch "a\r\nb"`, `"no\nsuch" a`, `'' a`,
		"nosuch " + strings.Repeat("x", 300), strings.Repeat("y", 300), "nosuch" + strings.Repeat(" abcde", 30), "client " + strings.Repeat("z", 300),
		`echo "\x41\x4a\x4G\n\r\t\b\a\\\"\q"`, `echo 'it\'s'`, `echo foo"bar"`, `echo 'a'b`, `echo "a`, "echo \"a\"b", "ECHO\ta\vb", "\n\n PING", "''",
		"set k v\r\nget k\r\nping\r\nappend k w\r\nget k",
		"*0\r\n*-1\r\n*-7\r\nPING", "*1\r\n$9223372036854775807", "*a", "*1\r\nx", "*1\r\n", "*1\r\n$-1", "*1\r\n$99999999999999999999999",
		"*1\r\n$a", "*01", "*+1", "* 1", "*", "*1\r\n$04", "*1\r\n$0\r\n", "*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\r\n", "*1\r\n$536870913",
		"*1\r\n$18446744073709551617", "ping\r\n*9999999999999", "GET / HTTP/1.1", "POST / HTTP/1.1", "host: a",
	}
	for _, proto := range []string{"", "HELLO 3\r\n"} {
		for _, input := range inputs {
			if proto != "" {
				input = "CLIENT REPLY SKIP\r\n" + proto + input
			}
			theirs, ours := exchange(t, redis, input+"\r\n"), exchange(t, s.addr, input+"\r\n")
			if theirs != ours {
				t.Errorf("%.200q:\nredis: %.600q\nours:  %.600q", input, theirs, ours)
			}
		}
	}
}

// TestCommandTableIsThatOfRedis: each row that COMMAND shows, with its sets in any order.
func TestCommandTableIsThatOfRedis(t *testing.T) {
	redis := &testServer{addr: startRedis(t)}
	theirs, ours := redis.dial(t), start(t, nil).dial(t)
	// They are from Redis 7.2: clients send them.
	newer := []string{"client|no-touch", "client|setinfo"}
	var compare func(a, b []any)
	compare = func(a, b []any) {
		name := b[0].(string)
		if x, y := normalRow(a), normalRow(b); x != y {
			t.Errorf("%s:\nredis: %s\nours:  %s", name, x, y)
		}
		subs := make(map[string][]any)
		for _, sub := range a[9].([]any) {
			subs[sub.([]any)[0].(string)] = sub.([]any)
		}
		for _, sub := range b[9].([]any) {
			name := sub.([]any)[0].(string)
			if known := subs[name]; known != nil {
				compare(known, sub.([]any))
			} else if !slices.Contains(newer, name) {
				t.Errorf("redis has no %s", name)
			}
		}
	}
	// What Redis does not have, and what takes a word more than there.
	beyond := []any{"once", "raft", "readonly", "session"}
	for _, name := range ours.do("COMMAND", "LIST").([]any) {
		if slices.Contains(beyond, name) {
			continue
		}
		a, b := theirs.do("COMMAND", "INFO", name.(string)).([]any), ours.do("COMMAND", "INFO", name.(string)).([]any)
		if a[0] == nil {
			t.Errorf("redis has no %v", name)
			continue
		}
		compare(a[0].([]any), b[0].([]any))
	}
}

// normalRow prints a row of COMMAND INFO without its subcommands, with its sets sorted.
func normalRow(row []any) string {
	sorted := func(v any) []string {
		var list []string
		for _, item := range v.([]any) {
			list = append(list, fmt.Sprint(item))
		}
		slices.Sort(list)
		return list
	}
	return fmt.Sprint(row[0], row[1], sorted(row[2]), row[3:6], sorted(row[6]), row[7:9])
}
