package resp

import (
	"slices"
	"strings"

	"redoubt/fsm"
)

// local is a command that the front end answers itself.
type local struct {
	// command is the row that COMMAND shows.
	command fsm.Command
	// anytime: the reply does not depend on the commands before it, and the command changes nothing.
	// Others are barriers: what was sent before them runs first.
	anytime bool
	// run writes exactly one reply to w. words[0] is the command's name. It is nil in containers that need a
	// subcommand.
	run func(c *conn, words [][]byte, w *fsm.Writer)
	// subs are sorted by name. Their names are "container|sub".
	subs []*local
}

// sub returns the subcommand with a name in any case, or nil.
func (l *local) sub(name []byte) *local {
	for _, sub := range l.subs {
		if equalFold(name, sub.command.Name[len(l.command.Name)+1:]) {
			return sub
		}
	}
	return nil
}

// table holds the commands of a server. It does not change.
type table struct {
	locals map[string]*local
	// all are the rows of the front end and of the state machine, sorted by name.
	all []*fsm.Command
}

// newTable makes the table.
func newTable() *table {
	t := &table{locals: make(map[string]*local)}
	rows := make(map[string]*fsm.Command)
	families := [][]*local{
		connectionCommands(), clientCommands(), commandCommands(), configCommands(),
		infoCommands(), clusterCommands(), readOnlyCommands(), raftCommands(), replicationCommands(), saveCommands(), serverCommands(),
	}
	for _, l := range slices.Concat(families...) {
		t.locals[l.command.Name] = l
		slices.SortFunc(l.subs, func(a, b *local) int { return strings.Compare(a.command.Name, b.command.Name) })
		for _, sub := range l.subs {
			l.command.Subcommands = append(l.command.Subcommands, &sub.command)
		}
		rows[l.command.Name] = &l.command
	}
	for _, row := range fsm.Commands() {
		if row.Keyed() || rows[row.Name] == nil {
			rows[row.Name] = row
		}
	}
	for _, row := range rows {
		t.all = append(t.all, row)
	}
	slices.SortFunc(t.all, func(a, b *fsm.Command) int { return strings.Compare(a.Name, b.Name) })
	return t
}

// maxLocalName is longer than every name in the table.
const maxLocalName = 32

// find returns the front end's command with a name in any case, or nil. It does not allocate.
func (t *table) find(name []byte) *local {
	var lower [maxLocalName]byte
	if len(name) > len(lower) {
		return nil
	}
	for i, b := range name {
		lower[i] = lowerByte(b)
	}
	return t.locals[string(lower[:len(name)])]
}

// row returns the row of any command by its name in any case, or of a subcommand by
// "container|sub", or nil.
func (t *table) row(name []byte) *fsm.Command {
	container, sub, isSub := strings.Cut(strings.ToLower(string(name)), "|")
	i, ok := slices.BinarySearchFunc(t.all, container, func(c *fsm.Command, name string) int {
		return strings.Compare(c.Name, name)
	})
	if !ok {
		return nil
	}
	if !isSub {
		return t.all[i]
	}
	for _, row := range t.all[i].Subcommands {
		if row.Name == container+"|"+sub {
			return row
		}
	}
	return nil
}

// Attributes that rows share.
const (
	// flagsConnection are those of commands that always work.
	flagsConnection = fsm.FlagNoScript | fsm.FlagLoading | fsm.FlagStale | fsm.FlagFast | fsm.FlagNoAuth | fsm.FlagAllowBusy
	flagsAnyState   = fsm.FlagLoading | fsm.FlagStale
	flagsClient     = fsm.FlagNoScript | flagsAnyState
	flagsAdmin      = fsm.FlagAdmin | flagsClient
)

// row makes a table row. Categories are separated by blanks.
func row(name string, arity int, flags fsm.Flags, group, since, categories, summary string) fsm.Command {
	return fsm.Command{
		Name: name, Arity: arity, Flags: flags, Group: group, Since: since, Complexity: "O(1)",
		Categories: strings.Fields(categories), Summary: summary, Tips: strings.Fields(tips(name)),
	}
}

// tips returns the hints for clients and proxies that go with a command of the front end. One group
// holds all slots here, but a client may be configured for several clusters, so they are Redis's.
func tips(name string) string {
	switch name {
	case "ping":
		return "request_policy:all_shards response_policy:all_succeeded"
	case "config|set":
		return "request_policy:all_nodes response_policy:all_succeeded"
	case "wait":
		return "request_policy:all_shards response_policy:agg_min"
	case "info":
		return "nondeterministic_output request_policy:all_shards response_policy:special"
	case "command", "command|docs", "command|info", "command|list":
		return "nondeterministic_output_order"
	case "time", "lastsave", "client|info", "client|list", "cluster|getkeysinslot", "cluster|info", "cluster|nodes",
		"cluster|replicas", "cluster|shards", "cluster|slaves", "cluster|slots", "raft|nodes":
		return "nondeterministic_output"
	}
	return ""
}

// withComplexity sets the complexity of a row that is not O(1).
func withComplexity(row fsm.Command, complexity string) fsm.Command {
	row.Complexity = complexity
	return row
}

// equalFold reports whether word is name, which is in lower case, in any case. Unlike
// strings.EqualFold it knows ASCII only, as the protocol does.
func equalFold(word []byte, name string) bool {
	if len(word) != len(name) {
		return false
	}
	for i, b := range word {
		if lowerByte(b) != name[i] {
			return false
		}
	}
	return true
}

func lowerByte(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}

// help writes the lines of a HELP subcommand.
func help(w *fsm.Writer, container string, lines ...string) {
	w.Array(len(lines) + 3)
	w.Simple(container + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, line := range lines {
		w.Simple(line)
	}
	w.Simple("HELP")
	w.Simple("    Show this text.")
}
