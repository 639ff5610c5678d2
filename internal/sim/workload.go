package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"redoubt/internal/lin"
)

// load is the state of the clients' work as a whole.
type load struct {
	// stopped: no client begins a new call. calm: their connections do not break any more.
	stopped, calm bool
	// groups are the groups of keys in use; serial numbers those that ever were.
	groups []*group
	serial int
}

// group is a few keys that commands may name together. The search for a linearization grows fast with the length of a
// history and with how much of it overlaps, so both are bounded: after so many commands another group takes its place.
type group struct {
	serial, uses int
	// pending commands have no outcome yet. stale reads were recorded.
	pending, stale int
	keys           []string
}

const (
	// maxUses bounds the commands on one group of keys.
	maxUses = 60
	// maxPending bounds those at a time.
	maxPending = 6
	// unknownCost is how many commands one of unknown outcome counts for: it overlaps all that follow.
	unknownCost = 8
	// maxStale bounds the stale reads that are judged: each overlaps all that went before.
	maxStale = 4
)

// group draws one of the groups in use for a command.
func (w *world) group(r random) *group {
	l := &w.load
	for len(l.groups) < w.plan.load.groups {
		l.groups = append(l.groups, w.newGroup())
	}
	start := r.IntN(len(l.groups))
	for i := range l.groups {
		at := (start + i) % len(l.groups)
		if l.groups[at].uses >= maxUses {
			w.check.history.retire(l.groups[at])
			l.groups[at] = w.newGroup()
		}
		if g := l.groups[at]; g.pending < maxPending {
			return g.use()
		}
	}
	l.groups = append(l.groups, w.newGroup())
	return l.groups[len(l.groups)-1].use()
}

func (g *group) use() *group {
	g.uses++
	g.pending++
	return g
}

// countStale takes in a stale read, and tells whether it is to be judged.
func (g *group) countStale() bool {
	g.stale++
	return g.stale <= maxStale
}

// release takes in that a command of the group has an outcome.
func (g *group) release(outcome lin.Outcome) {
	g.pending--
	if outcome == lin.Unknown {
		g.uses += unknownCost
	}
}

func (w *world) newGroup() *group {
	g := &group{serial: w.load.serial}
	w.load.serial++
	for k := range w.plan.load.keysPerGroup {
		g.keys = append(g.keys, fmt.Sprintf("g%d.%c", g.serial, 'a'+rune(k)))
	}
	return g
}

// workload draws one client's commands.
type workload struct {
	c      *client
	serial int
}

func (k *workload) init(c *client) { k.c = c }

// unique returns a text that occurs once in the world.
func (k *workload) unique() string {
	k.serial++
	return fmt.Sprintf("%d.%d;", k.c.number, k.serial)
}

// value returns a unique value, sometimes a large one.
func (k *workload) value() string {
	plan, v := &k.c.w.plan.load, k.unique()
	if k.c.random.chance(plan.largeValue) {
		v = strings.Repeat("x", k.c.random.IntN(plan.largeBytes)) + v
	}
	return v
}

func (k *workload) openSession() []string {
	if k.c.random.oneIn(2) {
		return []string{"SESSION", "OPEN"}
	}
	return []string{"SESSION", "OPEN", "TTL", strconv.Itoa(k.c.random.between(2, 60))}
}

func (k *workload) opensSession(words []string) bool { return words[0] == "SESSION" }

// sessionTTL is how long a session lives without use.
func (k *workload) sessionTTL(words []string) time.Duration {
	if len(words) < 4 {
		return time.Hour
	}
	seconds, _ := strconv.Atoi(words[3])
	return time.Duration(seconds) * time.Second
}

// askStatus asks what became of a command of a session.
func (k *workload) askStatus(cmd *command) []string {
	return []string{"ONCE", "STATUS", strconv.FormatUint(cmd.session, 10), strconv.FormatUint(cmd.sequence, 10)}
}

func (k *workload) asksStatus(words []string) bool { return words[0] == "ONCE" }

// reads tells whether a command only reads, so that nothing is lost with its answer.
func (k *workload) reads(words []string) bool { return !lookup(words).Writes() }

// next draws the commands of a pipeline.
func (k *workload) next() []*command {
	r, plan := k.c.random, &k.c.w.plan.load
	if k.c.through != reading && r.chance(plan.together) {
		return k.together()
	}
	if k.c.through != reading && r.chance(plan.probing) {
		return k.probe()
	}
	commands := make([]*command, r.between(1, plan.pipeline))
	for i := range commands {
		g := k.c.w.group(r)
		words := k.command
		if k.c.through == reading {
			words = k.read
		}
		commands[i] = &command{words: words(g), group: g}
	}
	return commands
}

// read draws a command that only reads.
func (k *workload) read(g *group) []string {
	r := k.c.random
	key := pick(r, g.keys...)
	switch r.IntN(10) {
	case 0:
		return []string{"EXISTS", key}
	case 1:
		return []string{"STRLEN", key}
	case 2:
		return []string{"PTTL", key}
	case 3, 4:
		return append([]string{"MGET"}, g.keys...)
	default:
		return []string{"GET", key}
	}
}

// command draws any command.
func (k *workload) command(g *group) []string {
	r := k.c.random
	key := pick(r, g.keys...)
	if k.c.w.plan.load.expiring > 0 && r.chance(k.c.w.plan.load.expiring) {
		return k.expiring(key)
	}
	if isCounter(g) {
		return k.counting(g, key)
	}
	switch r.IntN(20) {
	case 0, 1:
		return []string{"SET", key, k.value()}
	case 2, 3, 4, 5, 6:
		return []string{"APPEND", key, k.value()}
	case 7:
		return []string{"DEL", key}
	case 8:
		return []string{"GETSET", key, k.value()}
	case 9:
		return []string{"SETNX", key, k.value()}
	case 10:
		return []string{"GETDEL", key}
	case 11, 12:
		return k.mset(g)
	case 14:
		if r.oneIn(3) {
			return []string{"INCR", key} // on a text: an error, which is a reply as any other
		}
		return k.read(g)
	case 13:
		return []string{"SET", key, k.value(), pick(r, "NX", "XX"), "GET"}
	default:
		return k.read(g)
	}
}

// isCounter: every third group counts.
func isCounter(g *group) bool { return g.serial%3 == 2 }

func (k *workload) counting(g *group, key string) []string {
	r := k.c.random
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		return []string{"INCR", key}
	case 4:
		return []string{"DECRBY", key, strconv.Itoa(r.between(1, 1000))}
	case 5:
		return []string{"INCRBY", key, strconv.Itoa(r.between(1, 1000))}
	case 6:
		return []string{"DEL", key}
	default:
		return k.read(g)
	}
}

func (k *workload) mset(g *group) []string {
	words := []string{"MSET"}
	if k.c.random.oneIn(4) {
		words[0] = "MSETNX"
	}
	for _, key := range g.keys {
		words = append(words, key, k.value())
	}
	return words
}

// expiring draws a command that has to do with deadlines.
func (k *workload) expiring(key string) []string {
	r, plan := k.c.random, &k.c.w.plan.load
	millis := r.span(plan.ttlMin, plan.ttlMax).Milliseconds()
	ttl := strconv.FormatInt(max(1, millis), 10)
	switch r.IntN(8) {
	case 0:
		return []string{"PERSIST", key}
	case 1:
		return []string{"PEXPIRE", key, ttl}
	case 2:
		return []string{"EXPIRE", key, strconv.Itoa(r.between(1, 3))}
	case 3:
		return []string{"PTTL", key}
	default:
		return []string{"SET", key, k.value(), "PX", ttl}
	}
}

// history is what the clients were told, for the judge at the end.
type history struct {
	w          *world
	operations []lin.Operation
	// keys are all that were ever used, in order.
	groups []*group
}

func (h *history) init(w *world) { h.w = w }

// retire remembers the keys of a group that no client uses any more, to be read once at the end.
func (h *history) retire(g *group) { h.groups = append(h.groups, g) }

// record takes in the outcome of a command.
func (h *history) record(c *client, cmd *command, outcome lin.Outcome, reply lin.Reply) {
	if h.w.trace.on() {
		h.w.trace.write(h.w.now, c.name(), "%s: %v %s", strings.Join(cmd.words, " "), outcome, reply)
	}
	if cmd.group != nil {
		cmd.group.release(outcome)
	}
	stale := c.through == reading && cmd.reads && !h.w.plan.load.linearizableReaders
	if outcome == lin.NotDone || cmd.words[0] == "SESSION" || cmd.words[0] == "ONCE" || stale && !cmd.group.countStale() {
		return
	}
	h.operations = append(h.operations, lin.Operation{
		Client:  c.number,
		Call:    int64(cmd.began),
		Return:  int64(h.w.now),
		Words:   cmd.words,
		Outcome: outcome,
		Reply:   reply,
		Stale:   stale,
	})
}
