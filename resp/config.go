package resp

import (
	"strings"

	"redoubt/fsm"
)

// configCommands are CONFIG and its subcommands.
func configCommands() []*local {
	const admin = "@admin @slow @dangerous"
	sub := func(name string, arity int, flags fsm.Flags, categories, summary string, run func(*conn, [][]byte, *fsm.Writer)) *local {
		return &local{command: row("config|"+name, arity, flags, "server", "2.0.0", categories, summary), run: run}
	}
	return []*local{{
		command: row("config", -2, 0, "server", "2.0.0", "@slow", "Contains the commands about the configuration."),
		subs: []*local{
			sub("get", -3, flagsAdmin, admin, "Tells the values of parameters.", configGet),
			sub("set", -4, flagsAdmin, admin, "Changes parameters, all or none.", configSet),
			sub("resetstat", 2, flagsAdmin, admin, "Makes the statistics begin again.", configResetStat),
			sub("rewrite", 2, flagsAdmin, admin, "Is refused: the configuration file is the operator's.", configRewrite),
			sub("help", 2, flagsAnyState, "@slow", "Describes the subcommands.", configHelp),
		},
	}}
}

func configGet(c *conn, words [][]byte, w *fsm.Writer) {
	type match struct{ name, value string }
	var found []match
	for i := range c.server.params.list {
		p := &c.server.params.list[i]
		for _, word := range words[2:] {
			if equalFold(word, p.Name) {
				// Like Redis, a name is repeated as the client wrote it.
				found = append(found, match{string(word), p.Get()})
				break
			}
			if globMatch(strings.ToLower(string(word)), p.Name) {
				found = append(found, match{p.Name, p.Get()})
				break
			}
		}
	}
	w.Map(len(found))
	for _, m := range found {
		w.BulkString(m.name)
		w.BulkString(m.value)
	}
}

func configSet(c *conn, words [][]byte, w *fsm.Writer) {
	pairs := words[2:]
	if len(pairs)%2 != 0 {
		w.Error(errSyntax)
		return
	}
	failed := func(name []byte, reason string) {
		w.Error("ERR CONFIG SET failed (possibly related to argument '" + quotable(name, maxQuoted) + "') - " + reason)
	}
	c.server.params.changing.Lock()
	defer c.server.params.changing.Unlock()
	// All names are checked before the first value changes.
	var targets []*Parameter
	seen := make(map[*Parameter]bool)
	for i := 0; i < len(pairs); i += 2 {
		p := c.server.params.find(string(pairs[i]))
		switch {
		case p == nil:
			w.Error("ERR Unknown option or number of arguments for CONFIG SET - '" + quotable(pairs[i], maxQuoted) + "'")
			return
		case p.Set == nil:
			failed(pairs[i], "can't set immutable config")
			return
		case seen[p]:
			failed(pairs[i], "duplicate parameter")
			return
		}
		seen[p] = true
		targets = append(targets, p)
	}
	var before []string
	for i, p := range targets {
		old := p.Get()
		if err := p.Set(string(pairs[2*i+1])); err != nil {
			// A value that was in force can be put back in force.
			for j := len(before) - 1; j >= 0; j-- {
				if undo := targets[j].Set(before[j]); undo != nil {
					c.server.log.Error("resp: cannot undo a change", "parameter", targets[j].Name, "value", before[j], "error", undo)
				}
			}
			failed(pairs[2*i], quotable([]byte(err.Error()), 2*maxQuoted))
			return
		}
		before = append(before, old)
	}
	for i, p := range targets {
		c.server.log.Info("resp: parameter changed", "parameter", p.Name, "from", before[i], "to", p.Get(), "client", c.id)
	}
	w.Simple("OK")
}

func configResetStat(c *conn, words [][]byte, w *fsm.Writer) {
	c.server.resetStats()
	w.Simple("OK")
}

func configRewrite(c *conn, words [][]byte, w *fsm.Writer) {
	w.Error("ERR The server is running without a config file")
}

func configHelp(c *conn, words [][]byte, w *fsm.Writer) {
	help(w, "CONFIG",
		"GET <pattern> [<pattern> ...]",
		"    Tell the values of the parameters whose names match.",
		"SET <parameter> <value> [<parameter> <value> ...]",
		"    Change parameters: all of them, or none if one is refused.",
		"RESETSTAT",
		"    Make the statistics in INFO begin again.",
		"REWRITE",
		"    Refused: the configuration file is never written.",
	)
}
