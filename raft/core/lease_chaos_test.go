package core

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Leases are about time, so here it passes evenly, a millisecond a step: messages and disks take some, clocks drift within
// the bound, and every node that takes itself for the leader is read from all the time.

// timed is a cluster in even time.
type timed struct {
	*cluster
	// speed[a][b] is the chance in a thousand that a message from a to b arrives within a millisecond.
	speed [][]int
	// harm is the chance of a fault in a thousand milliseconds; mending takes about as long as an election.
	harm int
}

// TestLeasesUnderDrift: no read is stale while leaders are cut off, paused and told to hand over, voters restart at once,
// and some links are slow.
func TestLeasesUnderDrift(t *testing.T) {
	seeds, millis := 80, 3000
	if testing.Short() {
		seeds = 10
	}
	confirmed, leased, late, elections := 0, 0, 0, 0
	for seed := range uint64(seeds) {
		if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			c := drawTimed(t, seed)
			defer func() {
				if p := recover(); p != nil {
					c.fail("%v", p)
				}
			}()
			for range millis {
				c.millisecond()
			}
			confirmed, leased, late, elections = confirmed+c.confirmed, leased+c.leased, late+c.late, elections+c.elections
		}) {
			return
		}
	}
	t.Logf("%d reads, %d by a lease, %d whose lease ended first, %d elections", confirmed, leased, late, elections)
	if !testing.Short() && seeds == 80 && (leased < 10*seeds || confirmed == leased || elections < 2*seeds) {
		t.Errorf("the simulation does not reach what it is to check")
	}
}

func drawTimed(t *testing.T, seed uint64) *timed {
	draw := rand.New(rand.NewPCG(seed, 3))
	limits := smallLimits()
	limits.LeaseMillis = int64(limits.ElectionTicks-2) * tickMillis * 900 / 1100
	c := &timed{cluster: newCluster(t, seed, 3+2*draw.IntN(2), 0, limits), harm: 5 + draw.IntN(30)}
	for range c.nodes {
		row := make([]int, len(c.nodes))
		for i := range row {
			row[i] = []int{900, 900, 500, 200, 40}[draw.IntN(5)]
		}
		c.speed = append(c.speed, row)
	}
	return c
}

// millisecond lets the time pass and everything happen that takes time.
func (c *timed) millisecond() {
	c.now++
	for _, n := range c.nodes {
		if c.mono(n)/tickMillis > n.slot && c.random.IntN(4) > 0 { // some ticks are late
			c.tick(n)
		}
		if c.random.IntN(2) == 0 {
			c.persist(n, len(n.writes))
		}
		for n.awake() && len(n.answers) > 0 {
			c.answer(n)
		}
	}
	c.arrive()
	if c.random.IntN(40) == 0 {
		c.propose(c.leader())
	}
	c.askLeaders()
	n := c.nodes[c.random.IntN(len(c.nodes))]
	c.ask(n, true, c.mono(n))
	if c.random.IntN(1000) < c.harm {
		c.harmAny()
	}
	if c.random.IntN(120) == 0 {
		c.mend()
	}
}

// arrive delivers the messages whose time has come.
func (c *timed) arrive() {
	under := c.network
	c.network = nil
	for _, m := range under {
		env := m.Head()
		switch to := c.node(env.To); {
		case c.cut[env.From-1][env.To-1] || c.random.IntN(100) == 0: // lost
		case to.paused || c.random.IntN(1000) >= c.speed[env.From-1][env.To-1]:
			c.network = append(c.network, m)
		default:
			c.step(to, Receive{Message: m, Instance: c.node(env.From).instance})
		}
	}
	if len(c.network) > 1000 {
		c.network = slices.Delete(c.network, 0, 500)
	}
}

func (c *timed) harmAny() {
	n := c.nodes[c.random.IntN(len(c.nodes))]
	l := c.leader()
	switch c.random.IntN(8) {
	case 0:
		c.cutOff(l)
	case 1:
		c.pause(l)
	case 2, 3:
		c.cutLinks()
	case 4, 5:
		if l != nil && l.awake() {
			c.step(l, Transfer{To: n.id})
			if c.random.IntN(2) == 0 {
				c.step(l, Transfer{To: l.id}) // given up at once, but the word may be out
			}
			c.deafen(l)
		}
	default:
		if n != l {
			// It restarts at once, and has forgotten whom it heard.
			c.kill(n)
			c.start(n)
			c.deafen(l)
		}
	}
}

// deafen lets a leader not hear what becomes of it, every other time.
func (c *timed) deafen(n *node) {
	if n != nil && c.random.IntN(2) == 0 {
		for other := range c.cut {
			c.cut[other][n.id-1] = true
		}
	}
}

func (c *timed) mend() {
	c.heal()
	for _, n := range c.nodes {
		c.resume(n)
	}
}
