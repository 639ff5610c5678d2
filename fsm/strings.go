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

func runSet(c *call) {
	c.store(c.args[1], c.args[2])
	c.w.Simple("OK")
}
