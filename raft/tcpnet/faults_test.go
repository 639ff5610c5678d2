package tcpnet_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"redoubt/raft"
	"redoubt/raft/core"
)

var (
	faultSeed = flag.Uint64("seed", 1, "draws the faults of the first run")
	faultTime = flag.Duration("faults", 3*time.Second, "how long faults go on, in each run")
)

// TestDriversOverATroubledNetwork runs real nodes, with all their goroutines, over TCP whose connections are cut in one
// direction or both, delayed, and reset in the middle of a frame, while nodes restart. What clients saw must be
// linearizable, and all nodes must agree in the end. It is meant to be run with -race.
func TestDriversOverATroubledNetwork(t *testing.T) {
	for i, run := range []struct {
		name    string
		nodes   int
		options []raft.Option
	}{
		{"three nodes", 3, nil},
		{"five nodes with leases", 5, []raft.Option{raft.WithLeases()}},
	} {
		t.Run(run.name, func(t *testing.T) {
			noGoroutinesLeft(t)
			seed := *faultSeed + uint64(i)
			c := startFaultCluster(t, run.nodes, run.options...)
			c.converge("start") // the first election is not what is tested
			h := &history{begun: time.Now()}
			stop := make(chan struct{})
			var workers sync.WaitGroup
			for client := range 4 {
				workers.Go(func() { c.client(h, client, seed, stop) })
			}
			c.trouble(rand.New(rand.NewPCG(seed, 0)), time.After(*faultTime))
			c.heal()
			c.converge("end")
			close(stop)
			workers.Wait()
			if err := c.err(); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			t.Logf("seed %d: %d terms had a leader", seed, len(c.leaders))
			h.check(t, seed)
		})
	}
}

// trouble harms the network and restarts nodes until time is over.
func (c *faultCluster) trouble(random *rand.Rand, over <-chan time.Time) {
	pace := time.NewTicker(80 * time.Millisecond)
	defer pace.Stop()
	draw := func() core.NodeID { return c.peers[random.IntN(len(c.peers))].ID }
	for {
		select {
		case <-over:
			return
		case <-pace.C:
		}
		one, other := draw(), draw()
		if leader := c.leader(); leader != core.None && random.IntN(2) == 0 {
			one = leader
		}
		switch random.IntN(9) {
		case 0: // one direction
			c.wires.link(one, other).set(true, 0)
		case 1: // what one node says to all others
			for _, p := range c.peers {
				c.wires.link(one, p.ID).set(true, 0)
			}
		case 2: // one node from all others
			for _, p := range c.peers {
				c.wires.link(one, p.ID).set(true, 0)
				c.wires.link(p.ID, one).set(true, 0)
			}
		case 3: // a long way
			c.wires.link(one, other).set(false, time.Duration(random.IntN(20))*time.Millisecond)
		case 4:
			c.wires.link(one, other).reset()
		case 5:
			for _, p := range c.peers {
				c.wires.link(one, p.ID).tearNext()
			}
		case 6:
			c.begin(one, c.stop(one))
		default:
			c.heal()
		}
	}
}

// leader returns a node that believes to lead, or None.
func (c *faultCluster) leader() core.NodeID {
	for _, p := range c.peers {
		if _, leads := c.node(p.ID).raft.GetState(); leads {
			return p.ID
		}
	}
	return core.None
}

// converge waits until every node has applied a command that is proposed now.
func (c *faultCluster) converge(word string) {
	c.t.Helper()
	within(c.t, "a command is committed once the network is whole", func() bool {
		for _, p := range c.peers {
			if s := c.node(p.ID); s != nil {
				if _, err := s.append("converged", word); err == nil {
					return true
				}
			}
		}
		return false
	})
	var most uint64
	for _, p := range c.peers {
		most = max(most, c.node(p.ID).raft.Standing().CommitIndex)
	}
	within(c.t, "every node applies what was committed", func() bool {
		for _, p := range c.peers {
			s := c.node(p.ID)
			s.mu.Lock()
			applied := s.applied
			s.mu.Unlock()
			if applied < most {
				return false
			}
		}
		return true
	})
}

// call is one operation on one key: an append of text, or a read if text is empty.
type call struct{ key, text string }

// seen is what it showed: the value that was read, or that an append made.
type seen struct {
	unknown bool
	value   fingerprint
}

// fingerprint stands for a value, which may have grown long.
type fingerprint struct {
	length int
	sum    uint64
}

// plus is the fingerprint of the value with text behind it.
func (f fingerprint) plus(text string) fingerprint {
	for _, b := range []byte(text) {
		f.sum = (f.sum ^ uint64(b)) * 1099511628211 // FNV-1a
	}
	f.length += len(text)
	return f
}

// history records what clients did and saw.
type history struct {
	begun time.Time

	mu      sync.Mutex
	calls   []porcupine.Operation
	unknown int
}

func (h *history) now() int64 { return time.Since(h.begun).Nanoseconds() }

func (h *history) add(client int, in call, begun int64, out seen) {
	ended := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if out.unknown {
		h.unknown++
		ended = 1 << 62 // it may take effect at any time
	}
	h.calls = append(h.calls, porcupine.Operation{ClientId: client, Input: in, Call: begun, Output: out, Return: ended})
}

// keyLife is how long clients use a key before they turn to another, so that what is unknown about one does not
// have to be considered for all that follows. It must outlast a change of leaders.
const keyLife = 700 * time.Millisecond

// client calls nodes at random, but mostly the one that served last, until it is told to stop.
func (c *faultCluster) client(h *history, client int, seed uint64, stop <-chan struct{}) {
	random := rand.New(rand.NewPCG(seed, uint64(client)+1))
	at := c.peers[0].ID
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		s := c.node(at)
		if s == nil || random.IntN(20) == 0 {
			at = c.peers[random.IntN(len(c.peers))].ID
			continue
		}
		in := call{key: fmt.Sprintf("key-%d-%d", client%2, h.now()/int64(keyLife))}
		if random.IntN(2) == 0 {
			in.text = fmt.Sprintf("<%d.%d>", client, n)
		}
		if !c.perform(h, client, s, in) {
			at = c.peers[random.IntN(len(c.peers))].ID
		}
	}
}

// perform does one call and records it, unless it is certain that nothing was done.
func (c *faultCluster) perform(h *history, client int, s *store, in call) (ok bool) {
	begun := h.now()
	var out seen
	var err error
	if in.text == "" {
		var value string
		if value, err = s.read(in.key); err != nil {
			return false
		}
		out.value = out.value.plus(value)
	} else {
		out.value, err = s.append(in.key, in.text)
		out.unknown = errors.Is(err, raft.ErrUncertain)
		if err != nil && !out.unknown {
			return false
		}
	}
	h.add(client, in, begun, out)
	return err == nil
}

// appendModel is a string by key that can be appended to and read.
var appendModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := make(map[string][]porcupine.Operation)
		for _, op := range history {
			key := op.Input.(call).key
			parts[key] = append(parts[key], op)
		}
		var list [][]porcupine.Operation
		for _, part := range parts {
			list = append(list, part)
		}
		return list
	},
	Init: func() any { return fingerprint{} },
	Step: func(state, input, output any) (bool, any) {
		value, out := state.(fingerprint).plus(input.(call).text), output.(seen)
		return out.unknown || out.value == value, value
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}

// check decides whether the history is linearizable (P2), uncertain outcomes being allowed either way (P3).
func (h *history) check(t *testing.T, seed uint64) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	result, _ := porcupine.CheckOperationsVerbose(appendModel, h.calls, patience)
	t.Logf("seed %d: %d calls, %d of unknown outcome: %s", seed, len(h.calls), h.unknown, result)
	if result != porcupine.Ok {
		t.Errorf("seed %d: what clients saw is not shown to be linearizable: %s", seed, result)
	}
	if len(h.calls) < 100 {
		t.Errorf("seed %d: only %d calls were answered: the run shows nothing", seed, len(h.calls))
	}
}
