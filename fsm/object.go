package fsm

// objectCommands is OBJECT with its subcommands.
func objectCommands() []*Command {
	sub := func(name, since, summary string, run func(*call)) *Command {
		return &Command{Name: "object|" + name, Arity: 3, Flags: FlagReadOnly,
			Group: "generic", Since: since, Complexity: "O(1)", Summary: summary,
			Tips:       []string{"nondeterministic_output"},
			Categories: []string{"@keyspace"}, KeySpecs: []KeySpec{{Flags: "RO", First: 2}}, run: run}
	}
	return []*Command{
		{Name: "object", Arity: -2, Group: "generic", Since: "2.2.3", Complexity: "Depends on subcommand.",
			Summary: "A container for commands that look inside values.",
			Subcommands: []*Command{
				sub("encoding", "2.2.3", "Returns how a value is held.", runObjectEncoding),
				sub("freq", "4.0.0", "Returns how often a value is used, where that is counted.", runObjectFreq),
				sub("idletime", "2.2.3", "Returns how many seconds ago a value was last written.", runObjectIdletime),
				sub("refcount", "2.2.3", "Returns how many references a value has.", runObjectRefcount),
				{Name: "object|help", Arity: 2, Flags: FlagLoading | FlagStale,
					Group: "generic", Since: "6.2.0", Complexity: "O(1)", Summary: "Lists the subcommands.",
					Categories: []string{"@keyspace"}, run: runObjectHelp},
			}},
	}
}

// object returns the record that an OBJECT subcommand asks about; without one, null is replied.
func (c *call) object() record {
	e := c.findKey(c.args[2])
	if e == nil {
		c.w.Null()
	}
	return e
}

func runObjectEncoding(c *call) {
	e := c.object()
	if e == nil {
		return
	}
	switch e.encoding() {
	case encodingEmbstr:
		c.w.BulkString("embstr")
	case encodingRaw:
		c.w.BulkString("raw")
	default:
		c.w.BulkString("int")
	}
}

// runObjectRefcount replies as if Redis held the value: small integers are shared and never freed,
// which it shows as the largest 32-bit number.
func runObjectRefcount(c *call) {
	e := c.object()
	if e == nil {
		return
	}
	if e.encoding() == encodingInt && e.number() >= 0 && e.number() < sharedIntegers {
		c.w.Int(1<<31 - 1)
		return
	}
	c.w.Int(1)
}

func runObjectIdletime(c *call) {
	if e := c.object(); e != nil {
		c.w.Int(max(c.now-e.touched(), 0) / 1000)
	}
}

func runObjectFreq(c *call) {
	if c.object() != nil {
		c.w.Error("ERR An LFU maxmemory policy is not selected, access frequency not tracked. " +
			"Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.")
	}
}

// objectHelp is what OBJECT HELP replies; clients compare it with Redis's.
var objectHelp = [...]string{
	"OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"ENCODING <key>",
	"    Return the kind of internal representation used in order to store the value",
	"    associated with a <key>.",
	"FREQ <key>",
	"    Return the access frequency index of the <key>. The returned integer is",
	"    proportional to the logarithm of the recent access frequency of the key.",
	"IDLETIME <key>",
	"    Return the idle time of the <key>, that is the approximated number of",
	"    seconds elapsed since the last access to the key.",
	"REFCOUNT <key>",
	"    Return the number of references of the value associated with the specified",
	"    <key>.",
	"HELP",
	"    Prints this help.",
}

func runObjectHelp(c *call) {
	c.w.Array(len(objectHelp))
	for _, line := range objectHelp {
		c.w.Simple(line)
	}
}
