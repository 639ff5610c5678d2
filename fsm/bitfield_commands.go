package fsm

// Error texts of BITFIELD.
const (
	errFieldType     = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
	errFieldOverflow = "ERR Invalid OVERFLOW type specified"
	errFieldReadOnly = "ERR BITFIELD_RO only supports the GET subcommand"
)

// fieldAction is what an operation of BITFIELD does.
type fieldAction uint8

const (
	fieldGet fieldAction = iota
	fieldSet
	fieldIncrement
)

// fieldOperation is one operation of BITFIELD.
type fieldOperation struct {
	action   fieldAction
	field    fieldType
	offset   int64
	operand  int64
	overflow overflow
}

// end is the number of the bit behind the field.
func (o *fieldOperation) end() int64 { return o.offset + int64(o.field.bits) }

// BITFIELD key [GET type offset | [OVERFLOW WRAP|SAT|FAIL] SET type offset value | INCRBY type offset increment ...]
func runBitField(c *call) {
	operations, writes, ok := c.fieldOperations()
	if !ok {
		return
	}
	data, _, ok := c.lookupString(c.args[1])
	if !ok {
		return
	}
	if writes {
		// The value grows as far as any writing field reaches, even if it then overflows and is left alone.
		end := int64(0)
		for i := range operations {
			if o := &operations[i]; o.action != fieldGet {
				end = max(end, o.end())
			}
		}
		data = c.editString(c.args[1], int((end+7)/8))
	}
	c.w.Array(len(operations))
	for i := range operations {
		c.runField(&operations[i], data)
	}
}

// BITFIELD_RO key [GET type offset ...]
func runBitFieldRO(c *call) {
	operations, writes, ok := c.fieldOperations()
	if !ok {
		return
	}
	if writes {
		c.w.Error(errFieldReadOnly)
		return
	}
	data, _, ok := c.lookupString(c.args[1])
	if !ok {
		return
	}
	c.w.Array(len(operations))
	for i := range operations {
		c.runField(&operations[i], data)
	}
}

// runField carries out one operation and replies its outcome.
func (c *call) runField(o *fieldOperation, data []byte) {
	old := o.field.load(data, o.offset)
	if o.action == fieldGet {
		c.w.Int(old)
		return
	}
	value, fits := int64(0), false
	if o.action == fieldSet {
		value, fits = o.field.fit(o.operand, o.overflow)
	} else {
		value, fits = o.field.add(old, o.operand, o.overflow)
	}
	if !fits {
		c.w.Null()
		return
	}
	o.field.store(data, o.offset, value)
	if o.action == fieldSet {
		c.w.Int(old)
	} else {
		c.w.Int(value)
	}
}

// fieldOperations reads the operations behind the key, before any of them runs; writes says whether one of them
// changes the value. With ok false the error is replied.
func (c *call) fieldOperations() (operations []fieldOperation, writes, ok bool) {
	mode := overflowWrap
	for rest := c.args[2:]; len(rest) > 0; {
		o := fieldOperation{overflow: mode}
		words := 4
		switch {
		case isWord(rest[0], "get"):
			words = 3
		case isWord(rest[0], "set"):
			o.action = fieldSet
		case isWord(rest[0], "incrby"):
			o.action = fieldIncrement
		case isWord(rest[0], "overflow") && len(rest) >= 2:
			if mode, ok = c.fieldOverflow(rest[1]); !ok {
				return nil, false, false
			}
			rest = rest[2:]
			continue
		default:
			c.syntaxError()
			return nil, false, false
		}
		if len(rest) < words {
			c.syntaxError()
			return nil, false, false
		}
		if o.field, ok = parseFieldType(rest[1]); !ok {
			c.w.Error(errFieldType)
			return nil, false, false
		}
		if o.offset, ok = c.fieldOffset(rest[2], o.field); !ok {
			return nil, false, false
		}
		if o.action != fieldGet {
			writes = true
			if o.operand, ok = c.integer(rest[3]); !ok {
				return nil, false, false
			}
			// Redis lets the last field of the longest string reach some bytes beyond the limit. A string
			// here never is longer than the limit.
			if o.end() > bitsMax {
				c.w.Error(errBitOffset)
				return nil, false, false
			}
		}
		operations = append(operations, o)
		rest = rest[words:]
	}
	return operations, writes, true
}

// fieldOverflow reads what OVERFLOW says; with ok false the error is replied.
func (c *call) fieldOverflow(arg []byte) (o overflow, ok bool) {
	switch {
	case isWord(arg, "wrap"):
		return overflowWrap, true
	case isWord(arg, "sat"):
		return overflowSaturate, true
	case isWord(arg, "fail"):
		return overflowFail, true
	}
	c.w.Error(errFieldOverflow)
	return 0, false
}

// parseFieldType reads "u8" or "i64".
func parseFieldType(arg []byte) (t fieldType, ok bool) {
	if len(arg) == 0 || arg[0] != 'i' && arg[0] != 'u' {
		return t, false
	}
	t.signed = arg[0] == 'i'
	widest := int64(63)
	if t.signed {
		widest = 64
	}
	bits, ok := parseInteger(arg[1:])
	if !ok || bits < 1 || bits > widest {
		return t, false
	}
	t.bits = int(bits)
	return t, true
}

// fieldOffset reads where a field is: a bit, or "#n" for the n-th field of this type. With ok false the
// error is replied.
func (c *call) fieldOffset(arg []byte, t fieldType) (offset int64, ok bool) {
	if len(arg) == 0 || arg[0] != '#' {
		return c.bitOffset(arg)
	}
	n, ok := parseInteger(arg[1:])
	// As in Redis, the product may wrap; what counts is that the outcome is in range.
	offset = n * int64(t.bits)
	if !ok || offset < 0 || offset >= bitsMax {
		c.w.Error(errBitOffset)
		return 0, false
	}
	return offset, true
}
