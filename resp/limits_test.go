package resp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"redoubt/fsm"
)

// eventually waits until ok reports true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("after 10 s it is not so that %s", what)
		case <-look.C:
		}
	}
}

// TestHostileInput: whatever comes, the server goes on serving others, and what it allocates is in
// proportion to what it was sent.
func TestHostileInput(t *testing.T) {
	s := start(t, nil)
	other := s.dial(t)
	for _, input := range hostile {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c := s.dial(t)
		c.send(encode("SET", "k", "before") + input)
		c.Conn.(*net.TCPConn).CloseWrite()
		out, err := io.ReadAll(c.r)
		if err != nil {
			t.Errorf("%.40q: %v", input, err)
		}
		runtime.ReadMemStats(&after)
		if !bytes.HasPrefix(out, []byte("+OK\r\n")) {
			t.Errorf("%.40q: the command before it was not answered: %.80q", input, out)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
			t.Errorf("%.40q: %d bytes were allocated for %d", input, allocated, len(input))
		}
		other.want("PING", "PONG")
	}
}

// TestProtocolErrors: replies to the commands before come first, then the error, then the end.
func TestProtocolErrors(t *testing.T) {
	s := start(t, nil)
	for input, want := range map[string]string{
		"*1\r\n$9223372036854775807\r\n":        "-ERR Protocol error: invalid bulk length\r\n",
		"*2147483647\r\n":                       "-ERR Protocol error: invalid multibulk length\r\n",
		"*1\r\nx\r\n":                           "-ERR Protocol error: expected '$', got 'x'\r\n",
		"*1\r\n\r\n":                            "-ERR Protocol error: expected '$', got ' '\r\n",
		"set a \"b\r\n":                         "-ERR Protocol error: unbalanced quotes in request\r\n",
		strings.Repeat("x", 70_000):             "-ERR Protocol error: too big inline request\r\n",
		"*" + strings.Repeat("1", 70_000):       "-ERR Protocol error: too big mbulk count string\r\n",
		"*1\r\n$" + strings.Repeat("1", 70_000): "-ERR Protocol error: too big bulk count string\r\n",
		"POST / HTTP/1.1\r\nPING\r\n":           "",
		"Host: localhost\r\nPING\r\n":           "",
	} {
		c := s.dial(t)
		c.send("SET a 1\r\nPING\r\nGET a\r\n" + input)
		out, err := io.ReadAll(c.r)
		if err != nil || string(out) != "+OK\r\n+PONG\r\n$1\r\n1\r\n"+want {
			t.Errorf("%.40q: %q, %v; want %q at the end", input, out, err, want)
		}
	}
}

// TestHeadersReserveNothing: announcing large commands on many connections takes no memory.
func TestHeadersReserveNothing(t *testing.T) {
	s := start(t, nil)
	for range 50 {
		s.dial(t).send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\nbegin")
		s.dial(t).send("*1000000\r\n$0\r\n\r\n")
	}
	eventually(t, "all input is read", func() bool { return s.clients.traffic().reads >= 100 })
	if used := s.buffers.used.Load(); used != 0 {
		t.Errorf("%d bytes are reserved for announcements", used)
	}
}

func TestQueryBufferLimit(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.MaxQuery = 1 << 20 })
	c := s.dial(t)
	if got := c.do("SET", "k", strings.Repeat("x", 900<<10)); got != "OK" {
		t.Errorf("a command below the limit replied %v", got)
	}
	go io.WriteString(c.Conn, encode("SET", "k", strings.Repeat("x", 2<<20)))
	if _, err := readReply(c.r); err == nil {
		t.Error("a command beyond client-query-buffer-limit was answered")
	}
	eventually(t, "a log line says why", func() bool { return strings.Contains(s.log.String(), errQueryTooLarge.Error()) })
}

// TestBufferBudget: all clients together may not take more than the budget; those who take
// little go on.
func TestBufferBudget(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.MaxBuffers = 3 << 20 })
	small := s.dial(t)
	small.want("PING", "PONG")
	for range 8 {
		c := s.dial(t)
		go io.WriteString(c.Conn, "*2\r\n$4\r\nECHO\r\n$5000000\r\n"+strings.Repeat("x", 1<<20))
	}
	eventually(t, "a log line says why", func() bool { return strings.Contains(s.log.String(), errBuffersExhausted.Error()) })
	small.want("PING", "PONG")
	if used := s.buffers.used.Load(); used > 3<<20 {
		t.Errorf("%d bytes are used, %d are allowed", used, 3<<20)
	}
}

// TestP6RepliesAreCountedBeforeTheyAreMade: who asks for more than there is memory for is closed before it is made, whatever makes
// the reply; what was done by then stays done, and others go on.
func TestP6RepliesAreCountedBeforeTheyAreMade(t *testing.T) {
	const limit = 3 << 20
	s := start(t, func(o *Options) { o.Limits.MaxBuffers = limit })
	small := s.dial(t)
	small.want("PING", "PONG")
	writer := s.dial(t)
	if got := writer.do("SET", "big", strings.Repeat("x", 1<<20)); got != "OK" {
		t.Fatalf("SET replied %v", got)
	}
	writer.Close()
	allGivenBack := func() {
		t.Helper()
		eventually(t, "all memory is given back", func() bool { return s.buffers.used.Load() == 0 })
	}
	allGivenBack()
	for i := range 2000 {
		small.do("SET", fmt.Sprintf("{tag}%02000d", i), "v")
	}
	for _, greedy := range []string{
		encode("MGET", "big", "big", "big", "big", "big", "big", "big", "big"),
		encode("KEYS", "*"),
		strings.Repeat(encode("MGET", "big", "big", "big", "big"), 100) + encode("SET", "k", "v") + encode("KEYS", "*"),
		encode("CLUSTER", "GETKEYSINSLOT", fmt.Sprint(fsm.Slot([]byte("{tag}"))), "2000"),
		encode("INCR", "done") + encode("SETRANGE", "big", "4000000", "x") + encode("GETEX", "big", "PERSIST"),
	} {
		c := s.dial(t)
		c.send(greedy)
		if reply, err := io.ReadAll(c.r); err != nil || len(reply) != 0 {
			t.Errorf("%.60q: %d bytes of a reply, %v; want the connection closed", greedy, len(reply), err)
		}
		allGivenBack()
	}
	s.replica.mu.Lock()
	largest := s.replica.largest
	s.replica.mu.Unlock()
	if largest > limit+retainedReply {
		t.Errorf("a buffer of replies had %d bytes before it was refused, %d are allowed (P6)", largest, limit)
	}
	small.send(encode("CLIENT", "REPLY", "SKIP") + encode("MGET", "big", "big", "big", "big")) // nobody wants it, so it is not made
	small.want("GET done", "1")
	small.want("STRLEN big", "4000001")
	if got := small.do("GETRANGE", "big", "0", "1999999").(string); len(got) != 2_000_000 {
		t.Errorf("a reply of %d bytes, want what fits", len(got))
	}
}

// TestClientThatNeverReads: it is throttled, so that its replies do not pile up, and dropped in the end.
func TestClientThatNeverReads(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.WriteTimeout = 300 * time.Millisecond })
	other := s.dial(t)
	other.do("SET", "k", strings.Repeat("x", 100<<10))
	c := s.dial(t)
	go func() {
		in := strings.Repeat(encode("GET", "k"), 1000)
		for {
			if _, err := io.WriteString(c.Conn, in); err != nil {
				return
			}
		}
	}()
	eventually(t, "the client is dropped", func() bool { return strings.Contains(s.log.String(), "does not read its replies") })
	if sent := s.clients.traffic().outputBytes; sent > 256<<20 {
		t.Errorf("%d MiB of replies were made for a client that reads none", sent>>20)
	}
	other.want("PING", "PONG")
}

func TestMaxClients(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.MaxClients = 2 })
	a, b := s.dial(t), s.dial(t)
	a.want("PING", "PONG")
	b.want("PING", "PONG")
	c := s.dial(t)
	if got := c.reply(); got != "-ERR max number of clients reached" {
		t.Errorf("the third of two clients was told %v", got)
	}
	c.wantClosed()
	b.Close()
	eventually(t, "there is room for another client", func() bool {
		c := s.dial(t)
		defer c.Close()
		c.send("PING\r\n")
		reply, err := readReply(c.r)
		return err == nil && reply == "PONG"
	})
	a.send("INFO stats\r\n")
	if info := a.reply().(string); strings.Contains(info, "rejected_connections:0\r\n") {
		t.Error("INFO does not count the rejected connection")
	}
}

// TestIdleTimeout: a client that has been silent for longer is closed, one whose command still runs is not.
func TestIdleTimeout(t *testing.T) {
	s := start(t, nil)
	silent := s.dial(t)
	silent.want("CONFIG SET timeout 100", "OK")
	s.waitForInput(t)
	s.tendConns(time.Now().Add(90 * time.Second))
	silent.want("PING", "PONG")
	s.waitForInput(t)
	s.replica.entered, s.replica.hold = make(chan struct{}), make(chan struct{})
	busy := s.dial(t)
	busy.send("GET k\r\n")
	<-s.replica.entered
	s.tendConns(time.Now().Add(101 * time.Second))
	silent.wantClosed()
	s.replica.hold <- struct{}{}
	if got := busy.reply(); got != nil {
		t.Errorf("GET replied %v", got)
	}
}

// waitForInput waits until every connection waits for its client.
func (s *testServer) waitForInput(t *testing.T) {
	t.Helper()
	eventually(t, "all connections wait for input", func() bool {
		for _, c := range s.clients.all() {
			if !c.waiting.Load() {
				return false
			}
		}
		return true
	})
}

// TestIdleConnectionsGiveBuffersBack: after some silence a connection holds only a small buffer, and it still
// works.
func TestIdleConnectionsGiveBuffersBack(t *testing.T) {
	s := start(t, nil)
	amid := s.dial(t)
	amid.do("SET", "k", strings.Repeat("x", 100<<10))
	amid.send("*2\r\n$4\r\nECHO\r\n$5\r\nhe")
	idle := s.dial(t)
	idle.do("SET", "k", strings.Repeat("x", 100<<10))
	s.waitForInput(t)
	s.tendConns(time.Now().Add(idleAfter + time.Second))
	eventually(t, "the buffers are small", func() bool {
		for _, c := range s.clients.all() {
			if c.large.Load() {
				return false
			}
		}
		return true
	})
	if size := s.clients.get(2).inputSize.Load(); size > idleBufferSize {
		t.Errorf("an idle connection keeps an input buffer of %d bytes", size)
	}
	amid.send("llo\r\n")
	if got := amid.reply(); got != "hello" {
		t.Errorf("a command that was begun before the silence replied %v", got)
	}
	idle.want("PING", "PONG")
}

// brokenListener fails some times before it works.
type brokenListener struct {
	net.Listener
	failures int
}

func (l *brokenListener) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: fmt.Errorf("accept4: %w", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

// TestAcceptSurvivesErrors: running out of file descriptors neither ends nor spins the accept loop.
func TestAcceptSurvivesErrors(t *testing.T) {
	begin := time.Now()
	s := start(t, func(o *Options) {
		o.Listeners[0].Listener = &brokenListener{o.Listeners[0].Listener, 4}
	})
	s.dial(t).want("PING", "PONG")
	// 5, 10, 20 and 40 ms.
	if took := time.Since(begin); took < 70*time.Millisecond {
		t.Errorf("four failures were tried again within %v", took)
	}
	if n := strings.Count(s.log.String(), "cannot accept"); n != 1 {
		t.Errorf("%d log lines for a run of failures, want 1", n)
	}
}

// TestShutdown: a batch that runs gets its replies; a connection that waits ends.
func TestShutdown(t *testing.T) {
	s := start(t, nil)
	waiting := s.dial(t)
	waiting.want("PING", "PONG")
	s.replica.entered, s.replica.hold = make(chan struct{}), make(chan struct{})
	busy := s.dial(t)
	busy.send(encode("SET", "k", "v") + encode("GET", "k"))
	<-s.replica.entered
	go func() {
		waiting.wantClosed()
		s.replica.hold <- struct{}{}
	}()
	s.shutdown(t)
	if set, get := busy.reply(), busy.reply(); set != "OK" || get != "v" {
		t.Errorf("the running batch was answered %v, %v", set, get)
	}
	busy.wantClosed()
	if _, err := net.Dial("tcp", s.addr); err == nil {
		t.Error("a connection was accepted after Shutdown")
	}
}

// TestQuitAmidPipeline: the replies before the end arrive though more was sent after QUIT.
func TestQuitAmidPipeline(t *testing.T) {
	s := start(t, nil)
	s.dial(t).do("SET", "k", strings.Repeat("x", 1<<20))
	c := s.dial(t)
	go io.WriteString(c.Conn, encode("GET", "k")+encode("QUIT")+strings.Repeat(encode("GET", "k"), 20_000))
	if got := c.reply(); got != strings.Repeat("x", 1<<20) {
		t.Errorf("GET replied %.20v", got)
	}
	if got := c.reply(); got != "OK" {
		t.Errorf("QUIT replied %v", got)
	}
	c.wantClosed()
}

func TestShutdownCommand(t *testing.T) {
	asked := make(chan bool, 1)
	s := start(t, func(o *Options) { o.Shutdown = func(save bool) { asked <- save } })
	c := s.dial(t)
	c.send("SET k v\r\nSHUTDOWN SAVE\r\n")
	if got := c.reply(); got != "OK" {
		t.Errorf("SET replied %v", got)
	}
	c.wantClosed()
	if !<-asked {
		t.Error("SAVE was not passed on")
	}
	none := start(t, nil).dial(t)
	none.want("SHUTDOWN", "-ERR SHUTDOWN is not available on this node")
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(newFakeReplica(), Options{}); err == nil {
		t.Error("New took no listener")
	}
	get := func() string { return "" }
	for _, p := range []Parameter{{Name: "maxclients", Get: get}, {Name: "Upper", Get: get}, {Name: "x"}} {
		if _, err := New(newFakeReplica(), Options{Listeners: make([]Listener, 1), Parameters: []Parameter{p}}); err == nil {
			t.Errorf("New took the parameter %q", p.Name)
		}
	}
}

// TestInputGrowth: the buffer's growth costs linear time and stays within twice of what has come.
func TestInputGrowth(t *testing.T) {
	b := &budget{limit: 1 << 30}
	in := input{budget: b}
	total, copied := 0, 0
	source := readerFunc(func(p []byte) (int, error) { return min(len(p), 1000), nil })
	for total < 8<<20 {
		before := len(in.buf)
		n, err := in.fill(source, total+1100, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		if len(in.buf) != before {
			copied += total
		}
		total += n
		if len(in.buf) > max(bufferSize, 2*total+1000) {
			t.Fatalf("a buffer of %d for %d bytes", len(in.buf), total)
		}
	}
	if copied > 4*total {
		t.Errorf("%d bytes were copied for %d that came", copied, total)
	}
	if _, err := in.fill(source, 0, int64(total)); !errors.Is(err, errQueryTooLarge) {
		t.Errorf("at its limit: %v", err)
	}
	in.take(total)
	if _, err := in.fill(source, 0, 1<<30); err != nil || len(in.buf) > pipelineBufferSize {
		t.Errorf("after the large command the buffer has %d bytes (%v)", len(in.buf), err)
	}
	in.release()
	if used := b.used.Load(); used != 0 {
		t.Errorf("%d bytes are still counted", used)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// One name, sent over and over, must not be paid back a thousandfold (P6).
func TestRepeatedNamesDoNotMultiply(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	id := fmt.Sprint(c.do("CLIENT", "ID"))
	for _, line := range [][]string{{"COMMAND", "INFO", "client"}, {"COMMAND", "DOCS", "client"}, {"CLIENT", "LIST", "ID", id}} {
		words := append([]string(nil), line...)
		for range 50_000 {
			words = append(words, line[len(line)-1])
		}
		c.send(encode(words...))
		before := s.clients.all()[0].traffic.outputBytes.Load()
		c.reply()
		if got := s.clients.all()[0].traffic.outputBytes.Load() - before; got > 8<<20 {
			t.Errorf("%s: a command of %d bytes was answered with %d", strings.Join(line, " "), len(encode(words...)), got)
		}
	}
}
