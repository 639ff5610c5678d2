package resp

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

func TestConfig(t *testing.T) {
	var mu sync.Mutex
	level := "info"
	s := start(t, func(o *Options) {
		o.Parameters = []Parameter{
			{Name: "log-level", Get: func() string { mu.Lock(); defer mu.Unlock(); return level }, Set: func(v string) error {
				if v == "bad" {
					return errors.New("argument(s) must be one of the following: info, debug")
				}
				mu.Lock()
				defer mu.Unlock()
				level = v
				return nil
			}},
			{Name: "node-id", Get: func() string { return "1" }},
		}
	})
	c := s.dial(t)
	for _, step := range []struct{ command, want string }{
		{"config get log-level node-id", "[log-level info node-id 1]"},
		{"config get LOG-* nothere *-id", "[log-level info node-id 1]"},
		{"config get maxclients timeout", "[maxclients 10000 timeout 0]"},
		{"config get save", "[save ]"},
		{"config get appendonly", "[appendonly yes]"},
		{"config get nothere", "[]"},
		{"config get [", "[]"},
		{"config set log-level debug", "OK"},
		{"config get log-level", "[log-level debug]"},
		{"config set log-level bad", "-ERR CONFIG SET failed (possibly related to argument 'log-level') - argument(s) must be one of the following: info, debug"},
		{"config set Log-Level warn maxclients 0", "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument must be between 1 and 4294967295 inclusive"},
		{"config get log-level maxclients", "[log-level debug maxclients 10000]"},
		{"config set maxclients 50 log-level bad timeout 4", "-ERR CONFIG SET failed (possibly related to argument 'log-level') - argument(s) must be one of the following: info, debug"},
		{"config get maxclients timeout", "[maxclients 10000 timeout 0]"},
		{"config set maxclients 50 timeout 100 log-level info", "OK"},
		{"config get maxclients timeout log-level", "[log-level info maxclients 50 timeout 100]"},
		{"config set nope 1", "-ERR Unknown option or number of arguments for CONFIG SET - 'nope'"},
		{"config set maxclients 100 nope 1", "-ERR Unknown option or number of arguments for CONFIG SET - 'nope'"},
		{"config set maxclients 100 maxclients 200", "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - duplicate parameter"},
		{"config set node-id 2", "-ERR CONFIG SET failed (possibly related to argument 'node-id') - can't set immutable config"},
		{"config set databases 5", "-ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config"},
		{"config set a b c", "-ERR syntax error"},
		{"config set maxclients abc", "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument couldn't be parsed into an integer"},
		{"config set maxclients 1mb", "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument couldn't be parsed into an integer"},
		{"config set timeout -1", "-ERR CONFIG SET failed (possibly related to argument 'timeout') - argument must be between 0 and 2147483647 inclusive"},
		{"config set proto-max-bulk-len 1", "-ERR CONFIG SET failed (possibly related to argument 'proto-max-bulk-len') - argument must be between 1048576 and 9223372036854775807 inclusive"},
		{"config set proto-max-bulk-len 1xb", "-ERR CONFIG SET failed (possibly related to argument 'proto-max-bulk-len') - argument must be a memory value"},
		{"config set client-query-buffer-limit -5", "-ERR CONFIG SET failed (possibly related to argument 'client-query-buffer-limit') - argument must be a memory value"},
		{"config set proto-max-bulk-len 2mb", "OK"},
		{"config get proto-max-bulk-len", "[proto-max-bulk-len 2097152]"},
		{"config set client-query-buffer-limit 1GB", "OK"},
		{"config get client-query-buffer-limit", "[client-query-buffer-limit 1073741824]"},
		{"config rewrite", "-ERR The server is running without a config file"},
		{"config resetstat", "OK"},
		{"config resetstat a", "-ERR wrong number of arguments for 'config|resetstat' command"},
	} {
		c.want(step.command, step.want)
	}
	c.send("*2\r\n$4\r\nECHO\r\n$2097153\r\n")
	if got := c.reply(); got != "-ERR Protocol error: invalid bulk length" {
		t.Errorf("a word beyond the new proto-max-bulk-len: %v", got)
	}
	if got := fmt.Sprint(s.dial(t).do("HELLO", "3")); got == "" {
		t.Error("no reply to HELLO")
	}
}

func TestParseMemory(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "100": 100, "5b": 5, "1k": 1000, "1kb": 1024, "2M": 2e6, "2Mb": 2 << 20, "1g": 1e9, "1GB": 1 << 30,
		"9223372036854775807": 1<<63 - 1, "": -1, "kb": -1, "1.5mb": -1, "-1": -1, "1 mb": -1, "1kk": -1,
		"9223372036854775807k": -1, "9223372036854775808": -1, "+1": -1, "01": -1,
	} {
		n, ok := parseMemory(text)
		if !ok {
			n = -1
		}
		if n != want {
			t.Errorf("parseMemory(%q) = %d, want %d", text, n, want)
		}
	}
}

func TestParseInteger(t *testing.T) {
	for text, want := range map[string]bool{
		"0": true, "7": true, "-7": true, "9223372036854775807": true, "-9223372036854775808": true,
		"": false, "-": false, "+1": false, "-0": false, "00": false, "01": false, " 1": false, "1 ": false, "1_0": false,
		"0x1": false, "9223372036854775808": false, "99999999999999999999": false, "1e3": false,
	} {
		if _, ok := parseInteger([]byte(text)); ok != want {
			t.Errorf("parseInteger(%q): %v, want %v", text, ok, want)
		}
	}
}

func TestMaxClientsStayWithinTheFileDescriptors(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits = Limits{MaxClients: 500, ClientCeiling: 100} })
	c := s.dial(t)
	c.want("config get maxclients", "[maxclients 100]")
	c.want("config set maxclients 101", "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - "+
		"The operating system is not able to handle the specified number of clients, try with 100")
	c.want("config set maxclients 99", "OK")
	c.want("config get maxclients", "[maxclients 99]")
}
