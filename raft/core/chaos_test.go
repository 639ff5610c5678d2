package core

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
)

// settle runs without faults for some rounds of ticks, everything delivered in between.
func (c *cluster) settle(rounds int, done func() bool) bool {
	for range rounds {
		c.now += 10
		for _, n := range c.nodes {
			c.tick(n)
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
		c.resume(n)
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
		if !c.membershipSettled() {
			return false
		}
		for _, n := range c.members() {
			if n.index != uint64(len(c.committed)) || n.digest != c.digests[n.index-1] {
				return false
			}
		}
		return true
	}) {
		for _, n := range c.nodes {
			c.t.Logf("node %d: wiped %t %+v commit %d last %d durable %d applied %d progress %+v memberships %+v", n.id, n.wiped, n.core.Status(), n.core.commit, n.core.LastIndex(), n.core.Durable(), n.index, n.core.Progress(), n.core.memberships)
		}
		c.fail("liveness: the replicas do not converge after everything was healed")
	}
	if !c.settle(100, func() bool { return len(c.reads) == 0 }) {
		c.fail("liveness: reads %+v were never answered", c.reads)
	}
	if len(c.asked) > 0 {
		c.fail("liveness: changes %+v were never answered", c.asked)
	}
	c.checkChanged()
	c.checkUndisturbed()
}

// smallLimits makes every bound bite.
func smallLimits() Config {
	return Config{
		ElectionTicks: 6, HeartbeatTicks: 1,
		MaxEntryBytes: 100, MaxAppendBytes: 200, MaxInflightBytes: 600, MaxInflightMessages: 3,
		MaxUncommittedBytes: 2000, MaxTailBytes: 500, MaxUnappliedBytes: 400, SnapshotChunkBytes: 7,
	}
}

var seedsFlag = flag.Int("seeds", 800, "how many clusters TestSafetyUnderFaults runs")

// TestSafetyUnderFaults runs whole clusters under every fault at once, then heals them. To see one again:
// -run TestSafetyUnderFaults/seed=17.
func TestSafetyUnderFaults(t *testing.T) {
	seeds, steps := *seedsFlag, 5000
	if testing.Short() {
		seeds = 30
	}
	ran, reached := 0, make(map[string]int)
	for seed := range uint64(seeds) {
		if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			c, theme := drawCluster(t, seed)
			defer func() {
				if p := recover(); p != nil {
					c.fail("%v", p)
				}
			}()
			c.weigh(themes[theme])
			for range steps {
				c.chaos()
			}
			c.converge()
			c.tally(reached)
			ran++
		}) {
			return
		}
	}
	t.Logf("%d seeds: %v", ran, reached)
	if ran < 800 {
		return // too few to reach everything
	}
	for what, count := range reached {
		if count == 0 || (what == "elections" && count < ran) {
			t.Errorf("the simulation does not reach what it is to check: %d %s", count, what)
		}
	}
}

// drawCluster starts the cluster of a seed, and draws its theme.
func drawCluster(t *testing.T, seed uint64) (c *cluster, theme int) {
	draw := rand.New(rand.NewPCG(seed, 2))
	size, learners := 1+draw.IntN(5), 0
	if size > 2 {
		learners = draw.IntN(2)
	}
	limits := smallLimits()
	theme = draw.IntN(len(themes))
	if theme == shortLeaderships {
		size, learners, limits.MaxAppendBytes = 5, 0, 1 // an entry a message
	}
	if theme == deposedLeaders || draw.IntN(4) == 0 {
		// Between the slowest and the fastest clock, with the two ticks that may be late.
		limits.LeaseMillis = int64(limits.ElectionTicks-2) * tickMillis * 900 / 1100
	}
	limits.Instance = uint64(draw.IntN(2)) // not zero: disks are told apart
	c = newCluster(t, seed, size, learners, limits)
	c.note("seed %d, size %d, learners %d, theme %d", seed, size, learners, theme)
	c.fifo = draw.IntN(2) == 0
	return c, theme
}

// tally adds up what a run has reached.
func (c *cluster) tally(reached map[string]int) {
	reached["commits"] += len(c.committed)
	reached["reads"] += c.confirmed
	reached["reads by a lease"] += c.leased
	reached["reads whose lease ended first"] += c.late
	reached["snapshots installed"] += c.snapshots
	reached["elections"] += c.elections
	reached["disks wiped"] += c.wipes
	reached["leaders removed"] += c.retired
	for i, name := range []string{"members added", "members promoted", "members removed", "members moved"} {
		reached[name] += 0
		for _, d := range c.changed {
			if d.change.Kind == ChangeKind(i+1) {
				reached[name]++
			}
		}
	}
	reached["messages from wiped disks"] += 0
	for _, n := range c.nodes {
		reached["messages from wiped disks"] += int(n.core.Impostors())
	}
	reached["learners promoted by the leader"] += c.promoted
}
