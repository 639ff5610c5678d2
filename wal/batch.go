package wal

// Batch collects the records of one Append. Its zero value is empty; Reset makes it empty again and
// keeps its memory.
type Batch struct {
	items []item
	// arena holds the heads and states of all items.
	arena []byte
}

// item is one record to be written.
type item struct {
	kind        kind
	index, term uint64
	// head is a range of the batch's arena; the record's payload is head followed by body.
	headFrom, headTo int
	body             []byte
}

// Entry adds an entry of the log. Its payload is head followed by body; head is copied (it is for the
// few bytes that a caller puts before data that it does not own), body must stay unchanged until
// Append returns. Indexes follow one another, and may start anew at an index that the log, or
// the batch, already has: what was there from that index on is replaced.
func (b *Batch) Entry(index, term uint64, head, body []byte) {
	b.add(item{kind: kindEntry, index: index, term: term, body: body}, head)
}

// State adds the owner's state, at most MaxStateBytes, which is copied. The newest wins.
func (b *Batch) State(state []byte) { b.add(item{kind: kindState}, state) }

// Reset empties the batch.
func (b *Batch) Reset() {
	clear(b.items) // Let go of the bodies.
	b.items, b.arena = b.items[:0], b.arena[:0]
}

// Len returns the number of records in the batch.
func (b *Batch) Len() int { return len(b.items) }

func (b *Batch) add(it item, head []byte) {
	it.headFrom = len(b.arena)
	b.arena = append(b.arena, head...)
	it.headTo = len(b.arena)
	b.items = append(b.items, it)
}

func (b *Batch) head(it *item) []byte { return b.arena[it.headFrom:it.headTo] }

// end returns where the batch ends in a segment if it is written at offset.
func (b *Batch) end(offset int64) int64 {
	for i := range b.items {
		it := &b.items[i]
		offset = advance(offset, recordOverhead+int64(it.headTo-it.headFrom)+int64(len(it.body)))
	}
	return offset
}
