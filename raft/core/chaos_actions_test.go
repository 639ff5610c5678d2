package core

import "slices"

// action is one thing that chaos can do, with its usual share.
type action struct {
	name  string
	share int
	// fault: runs with much of it and runs without any are of use.
	fault bool
	do    func(c *cluster, n *node)
}

// actions are all that can happen, to a node that was drawn. Each seed weighs them anew, so that some runs have slow
// disks, some crash all the time, and some see long partitions.
var actions = []action{
	{"carry", 450, false, func(c *cluster, _ *node) { c.carry() }},
	{"persist", 150, false, func(c *cluster, n *node) { c.persist(n, 1+c.random.IntN(3)) }},
	{"answer", 100, false, func(c *cluster, n *node) { c.answer(n) }},
	{"tick", 150, false, func(c *cluster, n *node) { c.passTime(); c.tick(n) }},
	{"propose", 50, false, func(c *cluster, _ *node) { c.propose(c.leader()) }},
	{"propose anywhere", 20, false, func(c *cluster, n *node) { c.propose(n) }},
	{"read", 30, false, func(c *cluster, n *node) { c.ask(n, c.random.IntN(2) == 0, c.mono(n)) }},
	{"read from leaders", 15, false, func(c *cluster, _ *node) { c.askLeaders() }},
	{"snapshot", 15, false, func(c *cluster, n *node) { c.takeSnapshot(n) }},
	{"crash", 10, true, func(c *cluster, n *node) { c.kill(n) }},
	{"crash leader", 2, true, func(c *cluster, _ *node) { c.kill(c.leader()) }},
	{"start", 100, false, func(c *cluster, n *node) {
		if n.core == nil {
			c.start(n)
		}
	}},
	{"pause leader", 2, true, func(c *cluster, _ *node) { c.pause(c.leader()) }},
	{"resume", 40, false, func(c *cluster, n *node) { c.resume(n) }},
	{"transfer", 3, true, func(c *cluster, n *node) { c.transfer(n) }},
	{"cut links", 3, true, func(c *cluster, _ *node) { c.cutLinks() }},
	{"cut off", 2, true, func(c *cluster, n *node) { c.cutOff(n) }},
	{"cut off leader", 1, true, func(c *cluster, _ *node) { c.cutOff(c.leader()) }},
	{"heal", 20, false, func(c *cluster, _ *node) { c.heal() }},
	{"provision", 3, true, func(c *cluster, _ *node) { c.provision() }},
	{"change", 20, false, func(c *cluster, _ *node) { c.changeAny(c.leader()) }},
	{"change anywhere", 3, true, func(c *cluster, n *node) { c.changeAny(n) }},
	{"wipe", 2, true, func(c *cluster, n *node) { c.wipeAny(n) }},
}

// themes turn a run to one kind of trouble: how many times as often as usual an action happens.
var themes = []map[string]int{
	nothingSpecial: {},
	// Terms come and go, with votes that are given, stored and forgotten.
	manyElections: {"tick": 2, "crash": 1, "transfer": 4, "change": 0, "wipe": 0, "read": 0, "snapshot": 0},
	// Leaders fail in the middle of what their predecessors left (Raft figure 8).
	shortLeaderships: {"crash leader": 3, "change": 0, "wipe": 0, "read": 0, "snapshot": 0},
	// Leaders are left behind without noticing, and asked.
	deposedLeaders: {
		"carry": 2, "read from leaders": 8, "pause leader": 4, "cut off leader": 8, "transfer": 4,
		"change": 0, "wipe": 0, "snapshot": 0,
	},
}

const (
	nothingSpecial = iota
	manyElections
	shortLeaderships
	deposedLeaders
)

// weigh draws how often each action happens in this run.
func (c *cluster) weigh(theme map[string]int) {
	c.weights = c.weights[:0]
	for _, a := range actions {
		times := []int{2, 4, 4, 8}
		if a.fault {
			times = []int{0, 0, 1, 2, 4, 8}
		}
		more, named := theme[a.name]
		if !named {
			more = 1
		} else if a.fault {
			times = []int{4}
		}
		c.weights = append(c.weights, a.share*more*times[c.random.IntN(len(times))])
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

// passTime moves the time by about a tick. Where clocks matter it passes more slowly, so that all nodes tick as fast as
// their clocks allow, and an election takes less time than it waits for.
func (c *cluster) passTime() {
	if c.limits.LeaseMillis != 0 {
		c.now += int64(c.random.IntN(3))
		return
	}
	c.now += int64(c.random.IntN(2 * tickMillis))
}

// askLeaders reads from every node that takes itself for the leader.
func (c *cluster) askLeaders() {
	for _, n := range c.nodes {
		if n.core != nil && n.core.role == Leader {
			c.ask(n, false, c.mono(n))
		}
	}
}

func (c *cluster) kill(n *node) {
	if n != nil && n.core != nil {
		c.crash(n)
	}
}

func (c *cluster) pause(n *node) {
	if n != nil {
		c.note("pause %d", n.id)
		n.paused = true
	}
}

// resume lets a paused node go on. Its first deed is a read, with a reading of the clock from before the pause.
func (c *cluster) resume(n *node) {
	if n.paused {
		c.note("resume %d", n.id)
		n.paused = false
		c.ask(n, false, n.slot*tickMillis)
	}
}

func (c *cluster) transfer(n *node) {
	if n.awake() {
		c.step(n, Transfer{To: c.nodes[c.random.IntN(len(c.nodes))].id})
	}
}

// cutLinks cuts some links, one way each, and mends the others.
func (c *cluster) cutLinks() {
	for from := range c.cut {
		for to := range c.cut[from] {
			c.cut[from][to] = c.random.IntN(4) == 0
		}
	}
}

func (c *cluster) cutOff(n *node) {
	if n == nil {
		return
	}
	for other := range c.cut {
		c.cut[other][n.id-1], c.cut[n.id-1][other] = true, true
	}
}

func (c *cluster) heal() {
	for from := range c.cut {
		clear(c.cut[from])
	}
}
