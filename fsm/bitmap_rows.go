package fsm

// bitmapCommands are the commands that treat a string as an array of bits.
func bitmapCommands() []*Command {
	return []*Command{
		{Name: "setbit", Arity: 4, Flags: FlagWrite | FlagDenyOOM,
			Group: "bitmap", Since: "2.2.0", Complexity: "O(1)",
			Summary:    "Sets or clears one bit of a string, which grows with zeros as needed, and returns the old bit.",
			Categories: []string{"@bitmap"}, KeySpecs: []KeySpec{{Flags: "RW access update", First: 1}}, run: runSetBit},
		{Name: "getbit", Arity: 3, Flags: FlagReadOnly | FlagFast,
			Group: "bitmap", Since: "2.2.0", Complexity: "O(1)", Summary: "Returns one bit of a string.",
			Categories: []string{"@bitmap"}, KeySpecs: []KeySpec{{Flags: "RO access", First: 1}}, run: runGetBit},
		{Name: "bitcount", Arity: -2, Flags: FlagReadOnly,
			Group: "bitmap", Since: "2.6.0", Complexity: "O(N)", Summary: "Counts the bits that are set in a string, or in a range of it.",
			Categories: []string{"@bitmap"}, KeySpecs: []KeySpec{{Flags: "RO access", First: 1}}, run: runBitCount},
		{Name: "bitpos", Arity: -3, Flags: FlagReadOnly,
			Group: "bitmap", Since: "2.8.7", Complexity: "O(N)", Summary: "Finds the first bit that is set, or clear, in a string or in a range of it.",
			Categories: []string{"@bitmap"}, KeySpecs: []KeySpec{{Flags: "RO access", First: 1}}, run: runBitPos},
		{Name: "bitop", Arity: -4, Flags: FlagWrite | FlagDenyOOM,
			Group: "bitmap", Since: "2.6.0", Complexity: "O(N)", Summary: "Stores the bitwise AND, OR, XOR or NOT of strings.",
			Categories: []string{"@bitmap"},
			KeySpecs:   []KeySpec{{Flags: "OW update", First: 2}, {Flags: "RO access", First: 3, Last: -1}}, run: runBitOp},
		{Name: "bitfield", Arity: -2, Flags: FlagWrite | FlagDenyOOM,
			Group: "bitmap", Since: "3.2.0", Complexity: "O(1) for each subcommand specified",
			Summary:    "Reads, sets and increments integers of any width at any bit of a string.",
			Categories: []string{"@bitmap"},
			KeySpecs: []KeySpec{{Notes: "This command allows both access and modification of the key",
				Flags: "RW access update variable_flags", First: 1}}, run: runBitField},
		{Name: "bitfield_ro", Arity: -2, Flags: FlagReadOnly | FlagFast,
			Group: "bitmap", Since: "6.0.0", Complexity: "O(1) for each subcommand specified",
			Summary:    "Reads integers of any width at any bit of a string.",
			Categories: []string{"@bitmap"}, KeySpecs: []KeySpec{{Flags: "RO access", First: 1}}, run: runBitFieldRO},
	}
}
