package resp

import "redoubt/fsm"

// killFilter says which connections CLIENT KILL closes: those that meet every condition given.
type killFilter struct {
	id          uint64
	addr, laddr string
	otherType   bool // a type that no connection here has
	skipMe      bool
}

func (f *killFilter) matches(c, me *conn) bool {
	return (f.id == 0 || f.id == c.id) &&
		(f.addr == "" || f.addr == c.net.RemoteAddr().String()) &&
		(f.laddr == "" || f.laddr == c.net.LocalAddr().String()) &&
		!f.otherType && !(f.skipMe && c == me)
}

func clientKill(c *conn, words [][]byte, w *fsm.Writer) {
	if len(words) == 3 {
		// The old form names one address, and may name one's own.
		if c.kill(killFilter{addr: string(words[2])}) == 0 {
			w.Error("ERR No such client")
			return
		}
		w.Simple("OK")
		return
	}
	filter, ok := parseKillFilter(words[2:], w)
	if !ok {
		return
	}
	w.Int(int64(c.kill(filter)))
}

// parseKillFilter reads the new form's conditions, or writes an error.
func parseKillFilter(words [][]byte, w *fsm.Writer) (f killFilter, ok bool) {
	f.skipMe = true
	for ; len(words) > 0; words = words[2:] {
		if len(words) == 1 {
			w.Error(errSyntax)
			return f, false
		}
		value := words[1]
		switch {
		case equalFold(words[0], "id"):
			id, ok := parseInteger(value)
			if !ok || id < 1 {
				w.Error("ERR client-id should be greater than 0")
				return f, false
			}
			f.id = uint64(id)
		case equalFold(words[0], "addr"):
			f.addr = string(value)
		case equalFold(words[0], "laddr"):
			f.laddr = string(value)
		case equalFold(words[0], "type"):
			kind, ok := parseClientType(value, w)
			if !ok {
				return f, false
			}
			f.otherType = kind != typeNormal
		case equalFold(words[0], "user"):
			if !authenticates(value) {
				w.Error("ERR No such user '" + quotable(value, maxQuoted) + "'")
				return f, false
			}
		case equalFold(words[0], "skipme") && equalFold(value, "yes"):
			f.skipMe = true
		case equalFold(words[0], "skipme") && equalFold(value, "no"):
			f.skipMe = false
		default:
			w.Error(errSyntax)
			return f, false
		}
	}
	return f, true
}

// kill closes the connections that a filter matches and returns how many they are. The caller's own
// connection ends when it has its reply.
func (c *conn) kill(filter killFilter) int {
	killed := 0
	for _, other := range c.server.clients.all() {
		if !filter.matches(other, c) {
			continue
		}
		killed++
		if other == c {
			c.ending = true
		} else {
			other.cut()
		}
	}
	return killed
}
