package resp

import (
	"strings"

	"redoubt/fsm"
)

// flagNames are the names of flags in the order in which COMMAND shows them.
var flagNames = [...]struct {
	flag fsm.Flags
	name string
}{
	{fsm.FlagWrite, "write"}, {fsm.FlagReadOnly, "readonly"}, {fsm.FlagDenyOOM, "denyoom"}, {fsm.FlagAdmin, "admin"},
	{fsm.FlagPubSub, "pubsub"}, {fsm.FlagNoScript, "noscript"}, {fsm.FlagBlocking, "blocking"},
	{fsm.FlagLoading, "loading"}, {fsm.FlagStale, "stale"}, {fsm.FlagSkipMonitor, "skip_monitor"},
	{fsm.FlagSkipSlowlog, "skip_slowlog"}, {fsm.FlagFast, "fast"}, {fsm.FlagNoAuth, "no_auth"},
	{fsm.FlagNoAsyncLoading, "no_async_loading"}, {fsm.FlagNoMulti, "no_multi"}, {fsm.FlagMovableKeys, "movablekeys"}, {fsm.FlagAllowBusy, "allow_busy"},
}

// describeCommand writes a row as COMMAND INFO shows it.
func describeCommand(w *fsm.Writer, row *fsm.Command) {
	w.Array(10)
	w.BulkString(row.Name)
	w.Int(int64(row.Arity))
	var flags []string
	for _, f := range flagNames {
		if row.Flags&f.flag != 0 {
			flags = append(flags, f.name)
		}
	}
	statusSet(w, flags)
	w.Int(int64(row.FirstKey))
	w.Int(int64(row.LastKey))
	w.Int(int64(row.KeyStep))
	statusSet(w, row.Categories)
	w.Set(len(row.Tips))
	for _, tip := range row.Tips {
		w.BulkString(tip)
	}
	w.Set(len(row.KeySpecs))
	for i := range row.KeySpecs {
		describeKeySpec(w, &row.KeySpecs[i])
	}
	if len(row.Subcommands) == 0 {
		w.Set(0)
		return
	}
	// An array, though it is a set where it is empty: Redis does so.
	w.Array(len(row.Subcommands))
	for _, sub := range row.Subcommands {
		describeCommand(w, sub)
	}
}

// statusSet writes a set of simple strings.
func statusSet(w *fsm.Writer, items []string) {
	w.Set(len(items))
	for _, item := range items {
		w.Simple(item)
	}
}

// describeKeySpec writes where a command has keys and what it does with them.
func describeKeySpec(w *fsm.Writer, spec *fsm.KeySpec) {
	if spec.Notes != "" {
		w.Map(4)
		w.BulkString("notes")
		w.BulkString(spec.Notes)
	} else {
		w.Map(3)
	}
	w.BulkString("flags")
	statusSet(w, strings.Fields(spec.Flags))
	w.BulkString("begin_search")
	w.Map(2)
	w.BulkString("type")
	w.BulkString("index")
	w.BulkString("spec")
	w.Map(1)
	w.BulkString("index")
	w.Int(int64(spec.First))
	w.BulkString("find_keys")
	w.Map(2)
	w.BulkString("type")
	w.BulkString("range")
	w.BulkString("spec")
	w.Map(3)
	w.BulkString("lastkey")
	w.Int(int64(spec.Last))
	w.BulkString("keystep")
	w.Int(int64(max(spec.Step, 1)))
	w.BulkString("limit")
	w.Int(0)
}

func commandDocs(c *conn, words [][]byte, w *fsm.Writer) {
	if len(words)-2 > maxNamed {
		w.Error(errTooManyNames)
		return
	}
	rows := c.server.commands.all
	if len(words) > 2 {
		rows = nil
		for _, name := range words[2:] {
			if row := c.server.commands.row(name); row != nil {
				rows = append(rows, row)
			}
		}
	}
	w.Map(len(rows))
	for _, row := range rows {
		documentCommand(w, row)
	}
}

// documentCommand writes a name and its documentation. It has no description of the arguments.
func documentCommand(w *fsm.Writer, row *fsm.Command) {
	complexity := row.Complexity
	fields := 4
	if row.Deprecated != "" {
		fields += 3
	}
	if len(row.Subcommands) > 0 {
		fields++
		complexity = "Depends on subcommand."
	}
	w.BulkString(row.Name)
	w.Map(fields)
	w.BulkString("summary")
	w.BulkString(row.Summary)
	w.BulkString("since")
	w.BulkString(row.Since)
	w.BulkString("group")
	w.BulkString(row.Group)
	w.BulkString("complexity")
	w.BulkString(complexity)
	if row.Deprecated != "" {
		w.BulkString("doc_flags")
		statusSet(w, []string{"deprecated"})
		w.BulkString("deprecated_since")
		w.BulkString(row.Deprecated)
		w.BulkString("replaced_by")
		w.BulkString(row.ReplacedBy)
	}
	if len(row.Subcommands) == 0 {
		return
	}
	w.BulkString("subcommands")
	w.Map(len(row.Subcommands))
	for _, sub := range row.Subcommands {
		documentCommand(w, sub)
	}
}
