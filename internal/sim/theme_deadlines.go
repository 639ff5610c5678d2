package sim

import (
	"strconv"
	"time"

	"redoubt/internal/lin"
)

// fallDueTogether is about many keys whose deadlines are one instant, about what is done to them around it, and about
// replicas that start from images meanwhile.
func (p *plan) fallDueTogether(r random) {
	const ms = time.Millisecond
	p.machines, p.election = pick(r, 2, 3, 3, 5), min(p.election, 200*ms)
	p.heartbeat = p.election / 5
	p.tick = (p.election / minElectionTicks).Truncate(ms)
	p.snapshotLogEntries, p.digestEvery = int64(r.between(20, 60)), 2
	l := &p.load
	l.clients, l.pause, l.timeout = max(l.clients, 5), r.span(8*ms, 20*ms), 2*p.election
	l.groups, l.keysPerGroup = 4, 3
	l.together, l.probing = 0.1, 0.3
	p.faults = nil
	p.enable(r, faultNamed(kills), 500*ms, 2*time.Second)
	if r.oneIn(3) {
		p.enable(r, faultNamed(clockJumps), 500*ms, 2*time.Second)
	}
}

// together draws a pipeline that gives one deadline to a key in each of several groups: its writes are one entry, with one
// log time.
func (k *workload) together() []*command {
	r := k.c.random
	ttl := strconv.Itoa(pick(r, 30, 60, 100, 200))
	commands := make([]*command, r.between(4, 10))
	for i := range commands {
		g := k.c.w.group(r)
		commands[i] = &command{words: []string{"SET", pick(r, g.keys...), k.unique(), "PX", ttl}, group: g}
	}
	return commands
}

// probe draws a pipeline that looks at a key, tries to keep it, and looks again: what is gone must stay gone.
func (k *workload) probe() []*command {
	r := k.c.random
	g := k.c.w.group(r)
	key := pick(r, g.keys...)
	pipeline := [][]string{{pick(r, "GET", "PTTL"), key}}
	if r.oneIn(2) {
		pipeline = append(pipeline, []string{"PERSIST", key}, []string{"GET", key})
	}
	commands := make([]*command, len(pipeline))
	for i, words := range pipeline {
		if i > 0 {
			g.use()
		}
		commands[i] = &command{words: words, group: g}
	}
	return commands
}

// checkLife: a key whose time is over by the clock that tells its time to live is not said to live (P4).
func (c *client) checkLife(cmd *command, reply lin.Reply) {
	if cmd.words[0] == "PTTL" && reply.Kind == lin.KindInt && reply.Int == 0 {
		c.w.violate("", "client %d: %s lives for another 0 ms: it is due, and is said to be there", c.number, cmd.words[1])
	}
}
