package fsm

// keyCommands are the commands on keys of any kind.
func keyCommands() []*Command {
	return []*Command{
		{Name: "del", Arity: -2, Flags: FlagWrite,
			Group: "generic", Since: "1.0.0", Complexity: "O(N) with N the number of keys.",
			Summary: "Removes keys.", Categories: []string{"@keyspace"},
			Tips:     []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			KeySpecs: []KeySpec{{Flags: "RM delete", First: 1, Last: -1}}, run: runDel},
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
