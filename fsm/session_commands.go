package fsm

import "strings"

// A session's time to live in seconds, from its last use.
const (
	sessionTTLDefault = 60 * 60
	sessionTTLMax     = 7 * 24 * 60 * 60
)

// sessionCommands is SESSION with its subcommands.
func sessionCommands() []*Command {
	sub := func(name string, arity int, summary string, run func(*call)) *Command {
		return &Command{Name: "session|" + name, Arity: arity, Flags: FlagWrite | FlagFast | FlagNoScript,
			Group: "generic", Since: "1.0.0", Complexity: "O(log(N)) with N the number of sessions.", Summary: summary,
			Categories: []string{"@keyspace"}, run: run}
	}
	return []*Command{
		{Name: "session", Arity: -2, Group: "generic", Since: "1.0.0", Complexity: "Depends on subcommand.",
			Summary: "Contains the commands about sessions, in which ONCE runs commands.",
			Subcommands: []*Command{
				sub("open", -2, "Opens a session and returns its id; it is closed when it was not used for its time to live.", runSessionOpen),
				sub("close", 3, "Closes a session.", runSessionClose),
				helpCommand("session",
					"OPEN [TTL <seconds>]",
					"    Open a session and return its id. It closes by itself when it was not used for",
					"    its time to live: 3600 seconds if not said.",
					"CLOSE <session>",
					"    Close a session, and forget the replies that it keeps."),
			}},
	}
}

// helpCommand is the row of a container's HELP, with lines that describe the other subcommands.
func helpCommand(container string, lines ...string) *Command {
	return &Command{Name: container + "|help", Arity: 2, Flags: FlagLoading | FlagStale,
		Group: "generic", Since: "1.0.0", Complexity: "O(1)", Summary: "Lists the subcommands.",
		Categories: []string{"@keyspace"},
		run: func(c *call) {
			c.w.Array(len(lines) + 3)
			c.w.Simple(strings.ToUpper(container) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
			for _, line := range lines {
				c.w.Simple(line)
			}
			c.w.Simple("HELP")
			c.w.Simple("    Prints this help.")
		}}
}

func runSessionOpen(c *call) {
	ttl := int64(sessionTTLDefault)
	switch {
	case len(c.args) == 2:
	case len(c.args) == 4 && isWord(c.args[2], "ttl"):
		seconds, ok := c.integer(c.args[3])
		if !ok {
			return
		}
		if seconds < 1 || seconds > sessionTTLMax {
			c.w.Error("ERR TTL must be from 1 to 604800 seconds")
			return
		}
		ttl = seconds
	default:
		c.syntaxError()
		return
	}
	s := c.m.sessions.open(ttl*1000, c.m.logTime)
	if s == nil {
		c.w.Error("ERR max number of sessions reached")
		return
	}
	c.w.Int(int64(s.id))
}

func runSessionClose(c *call) {
	id, ok := ParseOrdinal(c.args[2])
	if !ok {
		c.w.Error(errSessionID)
		return
	}
	s := c.m.sessions.living(id, c.m.logTime)
	if s == nil {
		c.w.Int(0)
		return
	}
	c.m.sessions.remove(s)
	c.w.Int(1)
}
