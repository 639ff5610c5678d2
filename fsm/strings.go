package fsm

// stringCommands are the commands that get and set whole strings.
func stringCommands() []*Command {
	return []*Command{
		{Name: "get", Arity: 2, Flags: FlagReadOnly | FlagFast,
			Group: "string", Since: "1.0.0", Complexity: "O(1)", Summary: "Returns the string at a key.",
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "RO access", First: 1}}, run: runGet},
		{Name: "set", Arity: -3, Flags: FlagWrite | FlagDenyOOM,
			Group: "string", Since: "1.0.0", Complexity: "O(1)",
			Summary:    "Sets a key to a string, whatever it held before; options add a condition and a time to live.",
			Categories: []string{"@string"},
			KeySpecs: []KeySpec{{Notes: "RW and ACCESS due to the optional `GET` argument",
				Flags: "RW access update variable_flags", First: 1}}, run: runSet},
		{Name: "setnx", Arity: 3, Flags: FlagWrite | FlagDenyOOM | FlagFast,
			Group: "string", Since: "1.0.0", Complexity: "O(1)", Summary: "Sets a key to a string if it does not exist.",
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "OW insert", First: 1}}, run: runSetNX},
		{Name: "setex", Arity: 4, Flags: FlagWrite | FlagDenyOOM,
			Group: "string", Since: "2.0.0", Complexity: "O(1)", Summary: "Sets a key to a string with a time to live in seconds.",
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "OW update", First: 1}}, run: runSetEX},
		{Name: "psetex", Arity: 4, Flags: FlagWrite | FlagDenyOOM,
			Group: "string", Since: "2.6.0", Complexity: "O(1)", Summary: "Sets a key to a string with a time to live in milliseconds.",
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "OW update", First: 1}}, run: runPSetEX},
		{Name: "getset", Arity: 3, Flags: FlagWrite | FlagDenyOOM | FlagFast,
			Group: "string", Since: "1.0.0", Complexity: "O(1)", Summary: "Sets a key to a string and returns the one before.",
			Deprecated: "6.2.0", ReplacedBy: "`SET` with the `!GET` argument",
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "RW access update", First: 1}}, run: runGetSet},
		{Name: "getdel", Arity: 2, Flags: FlagWrite | FlagFast,
			Group: "string", Since: "6.2.0", Complexity: "O(1)", Summary: "Returns the string at a key and removes the key.",
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "RW access delete", First: 1}}, run: runGetDel},
		{Name: "getex", Arity: -2, Flags: FlagWrite | FlagFast,
			Group: "string", Since: "6.2.0", Complexity: "O(1)", Summary: "Returns the string at a key and changes its time to live.",
			Categories: []string{"@string"},
			KeySpecs: []KeySpec{{Notes: "RW and UPDATE because it changes the TTL",
				Flags: "RW access update", First: 1}}, run: runGetEX},
		{Name: "mget", Arity: -2, Flags: FlagReadOnly | FlagFast,
			Group: "string", Since: "1.0.0", Complexity: "O(N) with N the number of keys.", Summary: "Returns the strings at several keys.",
			Tips:       []string{"request_policy:multi_shard"},
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "RO access", First: 1, Last: -1}}, run: runMGet},
		{Name: "mset", Arity: -3, Flags: FlagWrite | FlagDenyOOM,
			Group: "string", Since: "1.0.1", Complexity: "O(N) with N the number of keys.", Summary: "Sets several keys to strings.",
			Tips:       []string{"request_policy:multi_shard", "response_policy:all_succeeded"},
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "OW update", First: 1, Last: -1, Step: 2}}, run: runMSet},
		{Name: "msetnx", Arity: -3, Flags: FlagWrite | FlagDenyOOM,
			Group: "string", Since: "1.0.1", Complexity: "O(N) with N the number of keys.",
			Summary:    "Sets several keys to strings if none of them exists.",
			Tips:       []string{"request_policy:multi_shard", "response_policy:agg_min"},
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "OW insert", First: 1, Last: -1, Step: 2}}, run: runMSetNX},
	}
}

func runGet(c *call) {
	e, ok := c.findString(placeOf(c.args[1]))
	switch {
	case e != nil:
		c.bulk(e)
	case ok:
		c.w.Null()
	}
}

// setOptions are the options of SET and GETEX.
type setOptions struct {
	nx, xx, get, keepTTL, persist bool
	ttl                           ttlOption
	// amount is the argument of the time option.
	amount []byte
}

// ttlOption says how the argument of a time option counts.
type ttlOption uint8

const (
	ttlNone     ttlOption = iota
	ttlSeconds            // EX: seconds from now
	ttlMillis             // PX: milliseconds from now
	ttlSecondAt           // EXAT: a Unix time in seconds
	ttlMilliAt            // PXAT: a Unix time in milliseconds
)

// ttlOptionOf returns the time option that a word names, or ttlNone.
func ttlOptionOf(word []byte) ttlOption {
	switch {
	case isWord(word, "ex"):
		return ttlSeconds
	case isWord(word, "px"):
		return ttlMillis
	case isWord(word, "exat"):
		return ttlSecondAt
	case isWord(word, "pxat"):
		return ttlMilliAt
	}
	return ttlNone
}

// setOptions reads the options of SET (or of GETEX, if getex) from a word on. With ok false they
// make no sense and the error is replied.
func (c *call) setOptions(from int, getex bool) (o setOptions, ok bool) {
	for i := from; i < len(c.args); i++ {
		word := c.args[i]
		ttl := ttlOptionOf(word)
		switch {
		case !getex && !o.xx && isWord(word, "nx"):
			o.nx = true
		case !getex && !o.nx && isWord(word, "xx"):
			o.xx = true
		case !getex && isWord(word, "get"):
			o.get = true
		case !getex && o.ttl == ttlNone && isWord(word, "keepttl"):
			o.keepTTL = true
		case getex && o.ttl == ttlNone && isWord(word, "persist"):
			o.persist = true
		case ttl != ttlNone && (o.ttl == ttlNone || o.ttl == ttl) && !o.keepTTL && !o.persist && i+1 < len(c.args):
			i++
			o.ttl, o.amount = ttl, c.args[i]
		default:
			c.syntaxError()
			return o, false
		}
	}
	return o, true
}

// deadlineOf turns a time option into a deadline in log time milliseconds. It must lie above zero; with ok
// false the error is replied.
func (c *call) deadlineOf(ttl ttlOption, amount []byte) (deadline int64, ok bool) {
	n, ok := c.integer(amount)
	if !ok {
		return 0, false
	}
	deadline, ok = toMillis(n, ttl == ttlSeconds || ttl == ttlSecondAt)
	if ok && deadline > 0 && (ttl == ttlSeconds || ttl == ttlMillis) {
		ok = !addOverflows(deadline, c.now)
		deadline += c.now
	}
	if !ok || deadline <= 0 {
		c.invalidExpire()
		return 0, false
	}
	return deadline, true
}

func runSet(c *call) {
	if len(c.args) == 3 {
		c.store(c.args[1], c.args[2])
		c.w.Simple("OK")
		return
	}
	o, ok := c.setOptions(3, false)
	if !ok {
		return
	}
	var deadline int64
	if o.ttl != ttlNone {
		if deadline, ok = c.deadlineOf(o.ttl, o.amount); !ok {
			return
		}
	}
	at := placeOf(c.args[1])
	e := c.find(at)
	if o.get {
		if e != nil && e.kind() != kindString {
			c.wrongType()
			return
		}
		c.bulkOrNull(e)
	}
	if o.nx && e != nil || o.xx && e == nil {
		if !o.get {
			c.w.Null()
		}
		return
	}
	c.setWithDeadline(at, c.args[2], deadline, o.keepTTL)
	if !o.get {
		c.w.Simple("OK")
	}
}

// setWithDeadline sets a key to a string that is gone at a deadline (zero: never, or as before with keepTTL).
func (c *call) setWithDeadline(at place, value []byte, deadline int64, keepTTL bool) {
	if deadline != 0 && deadline <= c.m.logTime {
		// Set, and gone at once.
		c.remove(at)
		return
	}
	size := len(value)
	if deadline != 0 {
		size += deadlineBytes
	}
	e := c.writable(at, size)
	c.setString(e, value)
	if !keepTTL {
		c.m.keys.setDeadline(e, deadline)
	}
}

// bulkOrNull replies with a string, or null if there is none.
func (c *call) bulkOrNull(r record) {
	if r == nil {
		c.w.Null()
	} else {
		c.bulk(r)
	}
}

func runSetNX(c *call) {
	at := placeOf(c.args[1])
	if c.find(at) != nil {
		c.w.Int(0)
		return
	}
	c.setWithDeadline(at, c.args[2], 0, false)
	c.w.Int(1)
}

func runSetEX(c *call)  { c.setTTL(ttlSeconds) }
func runPSetEX(c *call) { c.setTTL(ttlMillis) }

func (c *call) setTTL(ttl ttlOption) {
	deadline, ok := c.deadlineOf(ttl, c.args[2])
	if !ok {
		return
	}
	c.setWithDeadline(placeOf(c.args[1]), c.args[3], deadline, false)
	c.w.Simple("OK")
}

func runGetSet(c *call) {
	at := placeOf(c.args[1])
	e, ok := c.findString(at)
	if !ok {
		return
	}
	c.bulkOrNull(e)
	c.setWithDeadline(at, c.args[2], 0, false)
}

func runGetDel(c *call) {
	at := placeOf(c.args[1])
	e, ok := c.findString(at)
	if !ok {
		return
	}
	c.bulkOrNull(e)
	if e != nil {
		c.m.keys.remove(at)
	}
}

func runGetEX(c *call) {
	o, ok := c.setOptions(2, true)
	if !ok {
		return
	}
	at := placeOf(c.args[1])
	e, ok := c.findString(at)
	if e == nil {
		if ok {
			c.w.Null()
		}
		return
	}
	var deadline int64
	if o.ttl != ttlNone {
		if deadline, ok = c.deadlineOf(o.ttl, o.amount); !ok {
			return
		}
	}
	c.bulk(e)
	switch {
	case deadline != 0:
		c.expireAt(at, deadline)
	case o.persist && e.has(flagDeadline):
		c.m.keys.setDeadline(c.writable(at, 0), 0)
	}
}

// replyMax bounds in bytes what one command may reply: naming one long value over and over must not
// take memory without bound.
const replyMax = 1 << 30

func runMGet(c *call) {
	// The size is known before memory is taken. The second look at each key finds it in the cache.
	var size int64
	for _, key := range c.args[1:] {
		size += c.findKey(key).length()
	}
	if size > replyMax {
		c.w.Error("ERR reply exceeds maximum allowed size")
		return
	}
	if !c.w.hasRoom(int(size) + len(c.args)*bulkFrame) {
		return
	}
	c.w.Array(len(c.args) - 1)
	for _, key := range c.args[1:] {
		e := c.findKey(key)
		if e != nil && e.kind() != kindString {
			e = nil
		}
		c.bulkOrNull(e)
	}
}

func runMSet(c *call) {
	if len(c.args)%2 == 0 {
		c.wrongArity()
		return
	}
	for i := 1; i < len(c.args); i += 2 {
		c.store(c.args[i], c.args[i+1])
	}
	c.w.Simple("OK")
}

func runMSetNX(c *call) {
	if len(c.args)%2 == 0 {
		c.wrongArity()
		return
	}
	for i := 1; i < len(c.args); i += 2 {
		if c.findKey(c.args[i]) != nil {
			c.w.Int(0)
			return
		}
	}
	for i := 1; i < len(c.args); i += 2 {
		c.store(c.args[i], c.args[i+1])
	}
	c.w.Int(1)
}
