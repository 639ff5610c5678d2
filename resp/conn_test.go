package resp

import (
	"fmt"
	"strings"
	"testing"
)

func TestFirstCommands(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	c.want("PING", "PONG")
	c.want("ping hello", "hello")
	c.want("SET k 'a value'", "OK")
	c.want("GET k", "a value")
	c.want("APPEND k !", "8")
	c.want("GET nothing", "<nil>")
	c.want("ECHO x", "x")
	c.want("SELECT 0", "OK")
	c.want("SELECT 1", "-ERR DB index is out of range")
	c.want("GET", "-ERR wrong number of arguments for 'get' command")
	c.want("nosuch a 'b c'", "-ERR unknown command 'nosuch', with args beginning with: 'a' 'b c' ")
	c.want("CLIENT nosuch", "-ERR unknown subcommand 'nosuch'. Try CLIENT HELP.")
	c.want("CLIENT", "-ERR wrong number of arguments for 'client' command")
	c.want("CLIENT KILL", "-ERR wrong number of arguments for 'client|kill' command")
	c.want("CLUSTER KEYSLOT foo", "12182")
	c.want("quit", "OK")
	c.wantClosed()
}

// TestPipelineOrder: replies come in the order of their commands, whoever answers them.
func TestPipelineOrder(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	var in strings.Builder
	var want []string
	for i := range 300 {
		in.WriteString(encode("SET", "key", fmt.Sprint("token-", i)))
		in.WriteString(encode("ECHO", fmt.Sprint("echo-", i)))
		in.WriteString(encode("GET", "key"))
		in.WriteString(encode("GET"))
		in.WriteString(encode("CLIENT", "GETNAME"))
		in.WriteString(encode("unheard-of", fmt.Sprint(i)))
		want = append(want, "OK", fmt.Sprint("echo-", i), fmt.Sprint("token-", i),
			"-ERR wrong number of arguments for 'get' command", "<nil>",
			fmt.Sprintf("-ERR unknown command 'unheard-of', with args beginning with: '%d' ", i))
	}
	c.send(in.String())
	for i, want := range want {
		if got := fmt.Sprint(c.reply()); got != want {
			t.Fatalf("reply %d is %q, want %q", i, got, want)
		}
	}
}
