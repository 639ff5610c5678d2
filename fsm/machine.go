package fsm

import (
	"math"
	"sync"
	"sync/atomic"
)

// expirePerEntry is how many due keys Advance removes at most, so that one entry cannot take long
// however many keys fall due together. Keys that wait for their turn are absent all the same.
const expirePerEntry = 1000

// Machine is one replica's state: the keyspace, the log index it stands at, and log time.
type Machine struct {
	keys    keyspace
	index   uint64
	logTime int64
	// expired counts keys that were removed at their deadline since the machine was made.
	expired uint64
	// applying is the call that Apply reuses.
	applying call
	// reading holds calls for Read to reuse.
	reading sync.Pool
	// picks counts the random choices made for readers (RANDOMKEY). It is no part of the state.
	picks atomic.Uint64
	// largeLCS is held while a large table of LCS is in memory, so that there is one at a time.
	largeLCS sync.Mutex
}

// New returns an empty machine at index 0 and log time 0.
func New() *Machine { return &Machine{keys: newKeyspace()} }

// Advance begins the entry at a log index: log time becomes now (milliseconds since the Unix epoch)
// unless it is later already, and due keys are removed, up to a fixed number per entry, in the order
// of their deadlines.
func (m *Machine) Advance(index uint64, now int64) {
	m.index = index
	m.logTime = max(m.logTime, now)
	for range expirePerEntry {
		e := m.keys.deadlines.due(m.logTime)
		if e == nil {
			return
		}
		m.expire(placeOf([]byte(e.key)), e)
	}
}

// expire removes a due key.
func (m *Machine) expire(at place, e *entry) {
	m.keys.remove(at, e)
	m.expired++
}

// Apply runs one command, its name included in args, at log time and writes exactly one reply to w.
// It takes any words: unknown commands and wrong numbers of arguments are answered with an error.
// It keeps nothing of args.
func (m *Machine) Apply(args [][]byte, w *Writer) {
	c := &m.applying
	*c = call{m: m, w: w, args: args, now: m.logTime, scratch: c.scratch[:0]}
	// A read whose reply nobody waits for has no effect at all.
	if c.resolve() && (c.command.Writes() || !w.Discard) {
		c.command.run(c)
	}
	c.w, c.args = nil, nil
}

// Read runs one read-only command and writes exactly one reply to w. Time to live is told by now,
// the reader's clock in milliseconds, but no key is taken for expired by it: if the command looked at a key (a
// command on the whole keyspace looks at all) whose deadline lies after log time and not after
// now, nothing is written and due is true. The caller then lets an entry with a later stamp
// commit, and reads again. With now zero log time alone decides and due is never true.
func (m *Machine) Read(now int64, args [][]byte, w *Writer) (due bool) {
	c, _ := m.reading.Get().(*call)
	if c == nil {
		c = new(call)
	}
	*c = call{m: m, w: w, args: args, now: max(now, m.logTime), reading: true, scratch: c.scratch[:0]}
	start := len(w.Buf)
	if c.resolve() {
		if c.command.Flags&FlagWrite != 0 {
			w.Error("ERR command '" + c.command.Name + "' writes and cannot be read")
		} else {
			c.command.run(c)
		}
	}
	due = c.due
	if due {
		w.Buf = w.Buf[:start]
	}
	c.w, c.args = nil, nil
	m.reading.Put(c)
	return due
}

// Index returns the log index that the machine stands at.
func (m *Machine) Index() uint64 { return m.index }

// LogTime returns log time in milliseconds since the Unix epoch.
func (m *Machine) LogTime() int64 { return m.logTime }

// NextDeadline returns the earliest deadline in milliseconds, or math.MaxInt64 if no key has one.
func (m *Machine) NextDeadline() int64 { return m.keys.deadlines.first() }

// Stats are figures about the state.
type Stats struct {
	// Keys and Expires count living keys, and those of them with a deadline.
	Keys, Expires int
	// DatasetBytes is the logical size of keys and values in bytes.
	DatasetBytes int64
	// ExpiredKeys counts keys removed at their deadline since the machine was made or loaded.
	ExpiredKeys uint64
}

// Stats returns figures about the state.
func (m *Machine) Stats() Stats {
	due := m.dueKeys()
	return Stats{
		Keys:         m.keys.count - due,
		Expires:      len(m.keys.deadlines.heap) - due,
		DatasetBytes: m.keys.bytes,
		ExpiredKeys:  m.expired,
	}
}

// dueKeys counts keys that are gone by log time and wait for Advance to remove them. There are few,
// save after a moment in which very many fell due.
func (m *Machine) dueKeys() int { return m.keys.deadlines.count(math.MinInt64, m.logTime) }

// KeysInSlot returns up to limit living keys of a cluster slot.
func (m *Machine) KeysInSlot(slot, limit int) [][]byte {
	var keys [][]byte
	m.walkSlot(slot, func(e *entry) bool {
		if len(keys) >= limit {
			return false
		}
		keys = append(keys, []byte(e.key))
		return true
	})
	return keys
}

// CountKeysInSlot returns the number of living keys of a cluster slot.
func (m *Machine) CountKeysInSlot(slot int) int {
	if slot < 0 || slot >= Slots {
		return 0
	}
	if m.keys.deadlines.first() > m.logTime {
		if p := m.keys.slotPage(slot); p != nil {
			return p.count
		}
		return 0
	}
	n := 0
	m.walkSlot(slot, func(*entry) bool { n++; return true })
	return n
}

// walkSlot visits the living keys of a slot in order until visit returns false.
func (m *Machine) walkSlot(slot int, visit func(e *entry) bool) {
	if slot < 0 || slot >= Slots {
		return
	}
	m.keys.slotPage(slot).walk(0, slot, 0, func(_ int, it item) bool {
		return it.entry.dueAt(m.logTime) || visit(it.entry)
	})
}
