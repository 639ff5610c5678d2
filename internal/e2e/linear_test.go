//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"redoubt/internal/lin"
)

const (
	historyClients = 6
	historyKeys    = 4
	// callsPerKey keeps the history of one key short enough to be searched.
	callsPerKey = 50
)

// historian is one client that writes down what it did and when.
type historian struct {
	id      int
	route   route
	random  *rand.Rand
	start   time.Time
	history []lin.Operation
	fault   error
}

func TestHistoriesAreLinearizable(t *testing.T) {
	for name, flags := range map[string][]string{"read index": nil, "leases": {"--lease-reads=yes"}} {
		t.Run(name, func(t *testing.T) { recordHistory(t, flags...) })
	}
}

// recordHistory has clients read and write while the leader is killed, and later stands still, and judges what they saw. A
// process that stands still has clocks that go on, so leases hold what they promise.
func recordHistory(t *testing.T, flags ...string) {
	t.Helper()
	c := startCluster(t, flags...)
	start := time.Now()
	stop := make(chan struct{})
	var running sync.WaitGroup
	clients := make([]*historian, historyClients)
	for i := range clients {
		h := &historian{
			id:     i,
			route:  route{addresses: c.addresses(), next: i},
			random: rand.New(rand.NewPCG(uint64(i), 1)),
			start:  start,
		}
		clients[i] = h
		running.Go(func() { h.run(stop) })
	}
	during(warmUp)
	killed := c.leader()
	killed.kill(t)
	c.waitReady()
	during(warmUp)
	killed.start(t)
	c.waitReady()
	paused := c.leader()
	paused.pause(t)
	c.leader()
	during(warmUp)
	paused.resume(t)
	during(warmUp)
	close(stop)
	running.Wait()

	var history []lin.Operation
	for _, h := range clients {
		if h.fault != nil {
			t.Errorf("client %d: %v", h.id, h.fault)
		}
		history = append(history, h.history...)
	}
	expectLinearizable(t, history)
}

// expectLinearizable fails unless some order of the operations explains what the clients saw (P2).
func expectLinearizable(t *testing.T, history []lin.Operation) {
	t.Helper()
	report, err := lin.Check(history, lin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations, %d of unknown outcome: %s", report.Operations, report.Unknown, report.Verdict)
	if report.Verdict != lin.OK {
		t.Errorf("P2: %s\n%s", report.Verdict, report.Explanation)
	}
}

// run makes calls until stop is closed.
func (h *historian) run(stop <-chan struct{}) {
	defer h.route.leave()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
		}
		h.call(n)
	}
}

func (h *historian) call(n int) {
	words := h.draw(n, 6)
	if c, err := h.route.connection(); err == nil && !h.record(c, words) {
		h.route.leave()
	}
}

// draw returns the nth command: in so many of ten cases a write, else a read.
func (h *historian) draw(n, writes int) command {
	key := fmt.Sprintf("register:%d:%d", n/callsPerKey, h.random.IntN(historyKeys))
	draw := h.random.IntN(10)
	if draw >= writes {
		return command{"GET", key}
	}
	// Mostly appended to, so that a read tells a lot; set now and then, so that values stay short.
	words := command{"APPEND", key, fmt.Sprintf("%d.%d;", h.id, n)}
	if draw == 0 {
		words[0] = "SET"
	}
	return words
}

// record runs a command and writes down what came of it. It reports whether the connection may be used further.
func (h *historian) record(c *conn, words command) (usable bool) {
	op := lin.Operation{Client: h.id, Words: words, Call: time.Since(h.start).Nanoseconds(), Outcome: lin.Unknown}
	answer, err := c.do(roundTimeout, words...)
	op.Return = time.Since(h.start).Nanoseconds()
	if err == nil {
		outcome, ok := fateOf(answer)
		if !ok && h.fault == nil {
			h.fault = errors.New(answer.text)
		}
		op.Outcome, op.Reply = outcomes[outcome], seen(answer)
		h.route.heed(answer)
	}
	h.history = append(h.history, op)
	return err == nil
}

// outcomes puts fates into the checker's terms.
var outcomes = [...]lin.Outcome{done: lin.Done, notDone: lin.NotDone, unknown: lin.Unknown}

// seen puts a reply into the checker's terms.
func seen(r reply) lin.Reply {
	switch {
	case r.isError():
		return lin.Error(r.text)
	case r.null:
		return lin.Null()
	case r.kind == ':':
		return lin.Int(r.number)
	}
	return lin.Text(r.text)
}
