package fsm

import "strconv"

// Error replies that many commands share. Clients match on these texts; they are Redis's.
const (
	errSyntax      = "ERR syntax error"
	errWrongType   = "WRONGTYPE Operation against a key holding the wrong kind of value"
	errNotInteger  = "ERR value is not an integer or out of range"
	errNotFloat    = "ERR value is not a valid float"
	errNoSuchKey   = "ERR no such key"
	errStringSize  = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	errOffsetRange = "ERR offset is out of range"
)

// call is one command on its way through the state machine. Every run function gets one, reads the
// keys through it and writes exactly one reply to it.
type call struct {
	m *Machine
	w *Writer
	// command is the row, and args the words, the name included: as many as the arity allows.
	command *Command
	args    [][]byte
	// now is the time in milliseconds by which TTLs are told and relative deadlines counted: log
	// time in Apply, the reader's clock, if that is later, in Read.
	now int64
	// reading: the call comes from Read, so it must not change anything.
	reading bool
	// due is set in a Read that met a key whose deadline lies between log time and now.
	due bool
	// scratch holds the text of integers that were looked up.
	scratch []byte
}

// find returns the living record at a place, or nil. Its value may be of any kind. It stays valid until the command
// stores something or ends.
func (c *call) find(at place) record {
	r := c.m.keys.get(at)
	if r == nil || !r.has(flagDeadline) {
		return r
	}
	deadline := r.deadline()
	if deadline <= c.m.logTime {
		return nil
	}
	if deadline <= c.now {
		c.due = true
	}
	return r
}

// findKey is find by key.
func (c *call) findKey(key []byte) record { return c.find(placeOf(key)) }

// findString is find for a command on strings: ok is false if the value is of another kind, and
// the error is replied then.
func (c *call) findString(at place) (r record, ok bool) {
	r = c.find(at)
	if r != nil && r.kind() != kindString {
		c.wrongType()
		return nil, false
	}
	return r, true
}

// lookupString returns the string at a key; found is false if there is none. With ok false the
// value is of another kind, and the error is replied. The bytes must not be changed, and stay
// valid until the command stores something or ends.
func (c *call) lookupString(key []byte) (value []byte, found, ok bool) {
	r, ok := c.findString(placeOf(key))
	if r == nil {
		return nil, false, ok
	}
	return c.text(r), true, true
}

// text returns a string's bytes. Those of an integer are made in the call's scratch buffer;
// earlier ones stay valid.
func (c *call) text(r record) []byte {
	if !r.isInteger() {
		return c.m.keys.data(r)
	}
	start := len(c.scratch)
	c.scratch = strconv.AppendInt(c.scratch, r.number(), 10)
	return c.scratch[start:len(c.scratch):len(c.scratch)]
}

// bulk replies with a string.
func (c *call) bulk(r record) {
	if r.isInteger() {
		c.w.bulkInteger(r.number())
	} else {
		c.w.Bulk(c.m.keys.data(r))
	}
}

// writable returns the entry at a place for changing, made new (an empty string without deadline)
// if there is no living one. The caller has checked its kind or is about to replace its value. A new one has room for size
// bytes of value and deadline.
func (c *call) writable(at place, size int) *entry {
	k := &c.m.keys
	e := k.edit(at)
	if e != nil && e.dueAt(c.m.logTime) {
		c.m.expire(at)
		e = nil
	}
	if e == nil {
		return k.insert(at, c.m.logTime, size)
	}
	k.touch(e, c.m.logTime)
	return e
}

// store sets a key to a copy of a string, in the encoding that SET chooses, and drops its deadline.
func (c *call) store(key, value []byte) {
	e := c.writable(placeOf(key), len(value))
	c.setString(e, value)
	c.m.keys.setDeadline(e, 0)
}

// storeRaw sets a key to a string that the caller gives away, raw, and drops its deadline.
func (c *call) storeRaw(key, value []byte) {
	e := c.writable(placeOf(key), 0)
	c.m.keys.takeBytes(e, value, encodingRaw)
	c.m.keys.setDeadline(e, 0)
}

// setString sets an edited entry to a string in the encoding that SET chooses.
func (c *call) setString(e *entry, value []byte) {
	k := &c.m.keys
	if n, ok := parseInteger(value); ok {
		k.setInteger(e, n, encodingInt)
	} else if len(value) <= embstrMax {
		k.setBytes(e, value, encodingEmbstr)
	} else {
		k.setBytes(e, value, encodingRaw)
	}
}

// editString returns the bytes of the string at a key for changing in place, grown with zeros to
// at least size bytes. A missing key is made; the value becomes raw. The caller has checked the
// kind (lookupString) and the limit of size (checkStringSize).
func (c *call) editString(key []byte, size int) []byte {
	e := c.writable(placeOf(key), 0)
	c.makeRaw(e)
	return c.m.keys.ownBytes(e, size)
}

// makeRaw turns an edited string entry raw.
func (c *call) makeRaw(e *entry) {
	if e.isInteger() {
		var text [20]byte
		c.m.keys.setBytes(e, strconv.AppendInt(text[:0], e.number(), 10), encodingRaw)
	}
	e.setEncoding(encodingRaw)
}

// checkStringSize replies an error and returns false if a string of size bytes would be too long.
func (c *call) checkStringSize(size int64) bool {
	if size > stringMax {
		c.w.Error(errStringSize)
		return false
	}
	return true
}

// delete removes a key; it reports whether there was a living one.
func (c *call) delete(key []byte) bool { return c.remove(placeOf(key)) }

func (c *call) remove(at place) bool {
	r := c.m.keys.get(at)
	if r == nil {
		return false
	}
	if r.dueAt(c.m.logTime) {
		c.m.expire(at)
		return false
	}
	c.m.keys.remove(at)
	return true
}

// syntaxError replies that the options make no sense.
func (c *call) syntaxError() { c.w.Error(errSyntax) }

// wrongType replies that a value is of another kind than the command works on.
func (c *call) wrongType() { c.w.Error(errWrongType) }

// integer reads an argument as an integer; with ok false the error is replied.
func (c *call) integer(arg []byte) (n int64, ok bool) {
	n, ok = parseInteger(arg)
	if !ok {
		c.w.Error(errNotInteger)
	}
	return n, ok
}
