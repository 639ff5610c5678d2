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
	{fsm.FlagNoMulti, "no_multi"}, {fsm.FlagMovableKeys, "movablekeys"}, {fsm.FlagAllowBusy, "allow_busy"},
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
	tips := strings.Fields(commandTips(row.Name))
	w.Set(len(tips))
	for _, tip := range tips {
		w.BulkString(tip)
	}
	specs := keySpecs(row)
	w.Set(len(specs))
	for _, spec := range specs {
		spec.describe(w)
	}
	w.Set(len(row.Subcommands))
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

// keySpec says where a command has keys and what it does with them.
type keySpec struct {
	// flags are separated by blanks. Redis defines them: RO, RW, OW (overwrite) or RM for what the command needs of the
	// key, then access, update, insert or delete for what happens to the data.
	flags string
	// first is the position of the first key, last that of the last one relative to the first (or,
	// if negative, to the end), and step the distance between keys.
	first, last, step int
}

func (s keySpec) describe(w *fsm.Writer) {
	w.Map(3)
	w.BulkString("flags")
	statusSet(w, strings.Fields(s.flags))
	w.BulkString("begin_search")
	w.Map(2)
	w.BulkString("type")
	w.BulkString("index")
	w.BulkString("spec")
	w.Map(1)
	w.BulkString("index")
	w.Int(int64(s.first))
	w.BulkString("find_keys")
	w.Map(2)
	w.BulkString("type")
	w.BulkString("range")
	w.BulkString("spec")
	w.Map(3)
	w.BulkString("lastkey")
	w.Int(int64(s.last))
	w.BulkString("keystep")
	w.Int(int64(s.step))
	w.BulkString("limit")
	w.Int(0)
}

// keySpecs returns the key specifications of a row; none if it has no keys.
func keySpecs(row *fsm.Command) []keySpec {
	if row.FirstKey == 0 {
		return nil
	}
	// Commands that treat their keys differently have one specification for each kind.
	switch row.Name {
	case "rename":
		return []keySpec{{"RW access delete", 1, 0, 1}, {"OW update", 2, 0, 1}}
	case "renamenx":
		return []keySpec{{"RW access delete", 1, 0, 1}, {"OW insert", 2, 0, 1}}
	case "copy":
		return []keySpec{{"RO access", 1, 0, 1}, {"OW update", 2, 0, 1}}
	case "bitop":
		return []keySpec{{"OW update", 2, 0, 1}, {"RO access", 3, -1, 1}}
	}
	last := row.LastKey
	if last >= 0 {
		last -= row.FirstKey
	}
	return []keySpec{{keyFlags(row), row.FirstKey, last, row.KeyStep}}
}

// keyFlags returns the flags of a row all of whose keys are treated alike.
func keyFlags(row *fsm.Command) string {
	switch row.Name {
	case "set", "bitfield":
		return "RW access update variable_flags"
	case "getset", "getex", "incr", "decr", "incrby", "decrby", "incrbyfloat", "setbit":
		return "RW access update"
	case "setrange", "expire", "pexpire", "expireat", "pexpireat", "persist":
		return "RW update"
	case "append":
		return "RW insert"
	case "getdel":
		return "RW access delete"
	case "setex", "psetex", "mset":
		return "OW update"
	case "setnx", "msetnx":
		return "OW insert"
	case "del", "unlink":
		return "RM delete"
	case "strlen", "exists", "type", "touch", "object|encoding", "object|freq", "object|idletime", "object|refcount":
		return "RO"
	}
	if row.Writes() {
		return "RW access update"
	}
	return "RO access"
}

// commandTips returns hints for clients and proxies, separated by blanks. One group holds all slots
// here, but a client may be configured for several clusters, so the hints are those of Redis.
func commandTips(name string) string {
	switch name {
	case "ping", "mset", "flushall", "flushdb", "config|set":
		policy := "request_policy:all_shards"
		switch name {
		case "mset":
			policy = "request_policy:multi_shard"
		case "config|set":
			policy = "request_policy:all_nodes"
		}
		return policy + " response_policy:all_succeeded"
	case "mget":
		return "request_policy:multi_shard"
	case "msetnx":
		return "request_policy:multi_shard response_policy:agg_min"
	case "wait":
		return "request_policy:all_shards response_policy:agg_min"
	case "del", "unlink", "exists", "touch":
		return "request_policy:multi_shard response_policy:agg_sum"
	case "dbsize":
		return "request_policy:all_shards response_policy:agg_sum"
	case "randomkey":
		return "request_policy:all_shards nondeterministic_output"
	case "keys":
		return "request_policy:all_shards nondeterministic_output_order"
	case "scan":
		return "nondeterministic_output request_policy:special"
	case "info":
		return "nondeterministic_output request_policy:all_shards response_policy:special"
	case "command", "command|docs", "command|info", "command|list":
		return "nondeterministic_output_order"
	case "ttl", "pttl", "time", "client|info", "client|list", "object|freq", "object|idletime", "object|refcount",
		"object|encoding", "cluster|getkeysinslot", "cluster|info", "cluster|nodes", "cluster|replicas",
		"cluster|shards", "cluster|slaves", "cluster|slots":
		return "nondeterministic_output"
	}
	return ""
}

func commandDocs(c *conn, words [][]byte, w *fsm.Writer) {
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
	if len(row.Subcommands) == 0 {
		return
	}
	w.BulkString("subcommands")
	w.Map(len(row.Subcommands))
	for _, sub := range row.Subcommands {
		documentCommand(w, sub)
	}
}
