package resp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redoubt/fsm"
)

// fakeReplica is a Backend straight on a state machine: a cluster of three as its leader sees it.
type fakeReplica struct {
	mu      sync.Mutex
	machine *fsm.Machine
	index   uint64
	status  Status
	// batches counts calls of Execute; ops are the numbers of commands they were given.
	batches atomic.Int64
	ops     []int
	// readOnly and linearizable tell the same of the fields of Batch.
	readOnly, linearizable []bool
	// largest is the size of the largest buffer of replies that a batch has had, in bytes.
	largest int
	// stopAt makes Execute return early when the replies are longer.
	stopAt int
	// hold, if set, is received from before each batch runs; entered is sent to first.
	entered, hold chan struct{}
	// change and transfer answer the methods of those names.
	change   func(context.Context, MemberChange) (uint64, error)
	transfer func(context.Context, uint64) error
	// snapshot answers BeginSnapshot.
	snapshot func(schedule bool) (started bool, err error)
	// waitReplicas, if set, is called by WaitReplicas first.
	waitReplicas func(cancel <-chan struct{})
}

func newFakeReplica() *fakeReplica {
	return &fakeReplica{
		machine: fsm.New(),
		stopAt:  1 << 20,
		status: Status{
			ClusterID: "test", NodeID: 1, Role: "leader", Term: 7, LeaderID: 1,
			CommitIndex: 40, AppliedIndex: 39, LastIndex: 41, SnapshotIndex: 20, LastSnapshotOK: true,
			Members: []Member{
				{ID: 1, Peer: "10.0.0.1:7000", Clients: []string{"127.0.0.1:6379", "one:6379"}, Role: Voter, Connected: true},
				{ID: 2, Peer: "10.0.0.2:7000", Clients: []string{"127.0.0.1:6380", "two:6379"}, Role: Voter, Connected: true, MatchIndex: 38},
				{ID: 3, Peer: "10.0.0.3:7000", Clients: nil, Role: Voter},
			},
		},
	}
}

func (f *fakeReplica) Execute(b *Batch) int {
	f.batches.Add(1)
	f.mu.Lock()
	f.ops = append(f.ops, len(b.Ops))
	f.readOnly = append(f.readOnly, b.ReadOnly)
	f.linearizable = append(f.linearizable, b.Linearizable)
	f.mu.Unlock()
	if f.hold != nil {
		f.entered <- struct{}{}
		<-f.hold
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index++
	f.machine.Advance(f.index, time.Now().UnixMilli())
	defer func() { f.largest = max(f.largest, cap(b.Reply.Buf)) }()
	for i, op := range b.Ops {
		switch {
		case op.Command == nil:
			b.Reply.Raw(op.Literal)
		case op.Command.Writes():
			f.machine.ApplyOnce(op.Session, op.Sequence, op.Args, &b.Reply)
		default:
			f.machine.Read(0, op.Args, &b.Reply)
		}
		if len(b.Reply.Buf) >= f.stopAt {
			return i + 1
		}
	}
	return len(b.Ops)
}

// total returns the number of commands that Execute was given.
func (f *fakeReplica) total() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, ops := range f.ops {
		n += ops
	}
	return n
}

func (f *fakeReplica) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.Keys = f.machine.Stats().Keys
	return s
}

func (f *fakeReplica) WaitReplicas(n int, timeout time.Duration, cancel <-chan struct{}) int {
	if f.waitReplicas != nil {
		f.waitReplicas(cancel)
	}
	return min(n, 2)
}

func (f *fakeReplica) ChangeMembership(ctx context.Context, change MemberChange) (uint64, error) {
	return f.change(ctx, change)
}

func (f *fakeReplica) TransferLeadership(ctx context.Context, to uint64) error {
	return f.transfer(ctx, to)
}

func (f *fakeReplica) BeginSnapshot(schedule bool) (started bool, err error) {
	return f.snapshot(schedule)
}

func (f *fakeReplica) CountKeysInSlot(slot int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.machine.CountKeysInSlot(slot)
}

func (f *fakeReplica) KeysInSlot(slot, limit int, w *fsm.Writer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.machine.KeysInSlot(slot, limit, w)
	f.largest = max(f.largest, cap(w.Buf))
}

// testServer is a server on loopback with a fake replica behind it.
type testServer struct {
	*Server
	replica *fakeReplica
	addr    string
	log     *syncBuffer
}

// syncBuffer is a log that tests can look at.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start runs a server for the time of the test. It must end without losing track of memory.
func start(t testing.TB, change func(*Options)) *testServer {
	t.Helper()
	return startWith(t, change, func(r *fakeReplica) Backend {
		if onReactors {
			return asStarter{r}
		}
		return r
	})
}

// startWith is start with a backend made of the fake replica.
func startWith(t testing.TB, change func(*Options), backend func(*fakeReplica) Backend) *testServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := &syncBuffer{}
	opts := Options{
		Listeners: []Listener{{Listener: l, Name: "main", Announce: "127.0.0.1:6379"}},
		Logger:    slog.New(slog.NewTextHandler(log, nil)),
		Version:   "0.1-test",
	}
	if change != nil {
		change(&opts)
	}
	replica := newFakeReplica()
	s, err := New(backend(replica), opts)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		s.clients.running.Wait()
		if used := s.buffers.used.Load(); used != 0 {
			t.Errorf("after the last connection ended, %d bytes of buffers are still counted", used)
		}
	})
	return &testServer{Server: s, replica: replica, addr: l.Addr().String(), log: log}
}

// client is a bare connection.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (s *testServer) dial(t testing.TB) *client {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	return &client{t, nc, bufio.NewReader(nc)}
}

// send writes raw bytes.
func (c *client) send(data string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, data); err != nil {
		c.t.Fatalf("send %.60q: %v", data, err)
	}
}

// reply reads one reply and returns it as Go values: string for simple and bulk, error text with its "-",
// int64, []any, map as []any, nil.
func (c *client) reply() any {
	c.t.Helper()
	v, err := readReply(c.r)
	if err != nil {
		c.t.Fatalf("read a reply: %v", err)
	}
	return v
}

// do runs one command and returns its reply.
func (c *client) do(words ...string) any {
	c.t.Helper()
	c.send(encode(words...))
	return c.reply()
}

// want runs an inline command and compares its reply, printed with %v.
func (c *client) want(command, want string) {
	c.t.Helper()
	c.send(command + "\r\n")
	if got := fmt.Sprint(c.reply()); got != want {
		c.t.Errorf("%s: replied %q, want %q", command, got, want)
	}
}

// wantClosed requires that the server has closed the connection, with nothing more to read.
func (c *client) wantClosed() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.t.Errorf("connection: %q, %v; want it closed in good order", rest, err)
	}
}

func encode(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
	}
	return b.String()
}

func readReply(r *bufio.Reader) (any, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	kind, text := line[0], strings.TrimSuffix(line[1:], "\r\n")
	n, _ := strconv.ParseInt(text, 10, 64)
	switch kind {
	case '+':
		return text, nil
	case '-':
		return "-" + text, nil
	case ':':
		return n, nil
	case '_':
		return nil, nil
	case '$', '=':
		if n < 0 {
			return nil, nil
		}
		data := make([]byte, n+2)
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, err
		}
		if kind == '=' {
			data = data[4:]
		}
		return string(data[:len(data)-2]), nil
	case '*', '~', '%', '>':
		if n < 0 {
			return nil, nil
		}
		if kind == '%' {
			n *= 2
		}
		list := make([]any, 0, min(n, 1<<16))
		for range n {
			v, err := readReply(r)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	return nil, fmt.Errorf("reply begins with %q", line)
}

// shutdown stops the server in good order.
func (s *testServer) shutdown(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
