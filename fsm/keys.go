package fsm

import "math"

// keyCommands are the commands on keys of any kind.
func keyCommands() []*Command {
	const perKey = "O(N) with N the number of keys."
	sum := []string{"request_policy:multi_shard", "response_policy:agg_sum"}
	return []*Command{
		{Name: "del", Arity: -2, Flags: FlagWrite,
			Group: "generic", Since: "1.0.0", Complexity: perKey, Summary: "Removes keys.", Tips: sum,
			Categories: []string{"@keyspace"}, KeySpecs: []KeySpec{{Flags: "RM delete", First: 1, Last: -1}}, run: runDel},
		{Name: "unlink", Arity: -2, Flags: FlagWrite | FlagFast,
			Group: "generic", Since: "4.0.0", Complexity: perKey, Summary: "Removes keys.", Tips: sum,
			Categories: []string{"@keyspace"}, KeySpecs: []KeySpec{{Flags: "RM delete", First: 1, Last: -1}}, run: runDel},
		{Name: "exists", Arity: -2, Flags: FlagReadOnly | FlagFast,
			Group: "generic", Since: "1.0.0", Complexity: perKey, Summary: "Counts which of the keys exist.", Tips: sum,
			Categories: []string{"@keyspace"}, KeySpecs: []KeySpec{{Flags: "RO", First: 1, Last: -1}}, run: runExists},
		{Name: "touch", Arity: -2, Flags: FlagReadOnly | FlagFast, logged: true,
			Group: "generic", Since: "3.2.1", Complexity: perKey,
			Summary: "Counts which of the keys exist and marks them as just used.", Tips: sum,
			Categories: []string{"@keyspace"}, KeySpecs: []KeySpec{{Flags: "RO", First: 1, Last: -1}}, run: runTouch},
		{Name: "type", Arity: 2, Flags: FlagReadOnly | FlagFast,
			Group: "generic", Since: "1.0.0", Complexity: "O(1)", Summary: "Returns the type of the value at a key.",
			Categories: []string{"@keyspace"}, KeySpecs: []KeySpec{{Flags: "RO", First: 1}}, run: runType},
		{Name: "rename", Arity: 3, Flags: FlagWrite,
			Group: "generic", Since: "1.0.0", Complexity: "O(1)",
			Summary:    "Renames a key, in place of whatever had the new name.",
			Categories: []string{"@keyspace"},
			KeySpecs:   []KeySpec{{Flags: "RW access delete", First: 1}, {Flags: "OW update", First: 2}}, run: runRename},
		{Name: "renamenx", Arity: 3, Flags: FlagWrite | FlagFast,
			Group: "generic", Since: "1.0.0", Complexity: "O(1)", Summary: "Renames a key if nothing has the new name.",
			Categories: []string{"@keyspace"},
			KeySpecs:   []KeySpec{{Flags: "RW access delete", First: 1}, {Flags: "OW insert", First: 2}}, run: runRenameNX},
		{Name: "copy", Arity: -3, Flags: FlagWrite | FlagDenyOOM,
			Group: "generic", Since: "6.2.0", Complexity: "O(N) with N the size of the value.",
			Summary:    "Copies the value at a key, with its deadline, to another key.",
			Categories: []string{"@keyspace"},
			KeySpecs:   []KeySpec{{Flags: "RO access", First: 1}, {Flags: "OW update", First: 2}}, run: runCopy},
	}
}

func runDel(c *call) {
	var n int64
	for _, key := range c.args[1:] {
		if c.delete(key) {
			n++
		}
	}
	c.w.Int(n)
}

func runExists(c *call) {
	var n int64
	for _, key := range c.args[1:] {
		if c.findKey(key) != nil {
			n++
		}
	}
	c.w.Int(n)
}

// runTouch marks keys as used just now. In a Read, which changes nothing, it only counts.
func runTouch(c *call) {
	var n int64
	for _, key := range c.args[1:] {
		at := placeOf(key)
		if c.find(at) == nil {
			continue
		}
		n++
		if !c.reading {
			c.writable(at, 0)
		}
	}
	c.w.Int(n)
}

func runType(c *call) {
	if e := c.findKey(c.args[1]); e != nil {
		c.w.Simple(e.kind().name())
	} else {
		c.w.Simple("none")
	}
}

func runRename(c *call) {
	if c.rename(true) {
		c.w.Simple("OK")
	}
}

func runRenameNX(c *call) {
	if c.rename(false) {
		c.w.Int(1)
	}
}

// rename moves the value and the deadline of the first key to the second. If that is not to be, it
// replies and returns false.
func (c *call) rename(replace bool) bool {
	from, to := placeOf(c.args[1]), placeOf(c.args[2])
	e := c.find(from)
	if e == nil {
		c.w.Error(errNoSuchKey)
		return false
	}
	same := string(from.key) == string(to.key)
	if !replace && (same || c.find(to) != nil) {
		c.w.Int(0)
		return false
	}
	if same {
		return true
	}
	c.remove(to)
	c.m.keys.rename(from, to, c.m.logTime)
	return true
}

func runCopy(c *call) {
	replace := false
	for i := 3; i < len(c.args); i++ {
		switch {
		case isWord(c.args[i], "replace"):
			replace = true
		case isWord(c.args[i], "db") && i+1 < len(c.args):
			i++
			if !c.onlyDatabase(c.args[i]) {
				return
			}
		default:
			c.syntaxError()
			return
		}
	}
	from, to := placeOf(c.args[1]), placeOf(c.args[2])
	if string(from.key) == string(to.key) {
		c.w.Error("ERR source and destination objects are the same")
		return
	}
	e := c.find(from)
	if e == nil || !replace && c.find(to) != nil {
		c.w.Int(0)
		return
	}
	copied := c.writable(to, 0)
	c.m.keys.copyValue(copied, e)
	c.m.keys.setDeadline(copied, e.deadline())
	c.w.Int(1)
}

// onlyDatabase checks the number of a database: there is only number 0. With false the error is replied.
func (c *call) onlyDatabase(arg []byte) bool {
	n, ok := c.integer(arg)
	if ok && n != 0 {
		if n < math.MinInt32 || n > math.MaxInt32 {
			c.w.Error("ERR value is out of range, value must between -2147483648 and 2147483647")
		} else {
			c.w.Error("ERR DB index is out of range")
		}
	}
	return ok && n == 0
}
