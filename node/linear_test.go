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

	"github.com/anishathalye/porcupine"

	"redoubt/clerk"
)

// call is what a clerk asked of one key, and outcome what it was told.
type (
	call struct {
		key, verb, value string
		// placed: a read shows this append, and behind what.
		placed bool
		behind string
	}
	outcome struct {
		known bool
		value string
	}
)

// register is a key on which Put, Append and Get act at one instant each. See explain for writes of unknown
// outcome.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		byKey := make(map[string][]porcupine.Operation)
		for _, op := range history {
			key := op.Input.(call).key
			byKey[key] = append(byKey[key], op)
		}
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		value, asked := state.(string), input.(call)
		switch asked.verb {
		case "put":
			return true, asked.value
		case "append":
			return !asked.placed || asked.behind == value, value + asked.value
		default:
			return output.(outcome).value == value, value
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprint(input, " -> ", output) },
}

const (
	// callsPerKey keeps the history of one key short enough to be searched.
	callsPerKey = 100
	// maxCalls bounds the history. Load goes on without it.
	maxCalls = 6000
	// searchLimit bounds the search. A search that does not end shows nothing, and fails.
	searchLimit = 10 * time.Second
)

// historian uses a clerk and writes down what it did.
type historian struct {
	id     int
	clerk  *clerk.Clerk
	random *rand.Rand
	start  time.Time
	calls  *atomic.Int64 // of all historians
	// history are the calls on shared keys, log those on a key of its own.
	history []porcupine.Operation
	log     appender
	fault   error
}

// run makes calls until stop is closed.
func (h *historian) run(stop <-chan struct{}) {
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
		h.log.acknowledged = append(h.log.acknowledged, token)
	case errors.Is(err, clerk.ErrUncertain):
		h.log.unknown = append(h.log.unknown, token)
	default:
		h.fault = err
	}
}

func (h *historian) callRegister(ctx context.Context, n int) {
	asked := call{key: fmt.Sprint("register:", h.calls.Add(1)/callsPerKey), verb: "get", value: fmt.Sprintf("<%d.%d>", h.id, n)}
	answer := outcome{known: true}
	begin := time.Since(h.start)
	var err error
	switch draw := h.random.IntN(10); {
	case draw < 4:
		asked.value = ""
		answer.value, _, err = h.clerk.Get(ctx, asked.key)
	case draw < 5:
		asked.verb = "put"
		err = h.clerk.Put(ctx, asked.key, asked.value)
	default:
		asked.verb = "append"
		err = h.clerk.Append(ctx, asked.key, asked.value)
	}
	end := time.Since(h.start).Nanoseconds()
	switch {
	case errors.Is(err, clerk.ErrUncertain):
		answer.known = false
	case err != nil:
		h.fault = err
		return
	}
	h.history = append(h.history, porcupine.Operation{
		ClientId: h.id, Input: asked, Output: answer, Call: begin.Nanoseconds(), Return: end,
	})
}

// explain adds what reads tell of writes, so that the search is short. Values are unique, and a read shows all that
// acted since the last Put. So a read that shows an append shows what it was appended to. A write of unknown outcome
// had acted when the first read that shows it ended; one that no read shows may as well never have acted.
func explain(history []porcupine.Operation) (explained []porcupine.Operation) {
	reads := make(map[string][]porcupine.Operation)
	for _, op := range history {
		if asked := op.Input.(call); asked.verb == "get" {
			reads[asked.key] = append(reads[asked.key], op)
		}
	}
	for _, op := range history {
		asked, known := op.Input.(call), op.Output.(outcome).known
		seen := false
		for _, read := range reads[asked.key] {
			shown := read.Output.(outcome).value
			at := strings.Index(shown, asked.value)
			if asked.verb == "get" || at < 0 {
				continue
			}
			asked.placed, asked.behind = true, shown[:at]
			if !known && (!seen || read.Return < op.Return) {
				op.Return = read.Return
			}
			seen = true
		}
		if !known && !seen {
			continue
		}
		if !known {
			op.ClientId = -1 - len(explained) // its clerk has gone on meanwhile
		}
		op.Input = asked
		explained = append(explained, op)
	}
	return explained
}

func TestP2ClerksSeeOneHistoryOverLeaderCrashes(t *testing.T) {
	c := startCluster(t, 3, func(o *Options) { o.SnapshotLogEntries = 300 })
	c.leader()
	historians := startHistorians(t, c, 5)
	stop := make(chan struct{})
	var running sync.WaitGroup
	for _, h := range historians {
		running.Go(func() { h.run(stop) })
	}
	for range 3 {
		pause(150 * time.Millisecond)
		lost := c.leader()
		lost.crash()
		c.leader()
		lost.start()
	}
	pause(150 * time.Millisecond)
	close(stop)
	running.Wait()

	leader := c.leader()
	var history []porcupine.Operation
	unknown := 0
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
		unknown += len(h.log.unknown)
		for _, op := range h.history {
			if !op.Output.(outcome).known {
				unknown++
			}
		}
		history = append(history, h.history...)
	}
	result := porcupine.CheckOperationsTimeout(register, explain(history), searchLimit)
	t.Logf("%d calls on registers, %d writes of unknown outcome: %s", len(history), unknown, result)
	if result != porcupine.Ok {
		t.Errorf("the history of %d calls is not shown to be linearizable: %s (P2)", len(history), result)
	}
}

func TestTheHistoryCheckNoticesALostAppendAndForgivesAnUnknownOne(t *testing.T) {
	for _, known := range []bool{true, false} {
		history := []porcupine.Operation{
			{Input: call{key: "k", verb: "put", value: "<a>"}, Output: outcome{known: true}, Call: 1, Return: 2},
			{Input: call{key: "k", verb: "append", value: "<b>"}, Output: outcome{known: known}, Call: 3, Return: 4},
			{Input: call{key: "k", verb: "get"}, Output: outcome{known: true, value: "<a>"}, Call: 5, Return: 6},
		}
		if ok := porcupine.CheckOperations(register, explain(history)); ok == known {
			t.Errorf("append known to be done: %t; a later read without it counts as linearizable: %t", known, ok)
		}
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
