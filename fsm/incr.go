package fsm

import "math"

// numberCommands are the commands that treat a string as a number.
func numberCommands() []*Command {
	row := func(name string, arity int, since, summary string, run func(*call)) *Command {
		return &Command{Name: name, Arity: arity, Flags: FlagWrite | FlagDenyOOM | FlagFast,
			Group: "string", Since: since, Complexity: "O(1)", Summary: summary,
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "RW access update", First: 1}}, run: run}
	}
	return []*Command{
		row("incr", 2, "1.0.0", "Adds one to the integer at a key.", runIncr),
		row("decr", 2, "1.0.0", "Takes one from the integer at a key.", runDecr),
		row("incrby", 3, "1.0.0", "Adds to the integer at a key.", runIncrBy),
		row("decrby", 3, "1.0.0", "Takes from the integer at a key.", runDecrBy),
		row("incrbyfloat", 3, "2.6.0", "Adds to the decimal number at a key.", runIncrByFloat),
	}
}

func runIncr(c *call) { c.increment(1) }
func runDecr(c *call) { c.increment(-1) }

func runIncrBy(c *call) {
	if n, ok := c.integer(c.args[2]); ok {
		c.increment(n)
	}
}

func runDecrBy(c *call) {
	n, ok := c.integer(c.args[2])
	switch {
	case !ok:
	case n == math.MinInt64:
		c.w.Error("ERR decrement would overflow")
	default:
		c.increment(-n)
	}
}

// increment adds to the integer at the first key. A missing key counts as zero, and the deadline stays.
func (c *call) increment(n int64) {
	at := placeOf(c.args[1])
	e, ok := c.findString(at)
	if !ok {
		return
	}
	var old int64
	switch {
	case e == nil:
	case e.isInteger():
		old = e.number()
	default:
		if old, ok = c.integer(c.m.keys.data(e)); !ok {
			return
		}
	}
	if addOverflows(old, n) {
		c.w.Error("ERR increment or decrement would overflow")
		return
	}
	c.m.keys.setInteger(c.writable(at, integerBytes), old+n, encodingInt)
	c.w.Int(old + n)
}

func runIncrByFloat(c *call) {
	at := placeOf(c.args[1])
	e, ok := c.findString(at)
	if !ok {
		return
	}
	old := new(longDouble)
	if e != nil {
		if old, ok = parseLongDouble(c.text(e)); !ok {
			c.w.Error(errNotFloat)
			return
		}
	}
	n, ok := parseLongDouble(c.args[2])
	if !ok {
		c.w.Error(errNotFloat)
		return
	}
	sum, ok := addLongDouble(old, n)
	if !ok {
		c.w.Error("ERR increment would produce NaN or Infinity")
		return
	}
	text := formatLongDouble(sum)
	enc := encodingRaw
	if len(text) <= embstrMax {
		enc = encodingEmbstr
	}
	c.m.keys.setBytes(c.writable(at, len(text)), text, enc)
	c.w.Bulk(text)
}
