package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redoubt/clerk"
	"redoubt/internal/lin"
)

const (
	// callsPerKey keeps the history of one key short enough to be searched.
	callsPerKey = 100
	// maxCalls bounds the history. Load goes on without it.
	maxCalls = 6000
)

// historian uses a clerk and writes down what it did.
type historian struct {
	id     int
	clerk  *clerk.Clerk
	random *rand.Rand
	start  time.Time
	calls  *atomic.Int64 // of all historians
	// curious: its last call was an APPEND, whose reply tells nothing, so that its next one is a GET. The orders of
	// many appends that nobody reads are too many to be searched.
	curious bool
	// history are the calls on shared keys, log those on a key of its own.
	history []lin.Operation
	log     appender
	fault   error
}

// run makes calls until stop is closed.
func (h *historian) run(stop <-chan struct{}) {
	defer h.log.ended.Store(true)
	for n := 0; h.fault == nil; n++ {
		select {
		case <-stop:
			return
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if n%4 == 0 || h.calls.Load() >= maxCalls {
			h.appendToLog(ctx, n)
		} else {
			h.callRegister(ctx, n)
		}
		cancel()
	}
}

func (h *historian) appendToLog(ctx context.Context, n int) {
	token := fmt.Sprintf("<%d:%d>", h.id, n)
	switch err := h.clerk.Append(ctx, h.log.key, token); {
	case err == nil:
		h.log.acknowledge(token)
	case errors.Is(err, clerk.ErrUncertain):
		h.log.unknown = append(h.log.unknown, token)
	default:
		h.fault = err
	}
}

func (h *historian) callRegister(ctx context.Context, n int) {
	key, value := fmt.Sprint("register:", h.calls.Add(1)/callsPerKey), fmt.Sprintf("<%d.%d>", h.id, n)
	op := lin.Operation{Client: h.id, Call: time.Since(h.start).Nanoseconds()}
	var err error
	switch draw := h.random.IntN(10); {
	case draw < 2 || h.curious:
		h.curious = false
		op.Words = []string{"GET", key}
		value, found, failure := h.clerk.Get(ctx, key)
		if err = failure; found {
			op.Reply = lin.Text(value)
		}
	case draw < 3:
		op.Words, op.Reply = []string{"SET", key, value}, lin.Text("OK")
		err = h.clerk.Put(ctx, key, value)
	default:
		h.curious = true
		op.Words, op.Unread = []string{"APPEND", key, value}, true
		err = h.clerk.Append(ctx, key, value)
	}
	op.Return = time.Since(h.start).Nanoseconds()
	if errors.Is(err, clerk.ErrUncertain) {
		op.Outcome = lin.Unknown
	} else if err != nil {
		h.fault = err
		return
	}
	h.history = append(h.history, op)
}

func TestP2ClerksSeeOneHistoryOverLeaderCrashes(t *testing.T) {
	c := startCluster(t, 3, func(o *Options) { o.SnapshotLogEntries = 300 })
	c.leader()
	historians := startHistorians(t, c, 5)
	stop := make(chan struct{})
	var running sync.WaitGroup
	end := sync.OnceFunc(func() {
		close(stop)
		running.Wait()
	})
	defer end() // also where the test fails
	for _, h := range historians {
		running.Go(func() { h.run(stop) })
	}
	var logs []*appender
	for _, h := range historians {
		logs = append(logs, &h.log)
	}
	for range 3 {
		served(t, enough, logs...)
		lost := c.leader()
		lost.crash()
		c.leader()
		lost.start()
	}
	served(t, enough, logs...)
	end()

	leader := c.leader()
	var history []lin.Operation
	for _, h := range historians {
		if h.fault != nil {
			t.Errorf("clerk %d: %v", h.id, h.fault)
		}
		value, _ := leader.do("GET", h.log.key).value.(string)
		if err := h.log.check(value); err != nil {
			t.Errorf("clerk %d: %v", h.id, err)
		}
		if inOrder := strings.Join(h.log.acknowledged, ""); len(h.log.unknown) == 0 && value != inOrder {
			t.Errorf("clerk %d: one client's appends are not in its order", h.id)
		}
		history = append(history, h.history...)
	}
	report, err := lin.Check(history, lin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d calls on registers, %d of unknown outcome: %s", report.Operations, report.Unknown, report.Verdict)
	if report.Verdict != lin.OK {
		t.Errorf("P2: %s\n%s", report.Verdict, report.Explanation)
	}
}

// startHistorians gives each its own clerk of the cluster.
func startHistorians(t *testing.T, c *testCluster, count int) []*historian {
	t.Helper()
	var addresses []string
	for _, n := range c.nodes {
		addresses = append(addresses, n.client)
	}
	start, calls := time.Now(), new(atomic.Int64)
	historians := make([]*historian, count)
	for i := range historians {
		k, err := clerk.New(addresses, clerk.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = k.Close() })
		historians[i] = &historian{
			id: i, clerk: k, random: rand.New(rand.NewPCG(uint64(i), 1)), start: start, calls: calls,
			log: appender{key: fmt.Sprint("log:", i)},
		}
	}
	return historians
}
