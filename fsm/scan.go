package fsm

import (
	"bytes"
	"strconv"
)

// scanCommands are the commands that look at the whole keyspace, or empty it.
func scanCommands() []*Command {
	flush := func(name, summary string) *Command {
		return &Command{Name: name, Arity: -1, Flags: FlagWrite,
			Group: "server", Since: "1.0.0", Complexity: "O(1); memory is reclaimed in the background.", Summary: summary,
			Tips:       []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Categories: []string{"@keyspace", "@dangerous"}, run: runFlush}
	}
	return []*Command{
		{Name: "keys", Arity: 2, Flags: FlagReadOnly,
			Group: "generic", Since: "1.0.0", Complexity: "O(N) with N the number of keys in the database.",
			Summary:    "Returns all keys that match a pattern.",
			Tips:       []string{"request_policy:all_shards", "nondeterministic_output_order"},
			Categories: []string{"@keyspace", "@dangerous"}, run: runKeys},
		{Name: "scan", Arity: -2, Flags: FlagReadOnly,
			Group: "generic", Since: "2.8.0", Complexity: "O(1) for a call, O(N) for all with N the number of keys.",
			Summary:    "Iterates over the keys, a few with each call.",
			Tips:       []string{"nondeterministic_output", "request_policy:special"},
			Categories: []string{"@keyspace"}, run: runScan},
		{Name: "randomkey", Arity: 1, Flags: FlagReadOnly,
			Group: "generic", Since: "1.0.0", Complexity: "O(1)", Summary: "Returns some key.",
			Tips:       []string{"request_policy:all_shards", "nondeterministic_output"},
			Categories: []string{"@keyspace"}, run: runRandomKey},
		{Name: "dbsize", Arity: 1, Flags: FlagReadOnly | FlagFast,
			Group: "server", Since: "1.0.0", Complexity: "O(1)", Summary: "Returns the number of keys.",
			Tips:       []string{"request_policy:all_shards", "response_policy:agg_sum"},
			Categories: []string{"@keyspace"}, run: runDBSize},
		flush("flushall", "Removes all keys of all databases."),
		flush("flushdb", "Removes all keys of the current database."),
	}
}

// lookAtAll marks a Read as due if any key's deadline lies between log time and the reader's clock.
// It reports whether the command may go on.
func (c *call) lookAtAll() bool {
	if c.now > c.m.logTime && c.m.keys.deadlines.between(c.m.logTime, c.now) > 0 {
		c.due = true
	}
	return !c.due
}

// errPattern answers a pattern that was made to keep the server busy.
const errPattern = "ERR pattern takes too long to match"

// matchesAll reports whether a pattern is the one that Redis does not even try to match.
func matchesAll(pattern []byte) bool { return string(pattern) == "*" }

// runKeys walks twice: a list of the keys, between counting and replying, could take more memory than the reply (P6).
func runKeys(c *call) {
	if !c.lookAtAll() {
		return
	}
	count, size := 0, 2*bulkFrame // the head, and what the last key seems to need
	if !c.walkMatching(c.args[1], func(key []byte) { count, size = count+1, size+bulkSize(len(key)) }) {
		c.w.Error(errPattern)
		return
	}
	if !c.w.hasRoom(size) {
		return
	}
	c.w.Array(count)
	c.walkMatching(c.args[1], c.w.Bulk)
}

// walkMatching visits the living keys that match a pattern. It stops and returns false if the pattern takes too long.
func (c *call) walkMatching(text []byte, visit func(key []byte)) bool {
	all, pattern := matchesAll(text), newGlob(text)
	c.m.keys.walk(0, 0, func(_ int, r record) bool {
		if !r.dueAt(c.m.logTime) && (all || pattern.match(r.key())) {
			visit(r.key())
		}
		return !pattern.spent()
	})
	return !pattern.spent()
}

func (c *call) bulks(list [][]byte) {
	c.w.Array(len(list))
	for _, s := range list {
		c.w.Bulk(s)
	}
}

// A SCAN cursor is a place in the order (slot, hash) of the keyspace: 14 bits of slot and the
// first 49 bits of the hash, so that it also fits a signed 64-bit number. The order is the
// same on every node and never changes, so a scan may go on after a failover, on any node, and
// whatever is written meanwhile a key that is there all the time is returned exactly once. Keys
// that agree in those bits cannot be told apart by a cursor and are returned together.
const (
	cursorHashBits = 49
	// scanVisitsMax is how many keys one call visits at most, whatever COUNT says.
	scanVisitsMax = 1 << 16
)

func cursorOf(slot int, hash uint64) uint64 {
	return uint64(slot)<<cursorHashBits | hash>>(64-cursorHashBits)
}

// parseCursor reads a cursor as C's strtoul does: a sign is allowed, nothing at all is zero, and a
// NUL ends the text.
func parseCursor(text []byte) (cursor uint64, ok bool) {
	text, _, _ = bytes.Cut(text, []byte{0})
	negative := false
	if len(text) > 0 && (text[0] == '+' || text[0] == '-') {
		negative = text[0] == '-'
		if text = text[1:]; len(text) == 0 {
			return 0, false
		}
	}
	if len(text) == 0 {
		return 0, true
	}
	for _, b := range text {
		if b < '0' || b > '9' {
			return 0, false
		}
	}
	cursor, err := strconv.ParseUint(string(text), 10, 64)
	if negative {
		cursor = -cursor
	}
	return cursor, err == nil
}

// scanOptions are the options of SCAN.
type scanOptions struct {
	count int64
	// pattern chooses among the keys, unless it is nil.
	pattern *glob
	// typeName chooses among the keys, if ofType is set.
	typeName []byte
	ofType   bool
}

// scanOptions reads the options; with ok false the error is replied.
func (c *call) scanOptions() (o scanOptions, ok bool) {
	o.count = 10
	for i := 2; i < len(c.args); i += 2 {
		word := c.args[i]
		if i+1 >= len(c.args) {
			c.syntaxError()
			return o, false
		}
		value := c.args[i+1]
		switch {
		case isWord(word, "count"):
			if o.count, ok = c.integer(value); !ok {
				return o, false
			}
			if o.count < 1 {
				c.syntaxError()
				return o, false
			}
		case isWord(word, "match"):
			o.pattern = nil
			if !matchesAll(value) {
				o.pattern = newGlob(value)
			}
		case isWord(word, "type"):
			o.typeName, o.ofType = value, true
		default:
			c.syntaxError()
			return o, false
		}
	}
	return o, true
}

func (o *scanOptions) selects(r record) bool {
	if o.ofType && !isWord(o.typeName, r.kind().name()) {
		return false
	}
	return o.pattern == nil || o.pattern.match(r.key())
}

func runScan(c *call) {
	cursor, ok := parseCursor(c.args[1])
	if !ok {
		c.w.Error("ERR invalid cursor")
		return
	}
	o, ok := c.scanOptions()
	if !ok || !c.lookAtAll() {
		return
	}
	left := min(o.count, scanVisitsMax)
	var keys [][]byte
	var last, next uint64
	from := int(min(cursor>>cursorHashBits, Slots))
	c.m.keys.walk(from, cursor<<(64-cursorHashBits), func(slot int, r record) bool {
		here := cursorOf(slot, c.m.keys.hash(r.key()))
		if left <= 0 && here != last {
			next = here
			return false
		}
		left--
		last = here
		if !r.dueAt(c.m.logTime) && o.selects(r) {
			keys = append(keys, r.key())
		}
		return o.pattern == nil || !o.pattern.spent()
	})
	if o.pattern != nil && o.pattern.spent() {
		c.w.Error(errPattern)
		return
	}
	c.w.Array(2)
	var text [20]byte
	c.w.Bulk(strconv.AppendUint(text[:0], next, 10))
	c.bulks(keys)
}

func runDBSize(c *call) {
	if c.lookAtAll() {
		c.w.Int(int64(c.m.keys.count - c.m.dueKeys()))
	}
}

// runRandomKey returns a key that is chosen by what this machine has at hand: the log index, the
// time, and a count of such choices. Its reply is no state, so the replicas need not agree, save when a session keeps
// it: then the choice follows from the state alone.
func runRandomKey(c *call) {
	if !c.lookAtAll() {
		return
	}
	m := c.m
	if m.keys.count-m.dueKeys() == 0 {
		c.w.Null()
		return
	}
	seed := mix64(mix64(m.index)^uint64(c.now)) + m.sessions.uses
	if c.w.final == nil {
		seed += m.picks.Add(1)
	}
	slot, r := m.keys.nth(int(mix64(seed) % uint64(m.keys.count)))
	if !r.dueAt(m.logTime) {
		c.w.Bulk(r.key())
		return
	}
	// Go on from the dead key to the next living one, once around.
	var found record
	visit := func(_ int, r record) bool {
		if !r.dueAt(m.logTime) {
			found = r
		}
		return found == nil
	}
	m.keys.walk(slot, m.keys.hash(r.key()), visit)
	if found == nil {
		m.keys.walk(0, 0, visit)
	}
	c.w.Bulk(found.key())
}

// mix64 spreads the bits of a number (the finalizer of splitmix64).
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func runFlush(c *call) {
	if len(c.args) > 2 || len(c.args) == 2 && !isWord(c.args[1], "async") && !isWord(c.args[1], "sync") {
		c.syntaxError()
		return
	}
	c.m.keys.clear()
	c.w.Simple("OK")
}
