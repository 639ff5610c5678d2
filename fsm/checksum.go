package fsm

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// ChecksumVersion says how Checksum comes about. Sums of different versions say nothing about each other.
const ChecksumVersion = 1

// What a checksum looks at besides its totals.
const (
	checksumKeys = 64
	// checksumValueBytes of a value are hashed, at a place that changes from checksum to checksum.
	checksumValueBytes = 1024
	checksumSessions   = 8
	checksumOutcomes   = 4
)

// Checksum returns the index that the machine stands at and a sum over its state there: replicas with equal states have
// equal sums, so that a replica with another one has gone astray. It takes the time of some twenty SETs, however many
// keys there are.
//
// The sum covers all keys by totals (how many there are, their sizes, the sum of their deadlines and of their
// integers), the sessions by theirs and the last used ones in full, and a few keys in full, chosen by the index. So it
// shows at once a key too many, a write that was applied twice or a deadline that differs, and other values of
// the same length after some checksums. What covers everything is Digest.
//
// A sum over all values that each command keeps up to date was measured and left out: hashing a value of 100 bytes
// before and after a SET adds a quarter to its time, and with long values a command that changes one byte would
// have to read all of them.
func (m *Machine) Checksum() (index, sum uint64) {
	h := checksum{seed: mix64(m.index)}
	h.digest.Reset()
	k, s := &m.keys, &m.sessions
	h.numbers(m.index, uint64(m.logTime),
		uint64(k.count), uint64(k.bytes), k.numbers, uint64(k.deadlines.count), k.deadlines.sum,
		s.lastID, s.uses, uint64(s.count), uint64(s.bytes))
	h.someKeys(k)
	h.lastSessions(s)
	return m.index, h.digest.Sum64()
}

// checksum is a sum in the making.
type checksum struct {
	digest xxhash.Digest
	// seed chooses what is looked at.
	seed    uint64
	scratch []byte
}

func (h *checksum) numbers(list ...uint64) {
	h.scratch = h.scratch[:0]
	for _, n := range list {
		h.scratch = binary.LittleEndian.AppendUint64(h.scratch, n)
	}
	h.digest.Write(h.scratch)
}

// someKeys adds a run of keys.
func (h *checksum) someKeys(k *keyspace) {
	if k.count == 0 {
		return
	}
	starts := max(k.count-checksumKeys, 0) + 1
	slot, first := k.nth(int(h.seed % uint64(starts)))
	left := checksumKeys
	k.walk(slot, k.hash(first.key()), func(_ int, r record) bool {
		h.record(&k.tree, r)
		left--
		return left > 0
	})
}

// record adds a key, and its value or part of it.
func (h *checksum) record(t *tree, r record) {
	key := r.key()
	var data []byte
	if !r.isInteger() {
		data = t.data(r)
	}
	h.numbers(uint64(len(key)), uint64(r.kind()), uint64(r.encoding()), uint64(r.number()), uint64(r.deadline()), uint64(r.touched()),
		uint64(len(data)))
	h.digest.Write(key)
	if over := len(data) - checksumValueBytes; over > 0 {
		from := int(h.seed % uint64(over+1))
		data = data[from : from+checksumValueBytes]
	}
	h.digest.Write(data)
}

// lastSessions adds the sessions that hold replies and were used last.
func (h *checksum) lastSessions(t *sessionTable) {
	s := t.newest
	for range checksumSessions {
		if s == nil {
			return
		}
		h.numbers(s.id, uint64(s.ttl), uint64(s.active), s.used, s.top, uint64(len(s.done)), uint64(s.bytes))
		for _, o := range s.done[max(len(s.done)-checksumOutcomes, 0):] {
			h.numbers(o.sequence, uint64(len(o.reply)))
			h.digest.WriteString(o.reply)
		}
		s = s.older
	}
}
