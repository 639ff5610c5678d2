package resp

import (
	"path"
	"strings"

	"redoubt/fsm"
)

// commandCommands are COMMAND and its subcommands.
func commandCommands() []*local {
	sub := func(name string, arity int, summary string, run func(*conn, [][]byte, *fsm.Writer)) *local {
		since := "7.0.0"
		if name == "count" || name == "getkeys" || name == "info" {
			since = "2.8.13"
		}
		return &local{
			command: row("command|"+name, arity, flagsAnyState, "server", since, "@slow @connection", summary),
			anytime: true, run: run,
		}
	}
	return []*local{{
		command: withComplexity(row("command", -1, flagsAnyState, "server", "2.8.13", "@slow @connection", "Describes all commands."),
			"O(N) where N is the number of commands"),
		anytime: true,
		run:     commandAll,
		subs: []*local{
			sub("count", 2, "Counts the commands.", commandCount),
			sub("docs", -2, "Documents commands.", commandDocs),
			sub("getkeys", -4, "Finds the keys in a command line.", commandGetKeys),
			sub("getkeysandflags", -4, "Finds the keys in a command line and how they are used.", commandGetKeysAndFlags),
			sub("help", 2, "Describes the subcommands.", commandHelp),
			sub("info", -2, "Describes commands.", commandInfo),
			sub("list", -2, "Lists the names of commands.", commandList),
		},
	}}
}

func commandAll(c *conn, words [][]byte, w *fsm.Writer) {
	all := c.server.commands.all
	w.Array(len(all))
	for _, row := range all {
		describeCommand(w, row)
	}
}

func commandCount(c *conn, words [][]byte, w *fsm.Writer) { w.Int(int64(len(c.server.commands.all))) }

// maxNamed is how many commands one command may ask about: one that is named over and over must not be paid back a
// thousandfold (P6). It is a multiple of what there is.
const maxNamed = 1024

const errTooManyNames = "ERR too many command names"

func commandInfo(c *conn, words [][]byte, w *fsm.Writer) {
	if len(words) == 2 {
		commandAll(c, words, w)
		return
	}
	if len(words)-2 > maxNamed {
		w.Error(errTooManyNames)
		return
	}
	w.Array(len(words) - 2)
	for _, name := range words[2:] {
		if row := c.server.commands.row(name); row != nil {
			describeCommand(w, row)
		} else {
			w.Null()
		}
	}
}

func commandGetKeys(c *conn, words [][]byte, w *fsm.Writer) {
	_, keys, ok := c.keysOf(words[2:], w)
	if !ok {
		return
	}
	w.Array(len(keys))
	for _, key := range keys {
		w.Bulk(key)
	}
}

func commandGetKeysAndFlags(c *conn, words [][]byte, w *fsm.Writer) {
	line := words[2:]
	if isEnvelope(line) {
		line = line[envelopeWords:]
	}
	row, keys, ok := c.keysOf(line, w)
	if !ok {
		return
	}
	w.Array(len(keys))
	for i, key := range keys {
		// The last specification covers all further keys.
		flags := row.KeySpecs[min(i, len(row.KeySpecs)-1)].Flags
		if strings.HasSuffix(flags, "variable_flags") {
			flags = variableKeyFlags(row.Name, line)
		}
		w.Array(2)
		w.Bulk(key)
		statusSet(w, strings.Fields(flags))
	}
}

// variableKeyFlags returns what a command line does with its key, if its options decide that.
func variableKeyFlags(name string, words [][]byte) string {
	gets, changes := false, false
	for _, word := range words[2:] {
		gets = gets || equalFold(word, "get")
		changes = changes || equalFold(word, "set") || equalFold(word, "incrby")
	}
	switch {
	case name == "set" && !gets:
		return "OW update"
	case name == "bitfield" && !changes:
		return "RO access"
	}
	return "RW access update"
}

// keysOf returns the row and the keys of a command line, or writes an error. In an envelope they are the inner command's.
func (c *conn) keysOf(words [][]byte, w *fsm.Writer) (*fsm.Command, [][]byte, bool) {
	if isEnvelope(words) {
		words = words[envelopeWords:]
	}
	row := c.server.commands.row(words[0])
	if row != nil && len(words) > 1 && len(row.Subcommands) > 0 {
		row = c.server.commands.row([]byte(row.Name + "|" + string(words[1])))
	}
	switch {
	case row == nil:
		w.Error("ERR Invalid command specified")
	case row.FirstKey == 0:
		w.Error("ERR The command has no key arguments")
	case !row.ValidArity(len(words)):
		w.Error("ERR Invalid number of arguments specified for command")
	default:
		if keys := row.Keys(words); len(keys) > 0 {
			return row, keys, true
		}
		w.Error("ERR Invalid arguments specified for command")
	}
	return nil, nil, false
}

func commandList(c *conn, words [][]byte, w *fsm.Writer) {
	var keep func(*fsm.Command) bool
	switch {
	case len(words) == 2:
		// All but subcommands, which only filters list.
		w.Set(len(c.server.commands.all))
		for _, row := range c.server.commands.all {
			w.BulkString(row.Name)
		}
		return
	case len(words) != 5 || !equalFold(words[2], "filterby"):
		w.Error(errSyntax)
		return
	case equalFold(words[3], "module"):
		keep = func(*fsm.Command) bool { return false }
	case equalFold(words[3], "aclcat"):
		category := "@" + strings.ToLower(string(words[4]))
		keep = func(row *fsm.Command) bool {
			for _, name := range row.Categories {
				if name == category {
					return true
				}
			}
			return false
		}
	case equalFold(words[3], "pattern"):
		pattern := strings.ToLower(string(words[4]))
		keep = func(row *fsm.Command) bool { return globMatch(pattern, row.Name) }
	default:
		w.Error(errSyntax)
		return
	}
	var names []string
	for _, row := range c.server.commands.all {
		if keep(row) {
			names = append(names, row.Name)
		}
		for _, sub := range row.Subcommands {
			if keep(sub) {
				names = append(names, sub.Name)
			}
		}
	}
	w.Array(len(names))
	for _, name := range names {
		w.BulkString(name)
	}
}

// globMatch reports whether a name of ours, which holds no slash, matches a client's pattern.
func globMatch(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

func commandHelp(c *conn, words [][]byte, w *fsm.Writer) {
	help(w, "COMMAND",
		"(no subcommand)",
		"    Describe all commands.",
		"COUNT",
		"    Count the commands.",
		"DOCS [<command-name> ...]",
		"    Document the named commands, or all.",
		"GETKEYS <full-command>",
		"    Find the keys in a command line.",
		"GETKEYSANDFLAGS <full-command>",
		"    Find the keys in a command line and how they are used.",
		"INFO [<command-name> ...]",
		"    Describe the named commands, or all.",
		"LIST [FILTERBY (MODULE <name> | ACLCAT <category> | PATTERN <pattern>)]",
		"    List names of commands.",
	)
}
