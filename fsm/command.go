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
)

// Command is one row of the command table: all that is known about a command, in one place.
type Command struct {
	// Name is in lower case.
	Name string
	// Arity counts the words, the name included; negative means at least so many.
	Arity int
	Flags Flags
	// FirstKey, LastKey and KeyStep locate the keys among the words, as in COMMAND: zero FirstKey means none,
	// and a negative LastKey counts from the end.
	FirstKey, LastKey, KeyStep int
	// Group, Since, Complexity and Summary feed COMMAND DOCS; Categories feed COMMAND's ACL categories
	// ("@write", "@string", …).
	Group, Since, Complexity, Summary string
	Categories                        []string
	// Subcommands are rows of their own, named "container|sub".
	Subcommands []*Command
	// run carries out the command. It is nil in rows of commands that the front end serves itself.
	run func(*call)
}

// ValidArity reports whether a command line of argc words is long enough and not too long.
func (c *Command) ValidArity(argc int) bool {
	if c.Arity < 0 {
		return argc >= -c.Arity
	}
	return argc == c.Arity
}

// Keyed reports whether the command runs on the state machine.
func (c *Command) Keyed() bool { return c.run != nil }

// Writes reports whether the command goes through the log.
func (c *Command) Writes() bool { return c.Flags&FlagWrite != 0 }
