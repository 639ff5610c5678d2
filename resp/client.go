package resp

import (
	"fmt"
	"net"
	"strings"
	"time"

	"redoubt/fsm"
)

// clientCommands are CLIENT and its subcommands.
func clientCommands() []*local {
	const own, admin = "@slow @connection", "@admin @slow @dangerous @connection"
	sub := func(name string, arity int, flags fsm.Flags, since, categories, summary string, run func(*conn, [][]byte, *fsm.Writer)) *local {
		return &local{command: row("client|"+name, arity, flags, "connection", since, categories, summary), run: run}
	}
	return []*local{{
		command: row("client", -2, 0, "connection", "2.4.0", "@slow", "Contains the commands about connections."),
		subs: []*local{
			sub("id", 2, flagsClient, "5.0.0", own, "Tells this connection's id.", clientID),
			sub("info", 2, flagsClient, "6.2.0", own, "Describes this connection.", clientInfo),
			sub("list", -2, flagsAdmin, "2.4.0", admin, "Describes connections.", clientList),
			sub("getname", 2, flagsClient, "2.6.9", own, "Tells this connection's name.", clientGetName),
			sub("setname", 3, flagsClient, "2.6.9", own, "Names this connection.", clientSetName),
			sub("setinfo", 4, flagsClient, "7.2.0", own, "Notes the client library's name or version.", clientSetInfo),
			sub("kill", -3, flagsAdmin, "2.4.0", admin, "Closes connections.", clientKill),
			sub("no-evict", 3, flagsAdmin, "7.0.0", admin, "Is noted; connections are not evicted.", clientNoEvict),
			sub("no-touch", 3, flagsClient, "7.2.0", own, "Is noted; reads never change a key.", clientNoTouch),
			sub("reply", 3, flagsClient, "3.2.0", own, "Turns replies on or off.", clientReply),
			sub("help", 2, flagsAnyState, "5.0.0", own, "Describes the subcommands.", clientHelp),
		},
	}}
}

const errClientName = "ERR Client names cannot contain spaces, newlines or special characters."

// validName reports whether a client may use a name: it must fit into a line of CLIENT LIST.
func validName(name []byte) bool {
	for _, b := range name {
		if b < '!' || b > '~' {
			return false
		}
	}
	return len(name) <= maxName
}

// setName names the connection; an empty name takes its name away.
func (c *conn) setName(name []byte) {
	if len(name) == 0 {
		c.name.Store(nil)
		return
	}
	s := string(name)
	c.name.Store(&s)
}

func clientID(c *conn, words [][]byte, w *fsm.Writer) { w.Int(int64(c.id)) }

func clientGetName(c *conn, words [][]byte, w *fsm.Writer) {
	if name := c.name.Load(); name != nil {
		w.BulkString(*name)
		return
	}
	w.Null()
}

func clientSetName(c *conn, words [][]byte, w *fsm.Writer) {
	if !validName(words[2]) {
		w.Error(errClientName)
		return
	}
	c.setName(words[2])
	w.Simple("OK")
}

func clientSetInfo(c *conn, words [][]byte, w *fsm.Writer) {
	value := string(words[3])
	place := &c.libName
	switch {
	case equalFold(words[2], "lib-name"):
	case equalFold(words[2], "lib-ver"):
		place = &c.libVersion
	default:
		w.Error("ERR Unrecognized option '" + quotable(words[2], maxQuoted) + "'")
		return
	}
	if !validName(words[3]) {
		w.Error("ERR " + strings.ToLower(string(words[2])) + " cannot contain spaces, newlines or special characters.")
		return
	}
	place.Store(&value)
	w.Simple("OK")
}

// onOff answers a subcommand that takes ON or OFF. ok is false if it was neither.
func onOff(word []byte, w *fsm.Writer) (on, ok bool) {
	on = equalFold(word, "on")
	if !on && !equalFold(word, "off") {
		w.Error(errSyntax)
		return false, false
	}
	w.Simple("OK")
	return on, true
}

func clientNoEvict(c *conn, words [][]byte, w *fsm.Writer) {
	if on, ok := onOff(words[2], w); ok {
		c.noEvict.Store(on)
	}
}

func clientNoTouch(c *conn, words [][]byte, w *fsm.Writer) {
	if on, ok := onOff(words[2], w); ok {
		c.noTouch.Store(on)
	}
}

func clientReply(c *conn, words [][]byte, w *fsm.Writer) {
	switch {
	case equalFold(words[2], "on"):
		c.reply = replyOn
	case equalFold(words[2], "off"):
		c.reply = replyOff
	case !equalFold(words[2], "skip"):
		w.Error(errSyntax)
		return
	case c.reply != replyOff:
		c.reply = replySkipNext
	}
	w.Simple("OK")
}

func clientInfo(c *conn, words [][]byte, w *fsm.Writer) {
	w.Verbatim("txt", c.describe(time.Now())+"\n")
}

func clientList(c *conn, words [][]byte, w *fsm.Writer) {
	// A line for each client, and each may ask for it: one list at a time is made (P6).
	c.server.listing.Lock()
	defer c.server.listing.Unlock()
	var conns []*conn
	switch {
	case len(words) == 2:
		conns = c.server.clients.all()
	case len(words) == 4 && equalFold(words[2], "type"):
		kind, ok := parseClientType(words[3], w)
		if !ok {
			return
		}
		if kind == typeNormal {
			conns = c.server.clients.all()
		}
	case len(words) > 3 && equalFold(words[2], "id"):
		listed := make(map[uint64]bool) // each once, however often it is named (P6)
		for _, word := range words[3:] {
			id, ok := parseInteger(word)
			if !ok || id <= 0 {
				w.Error("ERR Invalid client ID")
				return
			}
			if other := c.server.clients.get(uint64(id)); other != nil && !listed[other.id] {
				listed[other.id] = true
				conns = append(conns, other)
			}
		}
	default:
		w.Error(errSyntax)
		return
	}
	now := time.Now()
	var list strings.Builder
	for _, other := range conns {
		list.WriteString(other.describe(now))
		list.WriteByte('\n')
	}
	w.Verbatim("txt", list.String())
}

// clientType is a kind of connection as CLIENT LIST and CLIENT KILL know them. All of ours are normal.
type clientType int

const (
	typeNormal clientType = iota
	typeOther
)

func parseClientType(word []byte, w *fsm.Writer) (clientType, bool) {
	switch strings.ToLower(string(word[:min(len(word), maxQuoted)])) {
	case "normal":
		return typeNormal, true
	case "master", "replica", "slave", "pubsub":
		return typeOther, true
	}
	w.Error("ERR Unknown client type '" + quotable(word, maxQuoted) + "'")
	return 0, false
}

// describe returns the connection's line in CLIENT LIST. Fields that have no meaning here are there with
// the values of a connection that does not use what they are about.
func (c *conn) describe(now time.Time) string {
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	flags := ""
	for _, f := range []struct {
		on   bool
		name string
	}{{c.readOnly.Load(), "r"}, {c.noEvict.Load(), "e"}, {c.noTouch.Load(), "T"}} {
		if f.on {
			flags += f.name
		}
	}
	if flags == "" {
		flags = "N"
	}
	command := "NULL"
	if row := c.lastCommand.Load(); row != nil {
		command = row.Name
	}
	in, out := c.inputSize.Load(), c.outputSize.Load()
	seconds := func(since time.Time) int64 { return max(0, int64(now.Sub(since)/time.Second)) }
	return fmt.Sprintf("id=%d addr=%s laddr=%s fd=%d name=%s age=%d idle=%d flags=%s db=0 sub=0 psub=0 ssub=0 multi=-1"+
		" qbuf=0 qbuf-free=%d argv-mem=0 multi-mem=0 rbs=%d rbp=%d obl=0 oll=0 omem=0 tot-mem=%d events=r cmd=%s"+
		" user=default redir=-1 resp=%d lib-name=%s lib-ver=%s",
		c.id, c.net.RemoteAddr(), c.net.LocalAddr(), descriptor(c.net), text(c.name.Load()),
		seconds(c.created), seconds(time.Unix(0, c.lastActive.Load())), flags,
		in, out, out, in+out, command, c.proto.Load(), text(c.libName.Load()), text(c.libVersion.Load()))
}

// descriptor returns a socket's file descriptor, or -1 if it has none.
func descriptor(nc net.Conn) int {
	fd := -1
	if tcp, ok := nc.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			raw.Control(func(p uintptr) { fd = int(p) })
		}
	}
	return fd
}

func clientHelp(c *conn, words [][]byte, w *fsm.Writer) {
	help(w, "CLIENT",
		"GETNAME",
		"    Tell the name of this connection.",
		"ID",
		"    Tell the id of this connection.",
		"INFO",
		"    Describe this connection in one line.",
		"KILL <ip:port>",
		"    Close the connection from that address.",
		"KILL <option> <value> [<option> <value> [...]]",
		"    Close all connections that meet every condition:",
		"    * ID <client-id>",
		"    * ADDR <ip:port>",
		"    * LADDR <ip:port>",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
		"    * USER <username>",
		"    * SKIPME (YES|NO)",
		"      Spare this connection (default: yes).",
		"LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <client-id> [<client-id> ...]]",
		"    Describe connections, a line each.",
		"NO-EVICT (ON|OFF)",
		"    Accepted; connections are not evicted.",
		"NO-TOUCH (ON|OFF)",
		"    Accepted; reading does not change keys.",
		"REPLY (ON|OFF|SKIP)",
		"    Send replies, send none, or skip the next one.",
		"SETINFO (LIB-NAME|LIB-VER) <value>",
		"    Note the name or version of the client library.",
		"SETNAME <name>",
		"    Name this connection.",
	)
}
