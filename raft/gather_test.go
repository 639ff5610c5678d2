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
		g.committed(now, index)
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

func TestFewClientsDoNotWait(t *testing.T) {
	for crowd := range leastCrowd {
		g, now := crowded(crowd, 1000)
		if wait := g.wait(now, 1, 100); wait != 0 {
			t.Errorf("with %d clients at once a command waits %d µs", crowd, wait)
		}
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
	g.committed(now+1_000_000, 1000)
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
		g.committed(now+1000, 1<<20+index)
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
		g.committed(now, 1<<20+index)
	}
	if long > 500>>maxVain+maxVain+1 {
		t.Errorf("%d of 500 appends waited for one client", long)
	}
}

// A new leader learns first how long a commit takes.
func TestNobodyWaitsBeforeACommit(t *testing.T) {
	g := gatherer{crowd: 50}
	if wait := g.wait(1, 1, 100); wait != 0 || g.until != 0 {
		t.Errorf("a command waits %d µs before anything has committed", wait)
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
	for g.wait(now, 1, 100) > 0 {
		now += longestGather
		g.appended(now, 1, 1<<20)
		appends++
	}
	for ; g.crowd >= leastCrowd; appends++ {
		g.appended(now, 1, 1<<20)
	}
	if appends > 150 {
		t.Errorf("a crowd of 1000 that has left was waited for during %d appends", appends)
	}
}

// A large crowd goes in halves.
func TestALargeCrowdTakesTurns(t *testing.T) {
	g, now := crowded(256, 1000)
	for range 20 {
		g.meets(256)
		commands, waited := gathers(&g, now, 10, 1, 256)
		if commands < 120 || commands > 136 || waited > 2000 {
			t.Fatalf("%d of 256 commands, 10 µs apart, went together after %d µs", commands, waited)
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
}
