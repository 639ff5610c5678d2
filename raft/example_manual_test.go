package raft_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
)

// world is a cluster in one goroutine: a clock that it turns itself, a network without a wire, and a list of
// the workers that have something to do.
type world struct {
	millis  int64
	nodes   []*citizen // by id, from 1
	peers   []raft.Peer
	waiting []task
}

type task struct {
	node   *citizen
	worker raft.Worker
}

// citizen is one node with its service, which keeps a list of words, and its network.
type citizen struct {
	world     *world
	id        raft.NodeID
	persister raft.Persister
	raft      *raft.Raft
	manual    *raft.Manual // nil while the node is down
	receive   func(core.Message, uint64)
	cut       bool // from the others
	words     []string
}

// Mono and Wall make the world every node's clock.
func (w *world) Mono() int64 { return w.millis }
func (w *world) Wall() int64 { return w.millis }

// Start, Send and Close make a citizen its node's network.
func (c *citizen) Start(receive func(core.Message, uint64)) error { c.receive = receive; return nil }
func (c *citizen) Close() error                                   { c.receive = nil; return nil }
func (c *citizen) Send(messages []core.Message) {
	for _, m := range messages {
		if to := c.world.nodes[m.Head().To-1]; to.receive != nil && !to.cut && !c.cut {
			to.receive(m, 0)
		}
	}
}

func (c *citizen) apply(message raft.ApplyMsg) {
	for _, entry := range message.Entries {
		if entry.Kind == core.EntryCommand {
			c.words = append(c.words, string(entry.Data))
		}
	}
}

const worldTick = 10 * time.Millisecond

// newWorld makes a cluster of n nodes, all of them down.
func newWorld(n int) *world {
	w := &world{}
	for id := raft.NodeID(1); int(id) <= n; id++ {
		w.peers = append(w.peers, raft.Peer{ID: id})
		w.nodes = append(w.nodes, &citizen{world: w, id: id, persister: raft.NewMemoryPersister()})
	}
	return w
}

// begin starts a node with what its persister remembers.
func (c *citizen) begin(options ...raft.Option) (err error) {
	c.words = nil
	wake := func(worker raft.Worker) { c.world.waiting = append(c.world.waiting, task{c, worker}) }
	options = append([]raft.Option{
		raft.WithApply(c.apply), raft.WithNetwork(c), raft.WithClock(c.world), raft.WithTick(worldTick),
		raft.WithTimeouts(50*time.Millisecond, 200*time.Millisecond),
		raft.WithSeed(1), raft.WithIncarnation(uint64(c.world.millis)),
	}, options...)
	c.raft, c.manual, err = raft.MakeManual(c.world.peers, c.id, c.persister, wake, options...)
	return err
}

// crash ends a node without a word. What its persister holds stays.
func (c *citizen) crash() { c.manual, c.receive = nil, nil }

// run does whatever waits, until nothing does or something holds.
func (w *world) run(holds func() bool) bool {
	for !holds() {
		if len(w.waiting) == 0 {
			return false
		}
		next := w.waiting[0]
		w.waiting = w.waiting[1:]
		if manual := next.node.manual; manual != nil {
			manual.Run(next.worker)
		}
	}
	return true
}

// until lets the world go on until something holds.
func (w *world) until(holds func() bool) {
	for !w.run(holds) {
		w.millis += worldTick.Milliseconds()
		for _, c := range w.nodes {
			if c.manual != nil {
				c.manual.Tick()
			}
		}
	}
}

// leader waits for a leader that the others hear, and returns it.
func (w *world) leader() (leader *citizen) {
	w.until(func() bool {
		i := slices.IndexFunc(w.nodes, func(c *citizen) bool {
			return c.manual != nil && !c.cut && c.raft.Standing().Role == core.Leader
		})
		if i >= 0 {
			leader = w.nodes[i]
		}
		return i >= 0
	})
	return leader
}

// applied waits until all nodes that are up have applied a word.
func (w *world) applied(word string) {
	w.until(func() bool {
		return !slices.ContainsFunc(w.nodes, func(c *citizen) bool {
			return c.manual != nil && !slices.Contains(c.words, word)
		})
	})
}

// forgetful is a ticket that nobody waits for.
type forgetful struct{}

func (forgetful) Dropped(reason error) { fmt.Println("dropped:", reason) }

// A whole cluster runs in one goroutine, in virtual time: elections, a crash and all. A run with the same seeds is the
// same run, so that a failure that was found once can be looked at again.
func ExampleMakeManual() {
	w := newWorld(3)
	for _, c := range w.nodes {
		if err := c.begin(); err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, word := range []string{"no", "goroutine", "waits"} {
		leader := w.leader()
		leader.raft.Propose([]byte(word), forgetful{})
		w.applied(word)
		if word == "goroutine" {
			leader.crash()
		}
	}
	for _, c := range w.nodes {
		if c.manual != nil {
			fmt.Println(strings.Join(c.words, " "))
		}
	}

	// Output:
	// no goroutine waits
	// no goroutine waits
}
