package fsm

const (
	// warmWidth is how many keys are looked up side by side.
	warmWidth = 16
	// warmBytes is how much of a record is read, and cacheLine how much comes with a byte.
	warmBytes = 192
	cacheLine = 64
)

// Warm looks keys up that are about to be used, those that are there or not. A lookup goes from page to page and to the record, each of
// which may be far away in memory, and one after the other every step of every key is waited for. Here the steps of many keys
// are made side by side, so that the processor waits for them together, and Apply or Read finds them near. It changes nothing,
// and may run beside Read.
//
// The sum has no meaning; it keeps the compiler from leaving out what it is made of.
func (m *Machine) Warm(keys [][]byte) (sum uint64) {
	for len(keys) > 1 { // one alone gains nothing
		n := min(len(keys), warmWidth)
		sum += m.keys.warm(keys[:n])
		keys = keys[n:]
	}
	return sum
}

// AppendKeysToWarm appends to dst, as far as it has room, what is probably the key of each command of a batch: its second word.
// Of a batch that is malformed it appends what comes before that.
func AppendKeysToWarm(dst [][]byte, data []byte) [][]byte {
	if len(data) == 0 || data[0] != batchVersion {
		return dst
	}
	r := batchReader{rest: data[1:]}
	for len(r.rest) > 0 && len(dst) < cap(dst) {
		_, _, argc := r.command()
		for i := 0; i < argc && r.err == nil; i++ {
			if word := r.argument(); i == 1 && r.err == nil {
				dst = append(dst, word)
			}
		}
		if r.err != nil {
			break
		}
	}
	return dst
}

// warm is Warm for up to warmWidth keys.
func (t *tree) warm(keys [][]byte) (sum uint64) {
	var ways [warmWidth]way
	for i, key := range keys {
		ways[i] = way{hash: t.hash(key), page: t.slotPage(Slot(key))}
	}
	for further := true; further; {
		further = false
		for i := range keys {
			further = ways[i].descend(t) || further
		}
	}
	for i := range keys {
		sum += ways[i].touch(t)
	}
	return sum
}

// touch reads some of each cache line of the record that has the key's tag in the leaf, of a short record.
func (w *way) touch(t *tree) (sum uint64) {
	if w.page == nil {
		return 0
	}
	tag, low, high := tagOf(w.hash, w.depth), 0, w.page.count()
	for low < high {
		if middle := int(uint(low+high) / 2); w.page.item(middle).tag() < tag {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == w.page.count() || w.page.item(low).tag() != tag {
		return 0
	}
	r := t.record(w.page.item(low).record())
	for at := 0; at < min(len(r), warmBytes); at += cacheLine {
		sum += uint64(r[at])
	}
	return sum
}
