package resp

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
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
	c.want("TOUCH k", "1")
	c.want("quit", "OK")
	c.wantClosed()
}

// TestErrorsOfDispatch: what redis-server 7.0.15 replies, to the letter.
func TestErrorsOfDispatch(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	long := strings.Repeat("x", 300)
	for command, want := range map[string]string{
		"GET":                   "-ERR wrong number of arguments for 'get' command",
		"SET k":                 "-ERR wrong number of arguments for 'set' command",
		"ping a b":              "-ERR wrong number of arguments for 'ping' command",
		"ECHO":                  "-ERR wrong number of arguments for 'echo' command",
		"echo a b":              "-ERR wrong number of arguments for 'echo' command",
		"reset a":               "-ERR wrong number of arguments for 'reset' command",
		"client":                "-ERR wrong number of arguments for 'client' command",
		"client foo":            "-ERR unknown subcommand 'foo'. Try CLIENT HELP.",
		`client "a\nb"`:         "-ERR unknown subcommand 'a b'. Try CLIENT HELP.",
		"command foo":           "-ERR unknown subcommand 'foo'. Try COMMAND HELP.",
		"config foo":            "-ERR unknown subcommand 'foo'. Try CONFIG HELP.",
		"cluster foo":           "-ERR unknown subcommand 'foo'. Try CLUSTER HELP.",
		"client " + long:        "-ERR unknown subcommand '" + long[:128] + "'. Try CLIENT HELP.",
		"client kill":           "-ERR wrong number of arguments for 'client|kill' command",
		"cluster slaves":        "-ERR wrong number of arguments for 'cluster|slaves' command",
		"config set foo":        "-ERR wrong number of arguments for 'config|set' command",
		"foo":                   "-ERR unknown command 'foo', with args beginning with: ",
		"foo 1 2 'a b'":         "-ERR unknown command 'foo', with args beginning with: '1' '2' 'a b' ",
		`foo ""`:                "-ERR unknown command 'foo', with args beginning with: '' ",
		`foo "a\r\nb"`:          "-ERR unknown command 'foo', with args beginning with: 'a  b' ",
		`foo "a\x00b"`:          "-ERR unknown command 'foo', with args beginning with: 'a' ",
		"foo " + long:           "-ERR unknown command 'foo', with args beginning with: '" + long[:128] + "' ",
		long + " a":             "-ERR unknown command '" + long[:128] + "', with args beginning with: 'a' ",
		"select 1":              "-ERR DB index is out of range",
		"select -1":             "-ERR DB index is out of range",
		"select 2147483648":     "-ERR value is out of range, value must between -2147483648 and 2147483647",
		"select a":              "-ERR value is not an integer or out of range",
		"auth a":                "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
		"auth a b":              "-WRONGPASS invalid username-password pair or user is disabled.",
		"auth default b":        "OK",
		"auth a b c":            "-ERR syntax error",
		"hello 4":               "-NOPROTO unsupported protocol version",
		"hello a":               "-ERR Protocol version is not an integer or out of range",
		"hello 2 auth a":        "-ERR Syntax error in HELLO option 'auth'",
		"hello 2 auth a b":      "-WRONGPASS invalid username-password pair or user is disabled.",
		"hello 2 setname 'a b'": "-ERR Client names cannot contain spaces, newlines or special characters.",
		"hello 2 setname":       "-ERR Syntax error in HELLO option 'setname'",
		"hello 2 foo":           "-ERR Syntax error in HELLO option 'foo'",
		"wait 1":                "-ERR wrong number of arguments for 'wait' command",
		"wait a 0":              "-ERR value is not an integer or out of range",
		"wait 0 a":              "-ERR timeout is not an integer or out of range",
		"wait 0 -1":             "-ERR timeout is negative",
		"shutdown foo":          "-ERR syntax error",
		"shutdown save nosave":  "-ERR syntax error",
		"shutdown abort":        "-ERR No shutdown in progress.",
	} {
		c.want(command, want)
	}
	if got := fmt.Sprint(c.do(strings.Fields("foo" + strings.Repeat(" abcde", 29))...)); got !=
		"-ERR unknown command 'foo', with args beginning with: "+strings.Repeat("'abcde' ", 16) {
		t.Errorf("an unknown command with many words: %q", got)
	}
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
		in.WriteString(encode("CLIENT", "SETNAME", fmt.Sprint("name-", i)))
		in.WriteString(encode("CLIENT", "GETNAME"))
		in.WriteString(encode("unheard-of", fmt.Sprint(i)))
		want = append(want, "OK", fmt.Sprint("echo-", i), fmt.Sprint("token-", i),
			"-ERR wrong number of arguments for 'get' command", "OK", fmt.Sprint("name-", i),
			fmt.Sprintf("-ERR unknown command 'unheard-of', with args beginning with: '%d' ", i))
	}
	c.send(in.String())
	for i, want := range want {
		if got := fmt.Sprint(c.reply()); got != want {
			t.Fatalf("reply %d is %q, want %q", i, got, want)
		}
	}
}

// TestPipelineIsOneBatch: commands that come together go down together.
func TestPipelineIsOneBatch(t *testing.T) {
	s := start(t, nil)
	s.replica.entered, s.replica.hold = make(chan struct{}), make(chan struct{})
	c := s.dial(t)
	// While the first command runs, all others arrive.
	c.send(encode("SET", "first", "1"))
	<-s.replica.entered
	const n = 200
	for i := range n {
		c.send(encode("SET", "k", fmt.Sprint(i)) + encode("PING") + encode("GET", "k"))
	}
	s.replica.hold <- struct{}{}
	for range 2 {
		select {
		case <-s.replica.entered:
			s.replica.hold <- struct{}{}
		case <-time.After(10 * time.Second):
			t.Fatal("the second batch does not come")
		}
		if s.replica.total() >= 1+3*n {
			break
		}
	}
	if got := s.replica.total(); got != 1+3*n {
		t.Fatalf("%d of %d commands ran in three batches", got, 1+3*n)
	}
	for i := range 1 + 3*n {
		if got := c.reply(); i > 0 && i%3 == 0 && got != fmt.Sprint(i/3-1) {
			t.Fatalf("reply %d is %q", i, got)
		}
	}
}

// TestBatchIsBounded: a pipeline without end does not become a batch without end.
func TestBatchIsBounded(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	const n = 50_000
	go io.WriteString(c.Conn, strings.Repeat(encode("GET", "k"), n))
	for range n {
		c.reply()
	}
	s.replica.mu.Lock()
	defer s.replica.mu.Unlock()
	for _, ops := range s.replica.ops {
		if ops > batchOps {
			t.Errorf("a batch has %d commands, want at most %d", ops, batchOps)
		}
	}
}

// TestThousandCommandsInOneWrite and the same in tiny pieces: the cut of the stream changes nothing.
func TestThousandCommandsInOneWrite(t *testing.T) {
	s := start(t, nil)
	var in strings.Builder
	for i := range 1000 {
		in.WriteString(encode("SET", fmt.Sprint("key", i%7), strings.Repeat("v", i)))
		fmt.Fprintf(&in, "GET key%d\r\n", i%7)
	}
	for _, piece := range []int{in.Len(), 1 << 16, 1000, 17} {
		c := s.dial(t)
		go func() {
			for data := in.String(); len(data) > 0; {
				n := min(piece, len(data))
				if _, err := io.WriteString(c.Conn, data[:n]); err != nil {
					return
				}
				data = data[n:]
			}
		}()
		for i := range 1000 {
			if got := c.reply(); got != "OK" {
				t.Fatalf("pieces of %d: SET %d replied %v", piece, i, got)
			}
			if got := c.reply(); got != strings.Repeat("v", i) {
				t.Fatalf("pieces of %d: GET %d replied %.20v", piece, i, got)
			}
		}
	}
}

// TestByteByByte: a command that comes a byte at a time is run once, when it is whole.
func TestByteByByte(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	for _, b := range []byte(encode("SET", "k", "some value") + "GET k\r\n\r\n*0\r\n" + encode("ECHO", "") + encode("PING")) {
		c.send(string(b))
	}
	for _, want := range []string{"OK", "some value", "", "PONG"} {
		if got := c.reply(); got != want {
			t.Errorf("replied %v, want %v", got, want)
		}
	}
}

// TestEarlyStop: when the backend stops early because replies grow large, the rest follows.
func TestEarlyStop(t *testing.T) {
	s := start(t, nil)
	s.replica.stopAt = 1
	c := s.dial(t)
	c.send(encode("SET", "k", "v") + strings.Repeat(encode("GET", "k")+encode("PING"), 50))
	if got := c.reply(); got != "OK" {
		t.Errorf("SET replied %v", got)
	}
	for i := range 50 {
		if got, pong := c.reply(), c.reply(); got != "v" || pong != "PONG" {
			t.Fatalf("pair %d: %v, %v", i, got, pong)
		}
	}
	if got := s.replica.batches.Load(); got < 51 {
		t.Errorf("Execute was called %d times, so the test tested nothing", got)
	}
}

func TestLargeValue(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	value := strings.Repeat("0123456789abcdef", 4<<20/16)
	if got := c.do("SET", "large", value); got != "OK" {
		t.Fatalf("SET replied %v", got)
	}
	// The first reply may fill the sockets' buffers before the rest is sent; the server reads on only when it is read.
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c.Conn, encode("GET", "large")+encode("ECHO", value)+encode("PING"))
		sent <- err
	}()
	if got := c.reply(); got != value {
		t.Error("GET does not return what was set")
	}
	if got := c.reply(); got != value {
		t.Error("ECHO does not return what was sent")
	}
	if got := c.reply(); got != "PONG" {
		t.Errorf("PING replied %v", got)
	}
	if err := <-sent; err != nil {
		t.Errorf("send: %v", err)
	}
	// The server makes the input buffer small again when it reads on, which may be after the last reply has come.
	eventually(t, "the large command's buffers are given back", func() bool { return s.buffers.used.Load() <= pipelineBufferSize })
}

func TestHello(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	c.send("HELLO\r\nHELLO 3 AUTH default whatever SETNAME bob\r\nGET none\r\nCLIENT GETNAME\r\nRESET\r\nCLIENT GETNAME\r\n")
	line := func() string {
		l, err := c.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(l)
	}
	const body = "$6 server $5 redis $7 version $6 7.0.15 $5 proto :%d $2 id :%d $4 mode $7 cluster $4 role $6 master $7 modules *0"
	for _, want := range []string{
		"*14", fmt.Sprintf(body, 2, 1), "%7", fmt.Sprintf(body, 3, 1), "_", "$3 bob", "+RESET", "$-1",
	} {
		var got []string
		for range strings.Fields(want) {
			got = append(got, line())
		}
		if strings.Join(got, " ") != want {
			t.Fatalf("got %q, want %q", strings.Join(got, " "), want)
		}
	}
	s.replica.mu.Lock()
	s.replica.status.Role = "follower"
	s.replica.mu.Unlock()
	if got := fmt.Sprint(c.do("HELLO", "2")); !strings.Contains(got, "role replica") {
		t.Errorf("HELLO on a follower: %s", got)
	}
}

// TestClientReply: nothing is sent while replies are off, and one reply is left out by SKIP.
func TestClientReply(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	c.send("CLIENT REPLY OFF\r\nSET a 1\r\nPING\r\nnosuch\r\nGET\r\nSET a 2\r\nCLIENT REPLY SKIP\r\nGET a\r\nCLIENT REPLY ON\r\nGET a\r\n" +
		"CLIENT REPLY SKIP\r\nSET a 3\r\nGET a\r\nCLIENT REPLY SKIP\r\nPING\r\nPING x\r\nCLIENT REPLY SKIP\r\nCLIENT REPLY OFF\r\n" +
		"PING\r\nCLIENT REPLY ON\r\nCLIENT REPLY maybe\r\n")
	for i, want := range []string{"OK", "2", "3", "x", "OK", "-ERR syntax error"} {
		if got := c.reply(); got != want {
			t.Fatalf("reply %d is %v, want %v", i, got, want)
		}
	}
}

// TestReadOnly: READONLY and READWRITE reach the backend with the batches after them.
func TestReadOnly(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	c.send("GET a\r\nREADONLY\r\nGET a\r\nREADWRITE\r\nGET a\r\nREADONLY\r\nRESET\r\nGET a\r\n")
	for range 8 {
		c.reply()
	}
	s.replica.mu.Lock()
	defer s.replica.mu.Unlock()
	if got := fmt.Sprint(s.replica.readOnly); got != "[false true false false]" {
		t.Errorf("the batches were ReadOnly: %s", got)
	}
}

func TestTimeAndWait(t *testing.T) {
	s := start(t, func(o *Options) { o.Now = func() time.Time { return time.UnixMicro(1234567890123456) } })
	c := s.dial(t)
	c.want("TIME", "[1234567890 123456]")
	c.want("WAIT 1 0", "1")
	c.want("WAIT 5 10", "2")
	s.replica.mu.Lock()
	s.replica.status.Role = "follower"
	s.replica.mu.Unlock()
	c.send("WAIT 1 0\r\n")
	if got := fmt.Sprint(c.reply()); !strings.HasPrefix(got, "-ERR WAIT cannot be used with replica instances.") {
		t.Errorf("WAIT on a follower replied %q", got)
	}
}
