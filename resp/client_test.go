package resp

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestClientErrors(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	for command, want := range map[string]string{
		"client kill a":                                    "-ERR No such client",
		"client kill 1.1.1.1:1":                            "-ERR No such client",
		"client kill id a":                                 "-ERR client-id should be greater than 0",
		"client kill id 0":                                 "-ERR client-id should be greater than 0",
		"client kill id 999":                               "0",
		"client kill type foo":                             "-ERR Unknown client type 'foo'",
		"client kill type master":                          "0",
		"client kill user nouser":                          "-ERR No such user 'nouser'",
		"client kill user default skipme":                  "-ERR syntax error",
		"client kill skipme maybe":                         "-ERR syntax error",
		"client kill addr 1:1 laddr 2:2":                   "0",
		"client kill skipme yes":                           "0",
		"client list foo":                                  "-ERR syntax error",
		"client list type foo":                             "-ERR Unknown client type 'foo'",
		"client list type slave":                           "",
		"client list type normal x":                        "-ERR syntax error",
		"client list id":                                   "-ERR syntax error",
		"client list id a":                                 "-ERR Invalid client ID",
		"client list id 77 78":                             "",
		"client no-evict foo":                              "-ERR syntax error",
		"client no-evict on":                               "OK",
		"client no-touch off":                              "OK",
		"client reply foo":                                 "-ERR syntax error",
		"client setname 'a b'":                             "-ERR Client names cannot contain spaces, newlines or special characters.",
		"client setname " + strings.Repeat("n", maxName+1): "-ERR Client names cannot contain spaces, newlines or special characters.",
		"client setinfo lib-color red":                     "-ERR Unrecognized option 'lib-color'",
		"client setinfo lib-name 'a b'":                    "-ERR lib-name cannot contain spaces, newlines or special characters.",
		"client id":                                        "1",
	} {
		c.want(command, want)
	}
}

func TestClientNames(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	c.want("CLIENT GETNAME", "<nil>")
	c.want("CLIENT SETNAME alice", "OK")
	c.want("CLIENT GETNAME", "alice")
	c.want("CLIENT SETINFO LIB-NAME lib", "OK")
	c.want("CLIENT SETINFO lib-ver 1.2", "OK")
	c.send("CLIENT INFO\r\n")
	line := c.reply().(string)
	for _, want := range []string{
		"id=1 ", " name=alice ", " addr=" + c.LocalAddr().String() + " ", " laddr=" + s.addr + " ", " cmd=client|info ",
		" resp=2 ", " db=0 ", " flags=N ", " user=default ", " lib-name=lib lib-ver=1.2\n",
	} {
		if !strings.Contains(line, want) {
			t.Errorf("CLIENT INFO has no %q: %s", want, line)
		}
	}
	c.want(`CLIENT SETNAME ""`, "OK")
	c.want("CLIENT GETNAME", "<nil>")
}

func TestClientList(t *testing.T) {
	s := start(t, nil)
	a, b := s.dial(t), s.dial(t)
	a.want("CLIENT SETNAME first", "OK")
	b.want("GET x", "<nil>")
	a.send("CLIENT LIST\r\nCLIENT LIST ID 2 99 1\r\nCLIENT LIST TYPE normal\r\n")
	for i := range 3 {
		lines := strings.Split(strings.TrimSuffix(a.reply().(string), "\n"), "\n")
		if len(lines) != 2 {
			t.Fatalf("list %d has %d lines, want 2: %q", i, len(lines), lines)
		}
		first := lines[0]
		if i == 1 {
			first = lines[1]
		}
		if !strings.HasPrefix(first, "id=1 ") || !strings.Contains(first, " name=first ") {
			t.Errorf("list %d: %q is not the first client", i, first)
		}
	}
}

// TestClientKill: those that are named end, and no others.
func TestClientKill(t *testing.T) {
	s := start(t, nil)
	killer := s.dial(t)
	killer.want("PING", "PONG")
	victim := func() *client {
		c := s.dial(t)
		c.want("PING", "PONG")
		return c
	}
	wantKilled := func(c *client) {
		t.Helper()
		if n, err := io.Copy(io.Discard, c.r); n != 0 || err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("a killed client read %d bytes, %v", n, err)
		}
	}
	v := victim()
	killer.want("CLIENT KILL "+v.LocalAddr().String(), "OK")
	wantKilled(v)
	v = victim()
	killer.want("CLIENT KILL ADDR "+v.LocalAddr().String(), "1")
	wantKilled(v)
	v = victim()
	killer.want("CLIENT KILL ID 4 TYPE normal USER default", "1")
	wantKilled(v)
	v, w := victim(), victim()
	eventually(t, "three clients are left", func() bool { return len(s.clients.all()) == 3 })
	killer.want("CLIENT KILL LADDR "+s.addr, "2")
	wantKilled(v)
	wantKilled(w)
	eventually(t, "only the killer is left", func() bool { return len(s.clients.all()) == 1 })
	killer.send("SET k v\r\nCLIENT KILL LADDR " + s.addr + " SKIPME no\r\nPING\r\n")
	if set, killed := killer.reply(), fmt.Sprint(killer.reply()); set != "OK" || killed != "1" {
		t.Errorf("before its own end a client was told %v, %v", set, killed)
	}
	wantKilled(killer)
}
