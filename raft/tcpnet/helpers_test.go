package tcpnet_test

import (
	"bytes"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/raft/tcpnet"
)

var _ raft.MembershipNetwork = (*tcpnet.Network)(nil)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// within polls until done, which must happen within patience.
func within(t *testing.T, promise string, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, promise)
		}
	}
}

// next returns the next value of a channel, which must come within patience.
func next[T any](t *testing.T, promise string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("not within %v: %s", patience, promise)
		panic("unreachable")
	}
}

// logBuffer collects log lines from several goroutines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// options are those of node self, with short times.
func options(t testing.TB, self core.NodeID) tcpnet.Options {
	return tcpnet.Options{
		Self: self, ClusterID: "test", Listener: listen(t),
		BackoffMin: time.Millisecond, BackoffMax: 20 * time.Millisecond,
	}
}

// start makes and starts a network that is closed with the test. What it receives goes to the channel.
func start(t testing.TB, o tcpnet.Options) (*tcpnet.Network, <-chan core.Message) {
	t.Helper()
	n, err := tcpnet.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	received := make(chan core.Message, 1<<12)
	if err := n.Start(func(m core.Message, _ uint64) { received <- m }); err != nil {
		t.Fatal(err)
	}
	return n, received
}

// pair starts nodes 1 and 2, connected both ways.
func pair(t *testing.T) (one, two *tcpnet.Network, toOne, toTwo <-chan core.Message) {
	t.Helper()
	one, toOne = start(t, options(t, 1))
	two, toTwo = start(t, options(t, 2))
	one.SetPeers(map[core.NodeID]string{2: two.Addr().String()})
	two.SetPeers(map[core.NodeID]string{1: one.Addr().String()})
	within(t, "both nodes connect", func() bool { return one.Connected(2) && two.Connected(1) })
	return one, two, toOne, toTwo
}

func heartbeat(from, to core.NodeID, round uint64) core.Message {
	return core.HeartbeatRequest{Envelope: core.Envelope{From: from, To: to, Term: 1}, Round: round}
}

// noGoroutinesLeft registers a check, after all other cleanups, that the test's goroutines have ended.
func noGoroutinesLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		within(t, "every goroutine ends with Close", func() bool { return runtime.NumGoroutine() <= before })
	})
}
