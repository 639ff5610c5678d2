package fsm

// Error texts of LCS.
const (
	errLCSKinds  = "ERR The specified keys must contain string values"
	errLCSBoth   = "ERR If you want both the length and indexes, please just use IDX."
	errLCSMemory = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
)

// lcsCommands is LCS.
func lcsCommands() []*Command {
	return []*Command{
		{Name: "lcs", Arity: -3, Flags: FlagReadOnly,
			Group: "string", Since: "7.0.0", Complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
			Summary:    "Finds the longest common subsequence of two strings, its length, or where its parts are.",
			Categories: []string{"@string"}, KeySpecs: []KeySpec{{Flags: "RO access", First: 1, Last: 1}}, run: runLCS},
	}
}

// lcsOptions are the options of LCS.
type lcsOptions struct {
	length, indexes, matchLengths bool
	shortest                      int64
}

// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]
func runLCS(c *call) {
	a, okA := c.lcsString(c.args[1])
	b, okB := c.lcsString(c.args[2])
	if !okA || !okB {
		c.w.Error(errLCSKinds)
		return
	}
	options, ok := c.lcsOptions(c.args[3:])
	if !ok {
		return
	}
	if options.length && options.indexes {
		c.w.Error(errLCSBoth)
		return
	}
	if lcsTooLarge(len(a), len(b)) {
		c.w.Error(errLCSMemory)
		return
	}
	if len(a)*len(b) >= lcsLargeCells {
		c.m.largeLCS.Lock()
		defer c.m.largeLCS.Unlock()
	}
	t := newLCSTable(a, b, !options.length)
	switch {
	case options.length:
		c.w.Int(int64(t.length))
	case options.indexes:
		c.lcsMatches(t, options)
	default:
		c.w.Bulk(t.sequence())
	}
}

// lcsString returns the string at a key, empty if there is none; false if the value is of another kind. LCS has an
// error text of its own for that.
func (c *call) lcsString(key []byte) ([]byte, bool) {
	e := c.findKey(key)
	switch {
	case e == nil:
		return nil, true
	case e.kind() != kindString:
		return nil, false
	}
	return c.text(e), true
}

// lcsOptions reads the options; with ok false the error is replied.
func (c *call) lcsOptions(args [][]byte) (o lcsOptions, ok bool) {
	for i := 0; i < len(args); i++ {
		switch {
		case isWord(args[i], "idx"):
			o.indexes = true
		case isWord(args[i], "len"):
			o.length = true
		case isWord(args[i], "withmatchlen"):
			o.matchLengths = true
		case isWord(args[i], "minmatchlen") && i+1 < len(args):
			i++
			if o.shortest, ok = c.integer(args[i]); !ok {
				return o, false
			}
		default:
			c.syntaxError()
			return o, false
		}
	}
	return o, true
}

// lcsMatches replies where the runs of the subsequence are, and its length.
func (c *call) lcsMatches(t *lcsTable, o lcsOptions) {
	matches := t.matches(o.shortest)
	c.w.Map(2)
	c.w.BulkString("matches")
	c.w.Array(len(matches))
	for _, m := range matches {
		if o.matchLengths {
			c.w.Array(3)
		} else {
			c.w.Array(2)
		}
		c.lcsRange(m.aFirst, m.length)
		c.lcsRange(m.bFirst, m.length)
		if o.matchLengths {
			c.w.Int(int64(m.length))
		}
	}
	c.w.BulkString("len")
	c.w.Int(int64(t.length))
}

// lcsRange replies the first and the last index of a run.
func (c *call) lcsRange(first, length int) {
	c.w.Array(2)
	c.w.Int(int64(first))
	c.w.Int(int64(first + length - 1))
}
