package fsm

import "math"

// expireCommands are the commands on deadlines.
func expireCommands() []*Command {
	set := func(name, since, summary string, run func(*call)) *Command {
		return &Command{Name: name, Arity: -3, Flags: FlagWrite | FlagFast,
			Group: "generic", Since: since, Complexity: "O(1)", Summary: summary,
			Categories: []string{"@keyspace"}, KeySpecs: []KeySpec{{Flags: "RW update", First: 1}}, run: run}
	}
	get := func(name, since, summary string, tips []string, run func(*call)) *Command {
		return &Command{Name: name, Arity: 2, Flags: FlagReadOnly | FlagFast,
			Group: "generic", Since: since, Complexity: "O(1)", Summary: summary, Tips: tips,
			Categories: []string{"@keyspace"}, KeySpecs: []KeySpec{{Flags: "RO access", First: 1}}, run: run}
	}
	moving := []string{"nondeterministic_output"}
	return []*Command{
		set("expire", "1.0.0", "Gives a key a time to live in seconds.", runExpire),
		set("pexpire", "2.6.0", "Gives a key a time to live in milliseconds.", runPExpire),
		set("expireat", "1.2.0", "Sets the Unix time in seconds at which a key is gone.", runExpireAt),
		set("pexpireat", "2.6.0", "Sets the Unix time in milliseconds at which a key is gone.", runPExpireAt),
		get("ttl", "1.0.0", "Returns how many seconds a key still lives.", moving, runTTL),
		get("pttl", "2.6.0", "Returns how many milliseconds a key still lives.", moving, runPTTL),
		get("expiretime", "7.0.0", "Returns the Unix time in seconds at which a key is gone.", nil, runExpireTime),
		get("pexpiretime", "7.0.0", "Returns the Unix time in milliseconds at which a key is gone.", nil, runPExpireTime),
		{Name: "persist", Arity: 2, Flags: FlagWrite | FlagFast,
			Group: "generic", Since: "2.2.0", Complexity: "O(1)", Summary: "Lets a key live without end.",
			Categories: []string{"@keyspace"}, KeySpecs: []KeySpec{{Flags: "RW update", First: 1}}, run: runPersist},
	}
}

// toMillis turns a number of seconds, or of milliseconds, into milliseconds; ok is false if that
// leaves the 64 bits.
func toMillis(n int64, seconds bool) (millis int64, ok bool) {
	if !seconds {
		return n, true
	}
	return n * 1000, n <= math.MaxInt64/1000 && n >= math.MinInt64/1000
}

// invalidExpire replies that a time to live or a deadline is out of range.
func (c *call) invalidExpire() {
	c.w.Error("ERR invalid expire time in '" + c.command.Name + "' command")
}

// expireAt gives the key that find found at a place a deadline. A deadline that has come
// removes the key at once.
func (c *call) expireAt(at place, deadline int64) {
	if deadline <= c.m.logTime {
		c.m.keys.remove(at)
		return
	}
	c.m.keys.setDeadline(c.writable(at, 0), deadline)
}

// expireConditions are the options of the EXPIRE family.
type expireConditions struct{ nx, xx, gt, lt bool }

// expireConditions reads the options; with ok false the error is replied.
func (c *call) expireConditions() (o expireConditions, ok bool) {
	for _, word := range c.args[3:] {
		switch {
		case isWord(word, "nx"):
			o.nx = true
		case isWord(word, "xx"):
			o.xx = true
		case isWord(word, "gt"):
			o.gt = true
		case isWord(word, "lt"):
			o.lt = true
		default:
			c.w.Error("ERR Unsupported option " + quoted(word, len(word)))
			return o, false
		}
	}
	switch {
	case o.nx && (o.xx || o.gt || o.lt):
		c.w.Error("ERR NX and XX, GT or LT options at the same time are not compatible")
		return o, false
	case o.gt && o.lt:
		c.w.Error("ERR GT and LT options at the same time are not compatible")
		return o, false
	}
	return o, true
}

// allow reports whether a key's deadline may change from old (zero: none, which counts as later
// than any) to deadline.
func (o expireConditions) allow(old, deadline int64) bool {
	switch {
	case o.nx && old != 0, o.xx && old == 0:
		return false
	case o.gt && (old == 0 || deadline <= old):
		return false
	case o.lt && old != 0 && deadline >= old:
		return false
	}
	return true
}

func runExpire(c *call)    { c.expire(true, c.now) }
func runPExpire(c *call)   { c.expire(false, c.now) }
func runExpireAt(c *call)  { c.expire(true, 0) }
func runPExpireAt(c *call) { c.expire(false, 0) }

// expire carries out the EXPIRE family: the argument counts in seconds or milliseconds from base.
func (c *call) expire(seconds bool, base int64) {
	conditions, ok := c.expireConditions()
	if !ok {
		return
	}
	n, ok := c.integer(c.args[2])
	if !ok {
		return
	}
	deadline, ok := toMillis(n, seconds)
	if !ok || addOverflows(deadline, base) {
		c.invalidExpire()
		return
	}
	deadline += base
	at := placeOf(c.args[1])
	e := c.find(at)
	if e == nil || !conditions.allow(e.deadline(), deadline) {
		c.w.Int(0)
		return
	}
	c.expireAt(at, deadline)
	c.w.Int(1)
}

func runTTL(c *call)         { c.timeToLive(1000, c.now) }
func runPTTL(c *call)        { c.timeToLive(1, c.now) }
func runExpireTime(c *call)  { c.timeToLive(1000, 0) }
func runPExpireTime(c *call) { c.timeToLive(1, 0) }

// timeToLive replies with a key's deadline, counted from base in units of some milliseconds and rounded.
func (c *call) timeToLive(unit, base int64) {
	e := c.findKey(c.args[1])
	switch {
	case e == nil:
		c.w.Int(-2)
	case e.deadline() == 0:
		c.w.Int(-1)
	default:
		millis := max(e.deadline()-base, 0)
		n := millis / unit
		if millis%unit >= (unit+1)/2 && unit > 1 {
			n++
		}
		c.w.Int(n)
	}
}

func runPersist(c *call) {
	at := placeOf(c.args[1])
	e := c.find(at)
	if e == nil || e.deadline() == 0 {
		c.w.Int(0)
		return
	}
	c.m.keys.setDeadline(c.writable(at, 0), 0)
	c.w.Int(1)
}
