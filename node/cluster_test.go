package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redoubt/internal/freeport"
	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// patience is how long a test waits for what must happen soon, on a busy machine.
const patience = 20 * time.Second

// TestMain keeps the client library quiet about nodes that a test has stopped.
func TestMain(m *testing.M) {
	redis.SetLogger(quiet{})
	os.Exit(m.Run())
}

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// testCluster runs whole nodes in this process: real sockets, simulated disks, clocks that a test can turn.
type testCluster struct {
	t     testing.TB
	nodes []*testNode
	// adjust changes each node's options before its start.
	adjust func(*Options)
}

type testNode struct {
	cluster      *testCluster
	id           raft.NodeID
	client, peer string // addresses
	disk         *vfs.Mem
	clock        *testClock
	node         *Node // nil while it is down
	dial         *redis.Client
}

// testClock is the machine's clock plus an offset that a test can change.
type testClock struct {
	raft.Clock
	mono, wall atomic.Int64
}

func (c *testClock) Mono() int64 { return c.Clock.Mono() + c.mono.Load() }
func (c *testClock) Wall() int64 { return c.Clock.Wall() + c.wall.Load() }

// startCluster starts nodes that form one cluster.
func startCluster(t testing.TB, size int, adjust func(*Options)) *testCluster {
	t.Helper()
	c := &testCluster{t: t, adjust: adjust}
	for id := 1; id <= size; id++ {
		c.nodes = append(c.nodes, newTestNode(c, raft.NodeID(id)))
	}
	t.Cleanup(c.stop)
	for _, n := range c.nodes {
		n.start()
	}
	return c
}

func newTestNode(c *testCluster, id raft.NodeID) *testNode {
	ports := freeport.ForTest(c.t, 2)
	n := &testNode{
		cluster: c, id: id, disk: vfs.NewMem(),
		clock:  &testClock{Clock: raft.NewClock()},
		client: freeport.Loopback(ports[0]), peer: freeport.Loopback(ports[1]),
	}
	n.dial = redis.NewClient(&redis.Options{Addr: n.client, MaxRetries: -1, DialerRetries: 1, ReadTimeout: patience, Protocol: 2, ContextTimeoutEnabled: true})
	return n
}

func (c *testCluster) stop() {
	for _, n := range c.nodes {
		if n.node != nil {
			n.stop()
		}
		if err := n.dial.Close(); err != nil {
			c.t.Error(err)
		}
	}
}

func (c *testCluster) peers() []raft.Peer {
	var peers []raft.Peer
	for _, n := range c.nodes {
		peers = append(peers, raft.Peer{ID: n.id, Address: n.peer})
	}
	return peers
}

func (n *testNode) start() {
	t := n.cluster.t
	t.Helper()
	o := Options{
		ID: n.id, ClusterID: "test", FS: n.disk, Dir: "/data", Peers: n.cluster.peers(),
		Heartbeat: 50 * time.Millisecond, Election: 500 * time.Millisecond,
		MaxEntryBytes: 1 << 20, SegmentBytes: 256 << 10,
		SnapshotLogBytes: 1 << 30, SnapshotLogEntries: 1 << 30,
		Clock: n.clock, Logger: slog.New(slog.DiscardHandler),
	}
	if n.cluster.adjust != nil {
		n.cluster.adjust(&o)
	}
	o.RESP.Listeners = []resp.Listener{{Listener: listen(t, n.client), Name: "test", Announce: n.client}}
	o.RESP.Logger = o.Logger
	if len(o.Peers) > 1 {
		o.PeerListener = listen(t, n.peer)
	}
	var err error
	if n.node, err = Start(o); err != nil {
		t.Fatalf("node %d: %v", n.id, err)
	}
}

// listen takes an address that may be in use a moment longer by the node's former life.
func listen(t testing.TB, address string) net.Listener {
	t.Helper()
	var l net.Listener
	eventually(t, "the address "+address+" is free", func() bool {
		var err error
		l, err = net.Listen("tcp", address)
		return err == nil
	})
	return l
}

// stop ends the node in good order, but without handing over.
func (n *testNode) stop() {
	n.cluster.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := errors.Join(n.node.front.Shutdown(ctx))
	n.node.stopRaft()
	_ = n.node.replica.Close() // a test may have broken its disk
	n.node = nil
	if err != nil {
		n.cluster.t.Errorf("node %d: %v", n.id, err)
	}
}

// crash ends the node as a power cut would: from one instant on nothing reaches its disk, and what was not synced is
// lost.
func (n *testNode) crash() {
	n.cluster.t.Helper()
	n.disk.SetFault(func(vfs.Op) error { return errors.New("the power is out") })
	survivor := n.disk.CrashClone(vfs.CrashOptions{})
	n.stop()
	n.disk = survivor
}

// eventually waits until holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for limit := time.Now().Add(patience); !holds(); <-ticker.C {
		if time.Now().After(limit) {
			t.Fatalf("did not happen within %v: %s", patience, what)
		}
	}
}

// leader waits for a leader that serves and returns it.
func (c *testCluster) leader() *testNode {
	c.t.Helper()
	var leader *testNode
	eventually(c.t, "a leader serves", func() bool {
		for _, n := range c.nodes {
			if n.node != nil && n.node.raft.Standing().Role == core.Leader && n.do("EXISTS", "x").err == nil {
				leader = n
				return true
			}
		}
		return false
	})
	return leader
}

// others returns the running nodes but one.
func (c *testCluster) others(but *testNode) []*testNode {
	var rest []*testNode
	for _, n := range c.nodes {
		if n != but && n.node != nil {
			rest = append(rest, n)
		}
	}
	return rest
}

type reply struct {
	value any
	err   error
}

// do sends one command to this node.
func (n *testNode) do(words ...any) reply {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	value, err := n.dial.Do(ctx, words...).Result()
	if errors.Is(err, redis.Nil) {
		return reply{}
	}
	return reply{value, err}
}

// expect sends a command and compares the reply, in fmt's default form.
func (n *testNode) expect(want string, words ...any) {
	n.cluster.t.Helper()
	got := n.do(words...)
	if got.err != nil || fmt.Sprint(got.value) != want {
		n.cluster.t.Fatalf("node %d: %v answered %v, %v; want %s", n.id, words, got.value, got.err, want)
	}
}

// outgrow has a leader write until its log no longer reaches back to an index.
func (n *testNode) outgrow(index uint64) {
	n.cluster.t.Helper()
	eventually(n.cluster.t, "the log does not reach back", func() bool {
		for range 50 {
			if got := n.do("APPEND", "k", "0123456789abcdef"); got.err != nil {
				n.cluster.t.Fatalf("node %d: APPEND answered %v", n.id, got.err)
			}
		}
		return n.node.replica.FirstIndex() > index+1
	})
}

// settle waits until all running nodes have applied the same index, and returns it.
func (c *testCluster) settle() (index uint64) {
	c.t.Helper()
	eventually(c.t, "all nodes have applied the same", func() bool {
		leader := c.leader()
		index = leader.node.replica.Index()
		for _, n := range c.others(nil) {
			if n.node.replica.Index() != index {
				return false
			}
		}
		return leader.node.replica.Index() == index
	})
	return index
}

// appender appends unique tokens to one key through whichever node leads, and remembers what it was told.
type appender struct {
	key                   string
	acknowledged, unknown []string
	crossed               error
	// For those who watch: how many were acknowledged, and whether there will be no more.
	served atomic.Int64
	ended  atomic.Bool
}

func (a *appender) acknowledge(token string) {
	a.acknowledged = append(a.acknowledged, token)
	a.served.Add(1)
}

// served waits until each has had so many more of its writes acknowledged.
func served(t testing.TB, more int64, load ...*appender) {
	t.Helper()
	before := make([]int64, len(load))
	for i, a := range load {
		before[i] = a.served.Load()
	}
	eventually(t, fmt.Sprintf("each client is served %d times more", more), func() bool {
		for i, a := range load {
			if a.ended.Load() {
				t.Errorf("%s: its client has given up", a.key)
				return true
			}
			if a.served.Load() < before[i]+more {
				return false
			}
		}
		return true
	})
}

// run appends until ctx ends.
func (a *appender) run(ctx context.Context, clients []*redis.Client) {
	for i, at := 0, 0; ctx.Err() == nil; i++ {
		token := fmt.Sprintf("<%s:%d>", a.key, i)
		// The second reply must be that of the same pipeline: it echoes the token.
		pipe := clients[at].Pipeline()
		pipe.Append(ctx, a.key, token)
		echo := pipe.Echo(ctx, token)
		_, err := pipe.Exec(ctx)
		switch {
		case err == nil:
			if echo.Val() != token {
				a.crossed = fmt.Errorf("asked to echo %s, got %s", token, echo.Val())
			}
			a.acknowledge(token)
		case certainlyNotDone(err):
			at = (at + 1) % len(clients)
			<-time.After(2 * time.Millisecond) // not to keep a processor from those who elect
		default:
			a.unknown = append(a.unknown, token)
			at = (at + 1) % len(clients)
		}
	}
}

func certainlyNotDone(err error) bool {
	for _, code := range []string{"MOVED", "CLUSTERDOWN", "TRYAGAIN"} {
		if strings.HasPrefix(err.Error(), code) {
			return true
		}
	}
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "dial"
}

// check compares what the key holds with what the appender was told.
func (a *appender) check(value string) error {
	if a.crossed != nil {
		return a.crossed
	}
	there := make(map[string]int)
	for token := range strings.SplitAfterSeq(value, ">") {
		there[token]++
	}
	for _, token := range a.acknowledged {
		if n := there[token]; n != 1 {
			return fmt.Errorf("acknowledged %s is there %d times, want once (P1)", token, n)
		}
	}
	for _, token := range a.unknown {
		if n := there[token]; n > 1 {
			return fmt.Errorf("unknown %s is there %d times, want at most once", token, n)
		}
	}
	if got, most := strings.Count(value, "<"), len(a.acknowledged)+len(a.unknown); got > most {
		return fmt.Errorf("%d tokens are there, only %d may be: one that was answered \"not done\" was done (P3)", got, most)
	}
	return nil
}

// underLoad runs appenders while disturb works, and returns them.
func (c *testCluster) underLoad(appenders int, disturb func(load []*appender)) []*appender {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel() // also where disturb ends the test
	all := make([]*appender, appenders)
	for i := range all {
		all[i] = &appender{key: fmt.Sprint("load", i)}
		var clients []*redis.Client
		for _, n := range c.nodes {
			client := redis.NewClient(&redis.Options{
				Addr: n.client, MaxRetries: -1, DialerRetries: 1, ReadTimeout: patience,
				// After as many failures to connect as the pool is large, go-redis makes no attempt for a second.
				PoolSize: 10_000, PipelinePoolSize: -1,
			})
			clients = append(clients, client)
		}
		running.Go(func() {
			all[i].run(ctx, clients)
			for _, client := range clients {
				_ = client.Close()
			}
		})
	}
	disturb(all)
	return all
}

// verify compares what the leader holds with what each appender was told.
func (c *testCluster) verify(load []*appender) {
	c.t.Helper()
	leader := c.leader()
	for _, a := range load {
		value, _ := leader.do("GET", a.key).value.(string)
		if err := a.check(value); err != nil {
			c.t.Errorf("%s: %v", a.key, err)
		}
	}
}
