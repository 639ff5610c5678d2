package core

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// action is one thing that chaos can do, with its usual share.
type action struct {
	share int
	do    func(c *cluster, n *node)
}

// actions are all that can happen. Each seed weighs them anew, so that some runs have slow disks,
// some crash all the time, and some see long partitions.
var actions = []action{
	{450, func(c *cluster, _ *node) { c.carry() }},
	{150, func(c *cluster, n *node) { c.persist(n, 1+c.random.IntN(3)) }},
	{100, func(c *cluster, n *node) { c.answer(n) }},
	{150, func(c *cluster, n *node) {
		c.now += int64(c.random.IntN(20))
		c.step(n, Tick{Mono: c.now, Wall: c.now + n.offset})
	}},
	{50, func(c *cluster, _ *node) { c.propose(c.leader()) }},
	{20, func(c *cluster, n *node) { c.propose(n) }},
	{30, func(c *cluster, n *node) { c.ask(n) }},
	{15, func(c *cluster, n *node) { c.takeSnapshot(n) }},
	{10, func(c *cluster, n *node) {
		if n.core != nil {
			c.crash(n)
		}
	}},
	{15, func(c *cluster, n *node) {
		if n.core == nil {
			c.start(n)
		}
	}},
	{3, func(c *cluster, n *node) { c.step(n, Transfer{To: NodeID(1 + c.random.IntN(len(c.nodes)))}) }},
	{3, func(c *cluster, _ *node) {
		// Cut some links, one way each.
		for from := range c.cut {
			for to := range c.cut[from] {
				c.cut[from][to] = c.random.IntN(4) == 0
			}
		}
	}},
	{2, func(c *cluster, n *node) {
		// Cut one node off.
		for other := range c.cut {
			c.cut[other][n.id-1], c.cut[n.id-1][other] = true, true
		}
	}},
	{4, func(c *cluster, _ *node) { c.heal() }},
}

// weigh draws how often each action happens in this run.
func (c *cluster) weigh() {
	c.weights = c.weights[:0]
	for _, a := range actions {
		c.weights = append(c.weights, a.share*[]int{1, 2, 4, 4, 4, 8, 32}[c.random.IntN(7)])
	}
}

// chaos takes one random action.
func (c *cluster) chaos() {
	total := 0
	for _, w := range c.weights {
		total += w
	}
	roll, i := c.random.IntN(total), 0
	for roll >= c.weights[i] {
		roll -= c.weights[i]
		i++
	}
	actions[i].do(c, c.nodes[c.random.IntN(len(c.nodes))])
	if len(c.network) > 500 {
		c.network = slices.Delete(c.network, 0, 250)
	}
}

// carry takes one message further, or loses or repeats it.
func (c *cluster) carry() {
	if len(c.network) == 0 {
		return
	}
	i := c.random.IntN(len(c.network))
	switch c.random.IntN(20) {
	case 0:
		c.network = slices.Delete(c.network, i, i+1)
	case 1:
		c.network = append(c.network, c.network[i])
	default:
		c.deliver(i)
	}
}

func (c *cluster) heal() {
	for from := range c.cut {
		clear(c.cut[from])
	}
}

// settle runs without faults for some rounds of ticks, everything delivered in between.
func (c *cluster) settle(rounds int, done func() bool) bool {
	for range rounds {
		c.now += 10
		for _, n := range c.nodes {
			c.step(n, Tick{Mono: c.now, Wall: c.now + n.offset})
		}
		for busy := true; busy; {
			busy = false
			for len(c.network) > 0 {
				c.fifo = true
				c.deliver(0)
				busy = true
			}
			for _, n := range c.nodes {
				for n.core != nil && (len(n.writes) > 0 || len(n.answers) > 0) {
					c.persist(n, len(n.writes))
					c.answer(n)
					busy = true
				}
			}
		}
		if done() {
			return true
		}
	}
	return false
}

// converge heals everything and demands a leader, a new commit, and equal state everywhere.
func (c *cluster) converge() {
	c.heal()
	for _, n := range c.nodes {
		if n.core == nil {
			c.start(n)
		}
	}
	if !c.settle(100, func() bool { return c.leader() != nil && c.leader().core.commit >= c.leader().core.lead.noop }) {
		c.fail("liveness: no leader after everything was healed")
	}
	before := uint64(len(c.committed))
	if !c.settle(100, func() bool {
		if l := c.leader(); l != nil && l.core.lead.transferee == None && uint64(len(c.committed)) == before {
			c.propose(l)
		}
		if uint64(len(c.committed)) == before {
			return false
		}
		for _, n := range c.nodes {
			if n.index != uint64(len(c.committed)) || n.digest != c.digests[n.index-1] {
				return false
			}
		}
		return true
	}) {
		for _, n := range c.nodes {
			c.t.Logf("node %d: %+v commit %d last %d durable %d applied %d progress %+v", n.id, n.core.Status(), n.core.commit, n.core.LastIndex(), n.core.Durable(), n.index, n.core.Progress())
		}
		c.fail("liveness: the replicas do not converge after everything was healed")
	}
}

// smallLimits makes every bound bite.
func smallLimits() Config {
	return Config{
		ElectionTicks: 6, HeartbeatTicks: 1,
		MaxEntryBytes: 100, MaxAppendBytes: 200, MaxInflightBytes: 600, MaxInflightMessages: 3,
		MaxUncommittedBytes: 2000, MaxTailBytes: 500, MaxUnappliedBytes: 400, SnapshotChunkBytes: 7,
	}
}

// TestSafetyUnderFaults runs whole clusters under every fault at once, then heals them.
func TestSafetyUnderFaults(t *testing.T) {
	seeds, steps := 400, 3000
	if testing.Short() {
		seeds = 30
	}
	var commits, reads, snapshots, elections int
	for seed := range uint64(seeds) {
		draw := rand.New(rand.NewPCG(seed, 2))
		size := 1 + draw.IntN(5)
		learners := 0
		if size > 2 {
			learners = draw.IntN(2)
		}
		c := newCluster(t, seed, size, learners, smallLimits())
		c.note("seed %d, size %d, learners %d", seed, size, learners)
		c.fifo = draw.IntN(2) == 0
		func() {
			defer func() {
				if p := recover(); p != nil {
					c.fail("seed %d: %v", seed, p)
				}
			}()
			c.weigh()
			for range steps {
				c.chaos()
			}
			c.converge()
		}()
		commits += len(c.committed)
		reads += c.confirmed
		snapshots += c.snapshots
		elections += c.elections
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d seeds: %d commits, %d reads, %d snapshots installed, %d elections", seeds, commits, reads, snapshots, elections)
	if commits == 0 || reads == 0 || snapshots == 0 || elections < seeds {
		t.Fatalf("the simulation does not reach what it is to check: %d commits, %d reads, %d snapshots installed, %d elections", commits, reads, snapshots, elections)
	}
}
