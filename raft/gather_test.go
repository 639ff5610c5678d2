package raft

import "testing"

// crowded returns a gatherer that has seen appends of so many commands, each committed after commitTime microseconds, and the
// time then.
func crowded(crowd int, commitTime int64) (g gatherer, now int64) {
	now = 1
	for index := uint64(1); index <= 100; index++ {
		g.meets(crowd)
		g.appended(now, crowd, index)
		now += commitTime
		g.committed(now, index, 0, 0)
	}
	return g, now
}

// gathers lets a gatherer wait until it has had enough, while to the first commands another comes every so many
// microseconds, up to most of them. It returns how many went together and how long the first waited.
func gathers(g *gatherer, now, every int64, first, most int) (commands int, waited int64) {
	begun := now
	for commands = first; g.wait(now, commands, int64(100*commands)) > 0; now += every {
		commands = min(most, commands+1)
	}
	g.appended(now, commands, 1<<20)
	return commands, now - begun
}

func TestAClientAloneDoesNotWait(t *testing.T) {
	g, now := crowded(1, 1000)
	if wait := g.wait(now, 1, 100); wait != 0 {
		t.Errorf("a client alone waits %d µs", wait)
	}
	if wait := new(gatherer).wait(1, 1, 100); wait != 0 {
		t.Errorf("the first command waits %d µs", wait)
	}
}

func TestACrowdThatComesBackGoesTogether(t *testing.T) {
	g, now := crowded(50, 1000)
	for range 20 {
		g.meets(50) // the last few come while the others are under way
		commands, waited := gathers(&g, now, 10, 1, 50)
		if commands < 49 || waited > 500 {
			t.Fatalf("%d of 50 commands, 10 µs apart, went together after %d µs", commands, waited)
		}
	}
}

// A wait is no longer than two commits take, nor than longestGather.
func TestWaitsAreBounded(t *testing.T) {
	for _, test := range []struct{ commitTime, most int64 }{{200, 400}, {900, 1800}, {50_000, longestGather}} {
		g, now := crowded(50, test.commitTime)
		first := g.wait(now, 1, 100)
		if first <= 0 || first > test.most {
			t.Errorf("where a commit takes %d µs, a command waits %d µs", test.commitTime, first)
		}
		if g.wait(now+test.most, 2, 200) > 0 {
			t.Errorf("where a commit takes %d µs, a command still waits after %d µs", test.commitTime, test.most)
		}
	}
}

// One commit that took a second does not make those after it wait.
func TestAStallIsForgotten(t *testing.T) {
	g, now := crowded(50, 300)
	g.appended(now, 50, 1000)
	g.committed(now+1_000_000, 1000, 0, 0)
	g.meets(50)
	if wait := g.wait(now+1_000_001, 1, 100); wait > 4*300 {
		t.Errorf("where a commit takes 300 µs, a command waits %d µs after one that took a second", wait)
	}
}

// Where clients do not come back at once, waiting for them is tried more and more rarely, however many there are already.
func TestWaitingInVainEnds(t *testing.T) {
	for _, first := range []int{1, 30} {
		g, now := crowded(50, 1000)
		waits := 0
		for range 1000 {
			g.meets(50) // they do come, but when they like
			if _, waited := gathers(&g, now, 100, first, first+2); waited > 0 {
				waits++
			}
		}
		if waits > 1000>>maxVain+maxVain+1 {
			t.Errorf("beside %d, of 1000 appends %d waited in vain", first, waits)
		}
	}
}

// Clients that have something else to do between their commands, and come back when they like, are not waited for, few or many.
func TestNobodyWaitsForClientsThatThink(t *testing.T) {
	const commitTime = 1000
	for _, clients := range []int{2, 4, 10} {
		g, now := crowded(clients, commitTime)
		waits := 0
		for range 1000 {
			g.meets(clients)
			if _, waited := gathers(&g, now, commitTime*2/5, 1, clients); waited > 0 {
				waits++
			}
		}
		if waits > 1000>>maxVain+maxVain+1 {
			t.Errorf("of 1000 appends %d waited for %d clients, of whom one comes every %d µs", waits, clients, commitTime*2/5)
		}
	}
}

// Of two clients that are not in step, one waits for the other's commit and return, and is not disappointed.
func TestTwoClientsGetInStep(t *testing.T) {
	g, now := crowded(2, 1000)
	for index := uint64(1000); index < 1020; index += 2 {
		g.meets(2)
		g.appended(now, 1, index) // the other's
		answered := now + 500
		returned := answered + 50
		for now += 10; now < returned; now += 10 {
			if now == answered {
				g.committed(now, index, 1, 1)
			}
			g.meets(2)
			if g.wait(now, 1, 100) == 0 {
				t.Fatalf("a client does not wait for another, which is answered in %d µs", answered-now)
			}
		}
		g.appended(now, 2, index+1)
		if g.vain.left > 0 {
			t.Fatal("who came 50 µs after its answer is taken for late")
		}
		now += 1000
		g.committed(now, index+1, 0, 0)
	}
}

// The same where the other's append began while an earlier one, whose commit is timed, was under way.
func TestTwoClientsGetInStepBesideAnotherAppend(t *testing.T) {
	g, now := crowded(2, 400)
	for index := uint64(1000); index < 1030; index += 3 {
		g.meets(2)
		g.appended(now, 1, index)
		g.appended(now+300, 1, index+1) // the other's
		g.committed(now+400, index, 1, 0)
		g.meets(2)
		if g.wait(now+600, 1, 100) == 0 {
			t.Fatal("a client does not wait for another, which is answered in 100 µs")
		}
		g.committed(now+700, index+1, 1, 1)
		g.wait(now+750, 2, 200)
		g.appended(now+750, 2, index+2)
		if g.vain.left > 0 {
			t.Fatal("who came 50 µs after its answer is taken for late")
		}
		now += 1200
		g.committed(now, index+2, 0, 0)
	}
}

// When some of a crowd have left, it is soon as large as those who are there, and nobody waits longer for the others.
func TestACrowdShrinks(t *testing.T) {
	g, now := crowded(50, 1000)
	long, whole := 0, 0
	for index := range uint64(100) {
		g.meets(45)
		commands, waited := gathers(&g, now, 10, 1, 45)
		if waited > 500 {
			long++
		}
		if commands == 45 {
			whole++
		}
		now += waited
		g.committed(now+1000, 1<<20+index, 0, 0)
		now += 1000
	}
	if long > 3 || whole < 80 {
		t.Errorf("of 100 appends after five of 50 clients left, %d were late for them, and %d took all of the others", long, whole)
	}
}

// One client that is always late does not keep the others waiting: all but a few appends go without it.
func TestNobodyWaitsForOneThatIsLate(t *testing.T) {
	g, now := crowded(50, 1000)
	long := 0
	for index := range uint64(500) {
		g.meets(50) // it is there, but under way when the others come back
		commands, waited := gathers(&g, now, 10, 1, 49)
		if waited > 500 {
			long++
		}
		if now += waited; commands < 40 {
			t.Fatalf("%d of 49 commands went together", commands)
		}
		now += 1000
		g.committed(now, 1<<20+index, 0, 0)
	}
	if long > 500>>maxVain+maxVain+1 {
		t.Errorf("%d of 500 appends waited for one client", long)
	}
}

// The same beside fewer, where the time is always up a while ago when it is looked at.
func TestFewDoNotWaitForOneThatIsLate(t *testing.T) {
	const commitTime, alarmLate = 400, 800
	for clients := 8; clients <= 20; clients++ {
		g, now := crowded(clients, commitTime)
		long := 0
		for index := uint64(1000); index < 1500; index++ {
			begun := now
			g.meets(clients)
			commands := 1
			for wait := g.wait(now, commands, 100); wait > 0; wait = g.wait(now, commands, 100) {
				if commands == clients-1 {
					now += wait + alarmLate
					continue
				}
				commands, now = commands+1, now+10
			}
			if commands < min(clients-1, clients-clients/8) && index > 1250 {
				t.Fatalf("of %d clients, one of them late, %d went together", clients, commands)
			}
			if now-begun > commitTime {
				long++
			}
			g.appended(now, commands, index)
			now += commitTime
			g.committed(now, index, 0, 0)
		}
		if long > 500>>maxVain+maxVain+1 {
			t.Errorf("%d of 500 appends waited for one of %d clients", long, clients)
		}
	}
}

// A new leader learns first how long a commit takes.
func TestNobodyWaitsBeforeACommit(t *testing.T) {
	g := gatherer{crowd: 50}
	if wait := g.wait(1, 1, 100); wait != 0 || g.until != 0 {
		t.Errorf("a command waits %d µs before anything has committed", wait)
	}
}

// The first commit of a leader tells how long one takes.
func TestACommitTakesAsLongAsTheFirst(t *testing.T) {
	g := gatherer{crowd: 50}
	g.appended(1, 1, 1)
	g.committed(801, 1, 0, 0)
	if wait := g.wait(802, 1, 100); wait != 2*800 {
		t.Errorf("after one commit, which took 800 µs, a command waits %d µs", wait)
	}
}

// Who waited until there was enough for an append was not disappointed, however many came.
func TestWhatIsFullWasNotInVain(t *testing.T) {
	g, now := crowded(50, 1000)
	for index := uint64(1000); index < 1010; index++ {
		g.meets(50)
		if g.wait(now, 1, 100) == 0 {
			t.Fatal("a command does not wait for the others of its crowd")
		}
		g.wait(now+100, 10, enoughBytes)
		g.appended(now+100, 10, index)
		now += 1000
		g.committed(now, index, 0, 0)
	}
}

func TestALargeAppendDoesNotWait(t *testing.T) {
	g, now := crowded(50, 1000)
	if wait := g.wait(now, 4, enoughBytes); wait != 0 {
		t.Errorf("%d bytes wait %d µs for more", enoughBytes, wait)
	}
}

// A crowd that has left is not waited for any more.
func TestACrowdIsForgotten(t *testing.T) {
	g, now := crowded(1000, 1000)
	appends := 0
	for index := uint64(1000); g.crowd > 1 && appends < 1000; index++ {
		for g.wait(now, 1, 100) > 0 {
			now += 100
		}
		g.appended(now, 1, index)
		now += 1000
		g.committed(now, index, 0, 0)
		appends++
	}
	if appends > 150 {
		t.Errorf("a crowd of 1000 that has left was waited for during %d appends", appends)
	}
}

// circle is a gatherer among clients that each wait for an answer and send the next command then. The server reads a command in every
// microseconds. Times are in microseconds.
type circle struct {
	g                 gatherer
	every, syncs, rep int64 // syncs: until the next append may begin; rep: until those of an append are answered
	now               int64
	away, held        int64 // clients whose command is still to be read; commands that wait
	out               int64 // clients that come 150 µs after the start
	flights           []flight
	index             uint64
}

// flight is an append that has not committed.
type flight struct{ commands, commits int64 }

// append goes on until the next append, and returns how many commands it has.
func (c *circle) append() int64 {
	for busy := c.now + c.syncs; ; c.now += c.every {
		if c.now > 150 {
			c.away, c.out = c.away+c.out, 0
		}
		if c.away > 0 {
			c.away, c.held = c.away-1, c.held+1
		}
		answered := false
		if len(c.flights) > 0 && c.flights[0].commits <= c.now {
			c.away += c.flights[0].commands
			c.flights, answered = c.flights[1:], true
		}
		waiting := c.held
		for _, f := range c.flights {
			waiting += f.commands
		}
		if answered {
			c.g.committed(c.now, c.index-uint64(len(c.flights)), int(waiting), int(c.held))
		}
		c.g.meets(int(waiting))
		if c.now >= busy && c.held > 0 && c.g.wait(c.now, int(c.held), 100*c.held) == 0 {
			break
		}
	}
	commands := c.held
	c.index++
	c.g.appended(c.now, int(commands), c.index)
	c.flights, c.held = append(c.flights, flight{commands, c.now + c.rep}), 0
	return commands
}

// newCircle returns a circle in which each append takes 300 µs to sync and 400 to commit. The clients are not in step.
func newCircle(clients int64) *circle {
	return &circle{every: 10, syncs: 300, rep: 400, away: clients / 2, out: clients - clients/2, now: 1}
}

// next returns how many commands each of the next n appends has.
func (c *circle) next(n int) (commands []int64) {
	for range n {
		commands = append(commands, c.append())
	}
	return commands
}

// outside returns how many are not among least and most.
func outside(all []int64, least, most int64) (n int) {
	for _, one := range all {
		if one < least || one > most {
			n++
		}
	}
	return n
}

// A small crowd goes together each time, a large one takes turns, and neither changes its way again and again.
func TestACrowdKeepsItsWay(t *testing.T) {
	for _, test := range []struct{ clients, least, most int64 }{
		{2, 2, 2}, {3, 3, 3}, {5, 5, 5}, {50, 49, 50}, {60, 59, 60}, {64, 20, 44}, {80, 30, 50}, {128, 40, 88}, {256, 40, 128}, {1000, 40, 500},
	} {
		c := newCircle(test.clients)
		c.next(200)
		if got := c.next(100); outside(got, test.least, test.most) > 3 {
			t.Errorf("of %d clients, so many went together: %v; wanted %d to %d", test.clients, got, test.least, test.most)
		}
	}
}

// Clients that are taken for far more than they are go together again soon. (Some 50 may go on to take turns.)
func TestABurstIsForgotten(t *testing.T) {
	for _, clients := range []int64{2, 3, 20, 40} {
		c := newCircle(clients)
		c.next(200)
		c.g.meets(1000)
		c.next(200)
		if got := c.next(100); outside(got, clients-1, clients) > 3 {
			t.Errorf("of %d clients, so many went together after a burst of 1000: %v", clients, got)
		}
	}
}

// What is missing is told while somebody waits for it, and not otherwise.
func TestWhatIsMissing(t *testing.T) {
	g, now := crowded(50, 1000)
	if n := g.missing(0); n != 0 {
		t.Errorf("%d commands are missing before anybody waits", n)
	}
	g.meets(50)
	g.wait(now, 1, 100)
	if n := g.missing(1); n != g.crowd-1 {
		t.Errorf("beside the first of a crowd of %d, %d are missing", g.crowd, n)
	}
	if n := g.missing(60); n != 0 {
		t.Errorf("%d commands are missing beside more than a crowd", n)
	}
	g.appended(now, 50, 1000)
	if n := g.missing(0); n != 0 {
		t.Errorf("%d commands are missing after all have gone", n)
	}
	g.meets(50)
	g.wait(now, 1, 100)
	g.over()
	if n := g.missing(1); n != 0 {
		t.Errorf("%d commands are missing after those that waited were refused", n)
	}
}
