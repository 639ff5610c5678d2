package fsm

// rangeCommands are the commands on parts of strings.
func rangeCommands() []*Command {
	const rangeComplexity = "O(N) with N the number of returned bytes."
	return []*Command{
		{Name: "append", Arity: 3, Flags: FlagWrite | FlagDenyOOM | FlagFast,
			Group: "string", Since: "2.0.0", Complexity: "O(1) amortized, for small appended strings.",
			Summary:    "Appends a string to the one at a key.",
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "RW insert", First: 1}}, run: runAppend},
		{Name: "strlen", Arity: 2, Flags: FlagReadOnly | FlagFast,
			Group: "string", Since: "2.2.0", Complexity: "O(1)", Summary: "Returns the length of a string in bytes.",
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "RO", First: 1}}, run: runStrlen},
		{Name: "getrange", Arity: 4, Flags: FlagReadOnly,
			Group: "string", Since: "2.4.0", Complexity: rangeComplexity, Summary: "Returns part of a string.",
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "RO access", First: 1}}, run: runGetRange},
		{Name: "substr", Arity: 4, Flags: FlagReadOnly,
			Group: "string", Since: "1.0.0", Complexity: rangeComplexity, Summary: "Returns part of a string.",
			Deprecated: "2.0.0", ReplacedBy: "`GETRANGE`",
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "RO access", First: 1}}, run: runGetRange},
		{Name: "setrange", Arity: 4, Flags: FlagWrite | FlagDenyOOM,
			Group: "string", Since: "2.2.0", Complexity: "O(M) with M the length of the new part.",
			Summary:    "Overwrites part of a string, filling a gap with zero bytes.",
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "RW update", First: 1}}, run: runSetRange},
	}
}

func runAppend(c *call) {
	at := placeOf(c.args[1])
	e, ok := c.findString(at)
	if !ok {
		return
	}
	value := c.args[2]
	if e == nil {
		c.setWithDeadline(at, value, 0, false)
		c.w.Int(int64(len(value)))
		return
	}
	length := e.length() + int64(len(value))
	if !c.checkStringSize(length) {
		return
	}
	w := c.writable(at, 0)
	c.makeRaw(w)
	c.m.keys.appendBytes(w, value)
	c.w.Int(length)
}

func runStrlen(c *call) {
	if e, ok := c.findString(placeOf(c.args[1])); ok {
		c.w.Int(e.length())
	}
}

func runGetRange(c *call) {
	start, ok := c.integer(c.args[2])
	if !ok {
		return
	}
	end, ok := c.integer(c.args[3])
	if !ok {
		return
	}
	value, _, ok := c.lookupString(c.args[1])
	if !ok {
		return
	}
	length := int64(len(value))
	if start < 0 && end < 0 && start > end {
		c.w.Bulk(nil)
		return
	}
	if start < 0 {
		start = max(length+start, 0)
	}
	if end < 0 {
		end = max(length+end, 0)
	}
	end = min(end, length-1)
	if start > end {
		c.w.Bulk(nil)
		return
	}
	c.w.Bulk(value[start : end+1])
}

func runSetRange(c *call) {
	offset, ok := c.integer(c.args[2])
	if !ok {
		return
	}
	if offset < 0 {
		c.w.Error(errOffsetRange)
		return
	}
	e, ok := c.findString(placeOf(c.args[1]))
	if !ok {
		return
	}
	part := c.args[3]
	if len(part) == 0 {
		c.w.Int(e.length())
		return
	}
	if !c.checkStringSize(min(offset, stringMax) + int64(len(part))) {
		return
	}
	end := int(offset) + len(part)
	value := c.editString(c.args[1], end)
	copy(value[offset:], part)
	c.w.Int(int64(len(value)))
}
