//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// obedient is a client that does nothing about a failure but follow MOVED. It keeps its connection to the leader.
type obedient struct {
	id       int
	conn     *conn
	moved    int
	served   int
	failures []string
}

const (
	obedients = 8
	// movesMax is how often one command may be redirected.
	movesMax = 5
)

// run sets and reads a counter of its own until stop is closed.
func (o *obedient) run(stop <-chan struct{}) {
	defer func() { o.conn.close() }()
	key := fmt.Sprintf("rolling:raw:%d", o.id)
	for n := 1; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
		}
		if answer, err := o.do("INCR", key); err != nil || answer.number != int64(n) {
			o.fail("INCR %s, the %dth time: %v, %v", key, n, answer, err)
			return
		}
		if answer, err := o.do("GET", key); err != nil || answer.text != fmt.Sprint(n) {
			o.fail("GET %s after %d INCRs: %v, %v", key, n, answer, err)
			return
		}
		o.served += 2
	}
}

// do runs a command and follows its redirects.
func (o *obedient) do(words ...string) (reply, error) {
	for range movesMax {
		answer, err := o.conn.do(readLimit, words...)
		if err != nil || answer.code() != "MOVED" {
			if err == nil && answer.isError() {
				err = replyError(answer)
			}
			return answer, err
		}
		o.moved++
		o.conn.close()
		address := answer.text[strings.LastIndexByte(answer.text, ' ')+1:]
		c, err := dial(address)
		if err != nil {
			return reply{}, fmt.Errorf("following %s: %w", answer.text, err)
		}
		o.conn = c
	}
	return reply{}, fmt.Errorf("redirected %d times", movesMax)
}

func (o *obedient) fail(format string, args ...any) {
	o.failures = append(o.failures, fmt.Sprintf("client %d: ", o.id)+fmt.Sprintf(format, args...))
}

// library is a go-redis ClusterClient in use. What it retries by itself is no failure; what it returns is.
type library struct {
	client   *redis.ClusterClient
	served   int
	failures []string
}

func (l *library) run(t *testing.T, id int, stop <-chan struct{}) {
	key := fmt.Sprintf("rolling:library:%d", id)
	for n := 1; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
		}
		// Not INCR: the library repeats what met a closed connection, and a repetition counts twice.
		if err := l.client.Set(t.Context(), key, n, 0).Err(); err != nil {
			l.failures = append(l.failures, fmt.Sprintf("go-redis: SET %s %d: %v", key, n, err))
			return
		}
		if value, err := l.client.Get(t.Context(), key).Int(); err != nil || value != n {
			l.failures = append(l.failures, fmt.Sprintf("go-redis: GET %s: %d, %v; acknowledged: %d", key, value, err, n))
			return
		}
		l.served += 2
	}
}

// A planned stop costs no client a request: each node in turn gets SIGTERM and starts again.
func TestARollingRestartFailsNoRequest(t *testing.T) {
	c := startCluster(t)
	stop := make(chan struct{})
	var running sync.WaitGroup
	var raws []*obedient
	for id := range obedients {
		conn, err := dial(c.leader().client)
		if err != nil {
			t.Fatal(err)
		}
		raws = append(raws, &obedient{id: id, conn: conn})
		running.Go(func() { raws[id].run(stop) })
	}
	var libraries []*library
	for id := range 2 {
		client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.addresses(), ClusterStateReloadInterval: time.Second})
		defer client.Close()
		libraries = append(libraries, &library{client: client})
		running.Go(func() { libraries[id].run(t, id, stop) })
	}
	// The leader first, then the others; whoever leads by then hands over once more.
	first := c.leader()
	order := append([]*process{first}, slices.DeleteFunc(slices.Clone(c.nodes), func(n *process) bool { return n == first })...)
	order = append(order, nil)
	for _, n := range order {
		during(warmUp)
		if n == nil {
			n = c.leader()
		}
		if code := n.stop(t); code != 0 {
			t.Errorf("node %d, SIGTERM: exit code %d, promised: 0", n.id, code)
		}
		n.start(t)
		c.waitReady()
		c.waitCaughtUp()
	}
	during(warmUp)
	close(stop)
	running.Wait()
	served, moved := 0, 0
	for _, o := range raws {
		served, moved = served+o.served, moved+o.moved
		for _, failure := range o.failures {
			t.Error(failure)
		}
	}
	for _, l := range libraries {
		served += l.served
		for _, failure := range l.failures {
			t.Error(failure)
		}
	}
	t.Logf("%d requests served over %d planned stops; the raw clients followed %d redirects", served, len(order), moved)
	if moved < len(raws) {
		t.Errorf("%d redirects for %d clients: leadership did not move", moved, len(raws))
	}
}
