package fsm

import (
	"encoding/binary"
	"slices"

	"redoubt/fsm/slab"
)

// entry is a record that is being changed. No View knows it. It is gone with the next edit, insert, rename or remove.
type entry struct {
	record
	handle slab.Handle
	// leaf is the owned page that it is an item of.
	leaf page
	at   int
}

// edit returns the record at a place for changing by the setters below, or nil if there is none.
func (k *keyspace) edit(at place) *entry {
	s := k.descend(at, 0, 0)
	if s.leaf == nil {
		return nil
	}
	i, found := k.search(s.leaf, s.depth, at)
	if !found {
		return nil
	}
	it := s.leaf.item(i)
	k.edited = entry{record: k.record(it.record()), handle: it.record(), leaf: s.leaf, at: i}
	e := &k.edited
	if !k.owns(it) {
		size := e.recordSize()
		h, block := k.recordHeap.Alloc(size)
		copy(block, e.record[:size])
		k.replace(e, h, block, false)
	}
	return e
}

// insert adds a key that is not there yet, with an empty raw string as its value. Its block has room for size bytes of value.
func (k *keyspace) insert(at place, touched int64, size int) *entry {
	f := fields{kind: kindString, encoding: encodingRaw, touched: touched, key: at.key}
	room := f.headSize() + max(integerBytes, uvarintLength(size)+size)
	if room > recordMax {
		room = f.headSize() + outBytes
	}
	return k.insertRecord(at, &f, room)
}

// replace makes another block the record of an edited entry.
func (k *keyspace) replace(e *entry, h slab.Handle, block record, owned bool) {
	e.leaf.setItem(e.at, newItem(e.leaf.item(e.at).tag(), h, true))
	if place := block.place(); place != 0 {
		k.deadlines.replace(place, h)
	}
	k.dropBlock(e.handle, owned)
	e.handle, e.record = h, block
}

// rewrite makes fields the record of an edited entry. Its block stays if it is not too small or much too large.
func (k *keyspace) rewrite(e *entry, f *fields) {
	size := f.size()
	if size <= len(e.record) && len(e.record) <= slab.RoundUp(size+size/8) {
		k.scratch = slices.Grow(k.scratch[:0], size)[:size]
		f.put(k.scratch)
		copy(e.record, k.scratch)
		return
	}
	h, block := k.recordHeap.Alloc(size)
	f.put(block)
	k.replace(e, h, block, true)
}

// touch sets the time of the last write.
func (k *keyspace) touch(e *entry, touched int64) {
	if e.has(flagWide) || touched>>touchedBits != 0 {
		f := e.fields()
		f.touched = touched
		k.rewrite(e, &f)
		return
	}
	head := binary.LittleEndian.Uint64(e.record)
	binary.LittleEndian.PutUint64(e.record, head<<touchedBits>>touchedBits&(1<<16-1)|uint64(touched)<<(64-touchedBits))
}

// setEncoding sets how a string is held, to another encoding of the same sort.
func (e *entry) setEncoding(enc encoding) { e.record[0] = e.record[0]&15 | byte(enc)<<4 }

// setDeadline changes when the key is gone; zero means never.
func (k *keyspace) setDeadline(e *entry, deadline int64) {
	d, old := &k.deadlines, e.deadline()
	switch {
	case deadline == old:
	case deadline != 0 && old != 0:
		d.change(e.record, e.handle, deadline)
	case deadline != 0:
		f := e.fields()
		f.deadline = deadline
		k.rewrite(e, &f)
		d.add(e.record, e.handle)
	default:
		d.drop(e.record)
		f := e.fields()
		f.deadline, f.place = 0, 0
		k.rewrite(e, &f)
	}
}

// setInteger makes an integer the value, and enc says which of the two encodings.
func (k *keyspace) setInteger(e *entry, n int64, enc encoding) {
	k.bytes -= int64(e.dataLength())
	k.numbers += uint64(n) - uint64(e.number())
	if e.isInteger() {
		_, at := e.keySpan()
		binary.LittleEndian.PutUint64(e.record[at:], uint64(n))
		e.setEncoding(enc)
		return
	}
	k.setValue(e, fields{encoding: enc, number: n})
}

// setBytes makes a copy of data the value, in an encoding other than an integer.
func (k *keyspace) setBytes(e *entry, data []byte, enc encoding) {
	if !e.isInteger() && !e.has(flagOut) {
		if from, n := e.valueAt(); n == len(data) {
			copy(e.record[from:], data)
			e.setEncoding(enc)
			return
		}
	}
	if e.holds(len(data)) {
		k.countValue(e, len(data))
		k.setValue(e, fields{encoding: enc, data: data})
		return
	}
	if e.has(flagOut) {
		o := e.outline()
		block := k.records.Bytes(o.handle)
		if o.epoch > k.shared && len(block) >= len(data) && len(block) <= 2*len(data) {
			k.countValue(e, len(data))
			o.length = copy(block, data)
			k.setValue(e, fields{encoding: enc, out: o})
			return
		}
	}
	k.takeBytes(e, append(make([]byte, 0, len(data)), data...), enc)
}

// takeBytes makes data itself the value. The caller gives data away.
func (k *keyspace) takeBytes(e *entry, data []byte, enc encoding) {
	if e.holds(len(data)) {
		k.setBytes(e, data, enc)
		return
	}
	k.countValue(e, len(data))
	k.setValue(e, fields{encoding: enc, out: outline{k.recordHeap.Adopt(data), len(data), k.epoch}})
}

// holds reports whether the record has room for a value of size bytes, which need no block of their own then.
func (r record) holds(size int) bool {
	_, at := r.keySpan()
	return at+uvarintLength(size)+size <= recordMax
}

// countValue keeps the totals right when the value becomes one of size bytes.
func (k *keyspace) countValue(e *entry, size int) {
	k.bytes += int64(size - e.dataLength())
	k.numbers -= uint64(e.number())
}

// setValue gives an edited entry the encoding and the value that are in fields.
func (k *keyspace) setValue(e *entry, value fields) {
	f := e.fields()
	old := f.out
	f.kind, f.encoding, f.number, f.data, f.out = kindString, value.encoding, value.number, value.data, value.out
	k.rewrite(e, &f)
	if old.handle != 0 && old.handle != f.out.handle {
		k.dropOutline(old)
	}
}

func (k *keyspace) dropOutline(o outline) { k.dropBlock(o.handle, o.epoch > k.shared) }

// appendBytes appends to the value of a raw string. A value with a block of its own takes amortised constant time
// per byte also while Views live: they never look past the end of theirs.
func (k *keyspace) appendBytes(e *entry, data []byte) {
	old := e.dataLength()
	if !e.has(flagOut) {
		copy(k.ownBytes(e, old+len(data))[old:], data)
		return
	}
	o := e.outline()
	block := k.records.Bytes(o.handle)
	if len(block)-old < len(data) {
		k.takeBytes(e, append(block[:old:old], data...), encodingRaw)
		return
	}
	k.bytes += int64(len(data))
	o.length += copy(block[old:], data)
	k.setValue(e, fields{encoding: encodingRaw, out: o})
}

// ownBytes returns the value of a raw string for changing in place, grown with zeros to at least size bytes.
func (k *keyspace) ownBytes(e *entry, size int) []byte {
	old := e.dataLength()
	size = max(size, old)
	if !e.has(flagOut) && e.holds(size) {
		return k.growRecord(e, old, size)
	}
	if e.has(flagOut) {
		o := e.outline()
		if block := k.records.Bytes(o.handle); o.epoch > k.shared && len(block) >= size {
			clear(block[old:size])
			k.bytes += int64(size - old)
			o.length = size
			k.setValue(e, fields{encoding: encodingRaw, out: o})
			return block[:size:size]
		}
	}
	room := size
	if size > old && e.has(flagOut) {
		room += size / 4
	}
	k.takeBytes(e, append(make([]byte, 0, room), k.data(e.record)...)[:size], encodingRaw)
	return k.data(e.record)
}

// growRecord is ownBytes for a value that its record holds and goes on holding.
func (k *keyspace) growRecord(e *entry, old, size int) []byte {
	_, at := e.keySpan()
	from := at + uvarintLength(size)
	if from+size > len(e.record) || uvarintLength(size) != uvarintLength(old) {
		h, block := k.recordHeap.Alloc(from + size)
		copy(block, e.record[:at])
		copy(block[from:], k.data(e.record))
		k.replace(e, h, block, true)
	}
	binary.PutUvarint(e.record[at:], uint64(size))
	clear(e.record[from+old : from+size])
	k.bytes += int64(size - old)
	return e.record[from : from+size : from+size]
}

// copyValue makes a copy of another record's value the value.
func (k *keyspace) copyValue(e *entry, from record) {
	switch {
	case from.isInteger():
		k.setInteger(e, from.number(), encodingIntCopy)
	case from.has(flagOut):
		k.takeBytes(e, slices.Clone(k.data(from)), from.encoding())
	default:
		k.setBytes(e, k.data(from), from.encoding())
	}
}
