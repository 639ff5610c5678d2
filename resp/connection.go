package resp

import (
	"strconv"

	"redoubt/fsm"
)

// compatibleVersion is the version of Redis whose commands and replies these are. Clients look at
// it to learn what they may use.
const compatibleVersion = "7.0.15"

// connectionCommands are about the connection itself.
func connectionCommands() []*local {
	const categories = "@fast @connection"
	return []*local{
		{row("ping", -1, fsm.FlagFast, "connection", "1.0.0", categories, "Answers PONG, or the given message."),
			true, ping, nil},
		{row("echo", 2, flagsAnyState|fsm.FlagFast, "connection", "1.0.0", categories, "Answers the given message."),
			true, echo, nil},
		{row("quit", -1, flagsConnection, "connection", "1.0.0", categories, "Closes the connection."),
			false, quit, nil},
		{row("reset", 1, flagsConnection, "connection", "6.2.0", categories, "Makes the connection as new."),
			false, reset, nil},
		{row("select", 2, flagsAnyState|fsm.FlagFast, "connection", "1.0.0", categories, "Selects a database; there is only 0."),
			true, selectDB, nil},
		{row("hello", -1, flagsConnection, "connection", "6.0.0", categories, "Chooses the protocol version and tells about the server."),
			false, hello, nil},
		{row("auth", -2, flagsConnection, "connection", "1.0.0", categories, "Authenticates the connection."),
			false, auth, nil},
		{row("asking", 1, fsm.FlagFast, "cluster", "3.0.0", categories, "Has no effect: slots do not move between nodes."),
			true, asking, nil},
	}
}

func ping(c *conn, words [][]byte, w *fsm.Writer) {
	switch len(words) {
	case 1:
		w.Simple("PONG")
	case 2:
		w.Bulk(words[1])
	default:
		wrongArity(w, "ping")
	}
}

func echo(c *conn, words [][]byte, w *fsm.Writer) { w.Bulk(words[1]) }

func quit(c *conn, words [][]byte, w *fsm.Writer) {
	c.ending = true
	w.Simple("OK")
}

func reset(c *conn, words [][]byte, w *fsm.Writer) {
	c.reply = replyOn
	c.setProto(2)
	c.setReplicaReads(readsRedirected)
	c.noEvict.Store(false)
	c.noTouch.Store(false)
	c.name.Store(nil)
	w.Simple("RESET")
}

func selectDB(c *conn, words [][]byte, w *fsm.Writer) {
	switch n, ok := parseInteger(words[1]); {
	case !ok:
		w.Error(errNotInteger)
	case n != int64(int32(n)):
		w.Error("ERR value is out of range, value must between -2147483648 and 2147483647")
	case n != 0:
		w.Error("ERR DB index is out of range")
	default:
		w.Simple("OK")
	}
}

func auth(c *conn, words [][]byte, w *fsm.Writer) {
	switch {
	case len(words) > 3:
		w.Error(errSyntax)
	case len(words) == 2:
		w.Error("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	case !authenticates(words[1]):
		w.Error(errWrongPass)
	default:
		w.Simple("OK")
	}
}

const errWrongPass = "WRONGPASS invalid username-password pair or user is disabled."

// authenticates reports whether a user may come in with any password: the one user there is, and it has
// none.
func authenticates(user []byte) bool { return string(user) == "default" }

func hello(c *conn, words [][]byte, w *fsm.Writer) {
	version := c.batch.Reply.Proto
	rest := words[1:]
	if len(rest) > 0 {
		n, ok := parseInteger(rest[0])
		switch {
		case !ok:
			w.Error("ERR Protocol version is not an integer or out of range")
			return
		case n != 2 && n != 3:
			w.Error("NOPROTO unsupported protocol version")
			return
		}
		version, rest = int(n), rest[1:]
	}
	var name []byte
	named := false
	for len(rest) > 0 {
		switch {
		case equalFold(rest[0], "auth") && len(rest) >= 3:
			if !authenticates(rest[1]) {
				w.Error(errWrongPass)
				return
			}
			rest = rest[3:]
		case equalFold(rest[0], "setname") && len(rest) >= 2:
			if name, named = rest[1], true; !validName(name) {
				w.Error(errClientName)
				return
			}
			rest = rest[2:]
		default:
			w.Error("ERR Syntax error in HELLO option '" + quotable(rest[0], maxQuoted) + "'")
			return
		}
	}
	// Nothing has changed so far: a HELLO that fails leaves the connection as it was.
	if named {
		c.setName(name)
	}
	c.setProto(version)
	role := "replica"
	if status := c.server.backend.Status(); status.leads() {
		role = "master"
	}
	w.Map(7)
	w.BulkString("server")
	w.BulkString("redis")
	w.BulkString("version")
	w.BulkString(compatibleVersion)
	w.BulkString("proto")
	w.Int(int64(version))
	w.BulkString("id")
	w.Int(int64(c.id))
	w.BulkString("mode")
	w.BulkString("cluster")
	w.BulkString("role")
	w.BulkString(role)
	w.BulkString("modules")
	w.Array(0)
}

func asking(c *conn, words [][]byte, w *fsm.Writer) { w.Simple("OK") }

// serverCommands are about the server as a whole.
func serverCommands() []*local {
	return []*local{
		{row("time", 1, flagsAnyState|fsm.FlagFast, "server", "2.6.0", "@fast", "Tells this node's clock."),
			true, clock, nil},
		{row("shutdown", -1, flagsAdmin|fsm.FlagNoMulti|fsm.FlagAllowBusy, "server", "1.0.0", "@admin @slow @dangerous", "Stops this node in good order."),
			false, shutdown, nil},
	}
}

func clock(c *conn, words [][]byte, w *fsm.Writer) {
	now := c.server.now().UnixMicro()
	w.Array(2)
	w.BulkString(strconv.FormatInt(now/1e6, 10))
	w.BulkString(strconv.FormatInt(now%1e6, 10))
}

func shutdown(c *conn, words [][]byte, w *fsm.Writer) {
	var save, noSave, abort, other bool
	for _, word := range words[1:] {
		switch {
		case equalFold(word, "save"):
			save = true
		case equalFold(word, "nosave"):
			noSave = true
		case equalFold(word, "abort"):
			abort = true
		case equalFold(word, "now"), equalFold(word, "force"):
			other = true
		default:
			w.Error(errSyntax)
			return
		}
	}
	switch {
	case save && noSave, abort && (save || noSave || other):
		w.Error(errSyntax)
	case abort:
		w.Error("ERR No shutdown in progress.")
	case c.server.opts.Shutdown == nil:
		w.Error("ERR SHUTDOWN is not available on this node")
	default:
		// Like Redis, success has no reply: the connection ends with the server.
		c.ending = true
		c.reply = replyOff
		c.server.opts.Shutdown(save)
		w.Simple("OK")
	}
}
