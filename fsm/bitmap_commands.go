package fsm

// Error texts of the bit commands.
const (
	errBitOffset = "ERR bit offset is not an integer or out of range"
	errBit       = "ERR bit is not an integer or out of range"
	errBitSearch = "ERR The bit argument must be 1 or 0."
	errBitNot    = "ERR BITOP NOT must be called with a single source key."
)

// bitsMax is the number of bits of the longest string.
const bitsMax = stringMax * 8

// bitOffset reads an argument as the number of a bit; with ok false the error is replied.
func (c *call) bitOffset(arg []byte) (offset int64, ok bool) {
	offset, ok = parseInteger(arg)
	if !ok || offset < 0 || offset >= bitsMax {
		c.w.Error(errBitOffset)
		return 0, false
	}
	return offset, true
}

// bitAt returns the bit at an offset; behind the end there are zeros.
func bitAt(data []byte, offset int64) byte {
	if at := offset / 8; at < int64(len(data)) {
		return data[at] >> (7 - offset%8) & 1
	}
	return 0
}

// SETBIT key offset value
func runSetBit(c *call) {
	offset, ok := c.bitOffset(c.args[2])
	if !ok {
		return
	}
	bit, ok := parseInteger(c.args[3])
	if !ok || bit != 0 && bit != 1 {
		c.w.Error(errBit)
		return
	}
	if _, _, ok := c.lookupString(c.args[1]); !ok {
		return
	}
	data := c.editString(c.args[1], int(offset/8)+1)
	old := bitAt(data, offset)
	mask := byte(0x80) >> (offset % 8)
	if bit == 1 {
		data[offset/8] |= mask
	} else {
		data[offset/8] &^= mask
	}
	c.w.Int(int64(old))
}

// GETBIT key offset
func runGetBit(c *call) {
	offset, ok := c.bitOffset(c.args[2])
	if !ok {
		return
	}
	if data, _, ok := c.lookupString(c.args[1]); ok {
		c.w.Int(int64(bitAt(data, offset)))
	}
}

// placeRange is a range of a string, as BITCOUNT and BITPOS are told it: in bytes or in bits, with negative places
// counted from the end.
type placeRange struct {
	start, end int64
	inBits     bool
}

// unit reads BYTE or BIT; with ok false the error is replied.
func (c *call) unit(arg []byte) (inBits, ok bool) {
	switch {
	case isWord(arg, "bit"):
		return true, true
	case isWord(arg, "byte"):
		return false, true
	}
	c.syntaxError()
	return false, false
}

// bits returns the first and the last bit of the range in a string of size bytes. The range is empty if first is
// behind last.
func (r placeRange) bits(size int) (first, last int64) {
	total := int64(size)
	if r.inBits {
		total *= 8
	}
	start, end := r.start, r.end
	if start < 0 {
		start = max(start+total, 0)
	}
	if end < 0 {
		end = max(end+total, 0)
	}
	// Clamped before they become bits, for they may be any number.
	start, end = min(start, total), min(end, total-1)
	if r.inBits {
		return start, end
	}
	return start * 8, end*8 + 7
}

// BITCOUNT key [start end [BYTE | BIT]]
func runBitCount(c *call) {
	data, found, ok := c.lookupString(c.args[1])
	if !ok {
		return
	}
	args := c.args[2:]
	if !found {
		// Redis does not look at the range then.
		c.w.Int(0)
		return
	}
	r := placeRange{end: -1}
	switch len(args) {
	case 0:
	case 2, 3:
		if r.start, ok = c.integer(args[0]); !ok {
			return
		}
		if r.end, ok = c.integer(args[1]); !ok {
			return
		}
		if r.start < 0 && r.end < 0 && r.start > r.end {
			// Both could be clamped to the first place, which would make a range of them. BITPOS does so.
			c.w.Int(0)
			return
		}
		if len(args) == 3 {
			if r.inBits, ok = c.unit(args[2]); !ok {
				return
			}
		}
	default:
		c.syntaxError()
		return
	}
	first, last := r.bits(len(data))
	if first > last {
		c.w.Int(0)
		return
	}
	c.w.Int(onesCountRange(data, first, last))
}

// BITPOS key bit [start [end [BYTE | BIT]]]
func runBitPos(c *call) {
	bit, ok := c.integer(c.args[2])
	if !ok {
		return
	}
	if bit != 0 && bit != 1 {
		c.w.Error(errBitSearch)
		return
	}
	data, found, ok := c.lookupString(c.args[1])
	if !ok {
		return
	}
	if !found {
		// A missing key is an endless row of zeros, whatever the range.
		c.w.Int(-bit)
		return
	}
	r, ok := c.searchRange(c.args[3:])
	if !ok {
		return
	}
	first, last := r.bits(len(data))
	if first > last {
		c.w.Int(-1)
		return
	}
	position := findBit(data, byte(bit), first, last)
	if position < 0 && bit == 0 && len(c.args) < 5 {
		// Without an end, the string counts as padded with zeros.
		position = last + 1
	}
	c.w.Int(position)
}

// searchRange reads "[start [end [BYTE | BIT]]]", in the order in which Redis finds fault with them. With ok false
// the error is replied.
func (c *call) searchRange(args [][]byte) (r placeRange, ok bool) {
	r.end = -1
	if len(args) > 3 {
		c.syntaxError()
		return r, false
	}
	if len(args) > 0 {
		if r.start, ok = c.integer(args[0]); !ok {
			return r, false
		}
	}
	if len(args) > 2 {
		if r.inBits, ok = c.unit(args[2]); !ok {
			return r, false
		}
	}
	if len(args) > 1 {
		if r.end, ok = c.integer(args[1]); !ok {
			return r, false
		}
	}
	return r, true
}

// BITOP operation destkey key [key ...]
func runBitOp(c *call) {
	var operation bitOperation
	switch name := c.args[1]; {
	case isWord(name, "and"):
		operation = bitAnd
	case isWord(name, "or"):
		operation = bitOr
	case isWord(name, "xor"):
		operation = bitXor
	case isWord(name, "not"):
		operation = bitNot
	default:
		c.syntaxError()
		return
	}
	if operation == bitNot && len(c.args) != 4 {
		c.w.Error(errBitNot)
		return
	}
	sources, longest, ok := c.bitSources(operation)
	if !ok {
		return
	}
	result := combineBits(operation, sources, longest)
	if len(result) > 0 {
		c.storeRaw(c.args[2], result)
	} else {
		c.delete(c.args[2])
	}
	c.w.Int(int64(len(result)))
}

// bitSources looks up the sources of BITOP, and how long the longest is. A key that is named again and again is not
// worked on again and again: however many words a command has, it reads each value once. With ok false the error
// is replied.
func (c *call) bitSources(operation bitOperation) (sources [][]byte, longest int, ok bool) {
	keys := c.args[3:]
	places := make(map[string]int, len(keys))
	for _, key := range keys {
		data, _, ok := c.lookupString(key)
		if !ok {
			return nil, 0, false
		}
		longest = max(longest, len(data))
		at, again := places[string(key)]
		switch {
		case !again:
			places[string(key)] = len(sources)
			sources = append(sources, data)
		case operation != bitXor:
			// Once more changes nothing.
		case sources[at] == nil:
			sources[at] = data
		default:
			sources[at] = nil // Twice is as good as not at all.
		}
	}
	return sources, longest, true
}
