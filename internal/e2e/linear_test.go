//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// A register holds one string that SET replaces, APPEND lengthens, and GET reads.
type (
	registerCall struct {
		key, verb, value string
	}
	registerReply struct {
		known  bool // the client saw a reply
		value  string
		length int64
	}
)

// registerModel says which replies a single register could have given. A write whose outcome is unknown has no end,
// so that it may take effect at any time after its call, or after everything else.
var registerModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := make(map[string][]porcupine.Operation)
		for _, op := range history {
			key := op.Input.(registerCall).key
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		value, call, answer := state.(string), input.(registerCall), output.(registerReply)
		switch call.verb {
		case "SET":
			return true, call.value
		case "APPEND":
			value += call.value
			return !answer.known || answer.length == int64(len(value)), value
		default:
			return answer.value == value, value
		}
	},
	DescribeOperation: func(input, output any) string {
		return fmt.Sprintf("%v -> %v", input, output)
	},
}

const (
	historyClients = 6
	historyKeys    = 4
	// checkLimit bounds the search; a search that did not end shows nothing.
	checkLimit = 30 * time.Second
)

// historian is one client that writes down what it did and when.
type historian struct {
	id      int
	route   route
	random  *rand.Rand
	start   time.Time
	history []porcupine.Operation
	fault   error
}

func TestHistoriesAreLinearizable(t *testing.T) {
	c := startCluster(t)
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

	var history []porcupine.Operation
	unknowns := 0
	for _, h := range clients {
		if h.fault != nil {
			t.Errorf("client %d: %v", h.id, h.fault)
		}
		history = append(history, h.history...)
	}
	for _, op := range history {
		if !op.Output.(registerReply).known {
			unknowns++
		}
	}
	result := porcupine.CheckOperationsTimeout(registerModel, history, checkLimit)
	t.Logf("%d operations, %d of unknown outcome: %v", len(history), unknowns, result)
	if result != porcupine.Ok {
		t.Errorf("the history of %d operations is not shown to be linearizable: %v", len(history), result)
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
	call := registerCall{key: "register:" + strconv.Itoa(h.random.IntN(historyKeys)), verb: "GET"}
	words := command{"GET", call.key}
	if draw := h.random.IntN(10); draw < 6 {
		// Mostly appended to, so that a read tells a lot; set now and then, so that values stay short.
		call.verb, call.value = "APPEND", fmt.Sprintf("%d.%d;", h.id, n)
		if draw == 0 {
			call.verb = "SET"
		}
		words = command{call.verb, call.key, call.value}
	}
	c, err := h.route.connection()
	if err != nil {
		return
	}
	begin := time.Since(h.start)
	answer, err := c.do(roundTimeout, words...)
	end := time.Since(h.start)
	outcome := unknown
	if err != nil {
		h.route.leave()
	} else {
		var ok bool
		if outcome, ok = fateOf(answer); !ok && h.fault == nil {
			h.fault = errors.New(answer.text)
		}
		h.route.heed(answer)
	}
	op := porcupine.Operation{ClientId: h.id, Input: call, Call: begin.Nanoseconds(), Return: end.Nanoseconds()}
	switch {
	case outcome == done:
		op.Output = registerReply{known: true, value: answer.text, length: answer.number}
	case outcome == unknown && call.verb != "GET":
		op.Output, op.Return = registerReply{}, math.MaxInt64
	default:
		return // nothing was done, or nothing was seen
	}
	h.history = append(h.history, op)
}
