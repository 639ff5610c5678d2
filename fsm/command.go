package fsm

// Flags say what a command does, for its routing and for COMMAND. The names are Redis's.
type Flags uint32

// The flags.
const (
	// FlagWrite: the command may change the keyspace, so it goes through the log.
	FlagWrite Flags = 1 << iota
	// FlagReadOnly: the command reads the keyspace.
	FlagReadOnly
	FlagDenyOOM
	FlagAdmin
	FlagPubSub
	FlagNoScript
	FlagBlocking
	FlagLoading
	FlagStale
	FlagFast
	FlagNoAuth
	FlagNoMulti
	FlagMovableKeys
	FlagAllowBusy
	FlagSkipMonitor
	FlagSkipSlowlog
	FlagNoAsyncLoading
)

// Command is one row of the command table: all that is known about a command, in one place.
type Command struct {
	// Name is in lower case.
	Name string
	// Arity counts the words, the name included; negative means at least so many.
	Arity int
	Flags Flags
	// FirstKey, LastKey and KeyStep locate the keys among the words, as in COMMAND: zero FirstKey means none,
	// and a negative LastKey counts from the end. They follow from KeySpecs.
	FirstKey, LastKey, KeyStep int
	// KeySpecs say what the command does to which of its keys.
	KeySpecs []KeySpec
	// Group, Since, Complexity and Summary feed COMMAND DOCS; Categories feed COMMAND's ACL categories
	// ("@write", "@string", …).
	Group, Since, Complexity, Summary string
	Categories                        []string
	// Deprecated is the version that deprecated the command, and ReplacedBy says what to use; most
	// rows leave both empty.
	Deprecated, ReplacedBy string
	// Tips are COMMAND's hints to clients and proxies ("request_policy:all_shards", …).
	Tips []string
	// Subcommands are rows of their own, named "container|sub".
	Subcommands []*Command
	// logged: the command goes through the log although Redis does not call it a write.
	logged bool
	// run carries out the command. It is nil in rows of commands that the front end serves itself.
	run func(*call)
}

// KeySpec locates a run of keys among a command's words, and says what happens to them, in the
// terms of COMMAND's key specifications. All of ours begin at a fixed index.
type KeySpec struct {
	// Notes are for humans and mostly empty.
	Notes string
	// Flags are Redis's, blank separated: "RW access update".
	Flags string
	// First is the index of the first key among the words.
	First int
	// Last is the index of the last key relative to First, or counted from the end if negative.
	Last int
	// Step is the distance from one key to the next; zero stands for 1.
	Step int
}

// ValidArity reports whether a command line of argc words is long enough and not too long.
func (c *Command) ValidArity(argc int) bool {
	if c.Arity < 0 {
		return argc >= -c.Arity
	}
	return argc == c.Arity
}

// Keyed reports whether the command runs on the state machine.
func (c *Command) Keyed() bool {
	return c.run != nil || len(c.Subcommands) > 0 && c.Subcommands[0].Keyed()
}

// Writes reports whether the command goes through the log.
func (c *Command) Writes() bool { return c.Flags&FlagWrite != 0 || c.logged }

// Sub returns the row of the subcommand that the word names, in any case, or nil.
func (c *Command) Sub(word []byte) *Command {
	for _, sub := range c.Subcommands {
		if isWord(word, sub.Name[len(c.Name)+1:]) {
			return sub
		}
	}
	return nil
}

// Keys returns the keys among a command's words (args[0] is the name), or nil if there are none.
// The result points into args. Words that do not fit the arity have no keys.
func (c *Command) Keys(args [][]byte) [][]byte {
	if len(c.Subcommands) > 0 && len(args) > 1 {
		if sub := c.Sub(args[1]); sub != nil {
			c = sub
		}
	}
	if c.FirstKey == 0 || !c.ValidArity(len(args)) {
		return nil
	}
	last := c.LastKey
	if last < 0 {
		last += len(args)
	}
	last = min(last, len(args)-1)
	if c.KeyStep == 1 && c.FirstKey <= last {
		return args[c.FirstKey : last+1 : last+1]
	}
	var keys [][]byte
	for i := c.FirstKey; i <= last; i += c.KeyStep {
		keys = append(keys, args[i])
	}
	return keys
}
