package clerk

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// unruly is a cluster that does what a real one does on its worst day: it loses commands, loses replies, says UNCERTAIN of what
// it did and of what it did not, moves its leader, and runs commands again that were held up on the way. As promised, it
// runs each number of a session once.
type unruly struct {
	mu        sync.Mutex
	random    *rand.Rand
	nodes     []*fakeNode
	leader    int
	sessions  int
	values    map[string]string
	replies   map[string]string // by session and sequence
	heldUp    [][]string
	repeated  int // attempts at a command that had been run
	forgotten int // attempts that came when the session's window had passed them
	top       int
}

func startUnruly(t *testing.T, size int) *unruly {
	u := &unruly{random: rand.New(rand.NewPCG(1, 4)), values: make(map[string]string), replies: make(map[string]string)}
	for i := range size {
		u.nodes = append(u.nodes, serveNode(t, &fakeNode{run: func(words []string) string { return u.run(i, words) }}))
	}
	return u
}

func (u *unruly) run(node int, words []string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.random.IntN(15) == 0 {
		u.leader = u.random.IntN(len(u.nodes))
	}
	if node != u.leader {
		return fmt.Sprintf("-MOVED 1 %s\r\n", u.nodes[u.leader].address)
	}
	if len(u.heldUp) > 0 && u.random.IntN(3) == 0 {
		at := u.random.IntN(len(u.heldUp))
		u.apply(u.heldUp[at])
		u.heldUp = append(u.heldUp[:at], u.heldUp[at+1:]...)
	}
	switch u.random.IntN(12) {
	case 0:
		return "-CLUSTERDOWN Hash slot not served\r\n"
	case 1:
		return hangUp
	case 2:
		return uncertain
	case 3:
		u.heldUp = append(u.heldUp, words)
		return uncertain
	case 4:
		u.heldUp = append(u.heldUp, words)
		u.apply(words)
		return hangUp
	case 5:
		u.apply(words)
		return uncertain
	}
	return u.apply(words)
}

// apply runs a command, or finds what it answered before.
func (u *unruly) apply(words []string) string {
	switch words[0] {
	case "session":
		u.sessions++
		return fmt.Sprintf(":%d\r\n", u.sessions)
	case "get":
		value := u.values[words[1]]
		return fmt.Sprintf("$%d\r\n%s\r\n", len(value), value)
	}
	number := words[1] + " " + words[2]
	if reply, ok := u.replies[number]; ok {
		u.repeated++
		return reply
	}
	var sequence int
	_, _ = fmt.Sscan(words[2], &sequence)
	if sequence <= u.top-window {
		u.forgotten++
		return expired
	}
	u.top = max(u.top, sequence)
	u.values[words[4]] += words[5]
	u.replies[number] = fmt.Sprintf(":%d\r\n", len(u.values[words[4]]))
	return u.replies[number]
}

func TestEveryAppendIsAppliedOnce(t *testing.T) {
	const appenders, each = 20, 40
	u := startUnruly(t, 3)
	c, ctx := newClerk(t, Options{}, u.nodes[0].address, u.nodes[1].address, u.nodes[2].address)
	var running sync.WaitGroup
	for a := range appenders {
		running.Go(func() {
			for n := range each {
				if err := c.Append(ctx, "journal", fmt.Sprintf("<%d:%d>", a, n)); err != nil {
					t.Errorf("append %d of %d: %v", n, a, err)
				}
			}
		})
	}
	running.Wait()
	journal, _, err := c.Get(ctx, "journal")
	if err != nil {
		t.Fatal(err)
	}
	if have := strings.Count(journal, "<"); have != appenders*each {
		t.Errorf("%d appends are in the value, of %d", have, appenders*each)
	}
	for a := range appenders {
		rest := journal
		for n := range each {
			_, after, found := strings.Cut(rest, fmt.Sprintf("<%d:%d>", a, n))
			if !found {
				t.Fatalf("append %d of %d is not behind the one before it", n, a)
			}
			rest = after
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	t.Logf("%d attempts at what had been run, %d held up past the window", u.repeated, u.forgotten)
	if u.repeated < 50 {
		t.Errorf("only %d commands were repeated: this shows little", u.repeated)
	}
}
