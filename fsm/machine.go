package fsm

import (
	"math"
	"sync"
	"sync/atomic"
)

// expirePerEntry is how many due keys, and due sessions, Advance removes at most, so that one entry cannot take long
// however many fall due together. Those that wait for their turn are absent all the same.
const expirePerEntry = 1000

// Machine is one replica's state: the keyspace, the log index it stands at, and log time.
type Machine struct {
	keys     keyspace
	sessions sessionTable
	index    uint64
	logTime  int64
	// expired counts keys that were removed at their deadline since the machine was made.
	expired uint64
	// applying is the call that Apply reuses, and once the reply that ApplyOnce writes.
	applying call
	once     Writer
	// reading holds calls for Read to reuse.
	reading sync.Pool
	// picks counts the random choices made for readers (RANDOMKEY). It is no part of the state.
	picks atomic.Uint64
	// largeLCS is held while a large table of LCS is in memory, so that there is one at a time.
	largeLCS sync.Mutex
}

// New returns an empty machine at index 0 and log time 0, with its keys on the Go heap.
func New() *Machine { return NewIn(nil) }

// NewIn is New with the keys in memory, which is the machine's alone; nil stands for the Go heap.
func NewIn(memory Memory) *Machine {
	return &Machine{keys: newKeyspace(memory), sessions: newSessionTable()}
}

// Advance begins the entry at a log index: log time becomes now (milliseconds since the Unix epoch)
// unless it is later already, and due keys and sessions are removed, up to a fixed number of each per entry,
// in the order of their deadlines.
func (m *Machine) Advance(index uint64, now int64) {
	m.index = index
	m.logTime = max(m.logTime, now)
	m.keys.tidy(advanceBlocks)
	for range expirePerEntry {
		r := m.keys.deadlines.due(m.logTime)
		if r == nil {
			break
		}
		m.expire(placeOf(r.key()))
	}
	for range expirePerEntry {
		s := m.sessions.due(m.logTime)
		if s == nil {
			break
		}
		m.sessions.remove(s)
	}
}

// expire removes a due key.
func (m *Machine) expire(at place) {
	m.keys.remove(at)
	m.expired++
}

// Apply runs one command, its name included in args, at log time and writes exactly one reply to w.
// It takes any words: unknown commands and wrong numbers of arguments are answered with an error.
// It keeps nothing of args.
func (m *Machine) Apply(args [][]byte, w *Writer) {
	m.keys.tidy(tidyBlocks)
	c := &m.applying
	*c = call{m: m, w: w, args: args, now: m.logTime, scratch: c.scratch[:0]}
	// A read whose reply nobody waits for, and no session keeps, has no effect at all.
	if c.resolve() && (c.command.Writes() || !w.Discard) {
		c.command.run(c)
	}
	c.w, c.args = nil, nil
}

// Read runs one read-only command and writes exactly one reply to w. Time to live is told by now,
// the reader's clock in milliseconds, but no key is taken for expired by it: if the command looked at a key (a
// command on the whole keyspace looks at all) whose deadline lies after log time and not after
// now, nothing is written and due is true. The caller then lets an entry with a later stamp
// commit, and reads again. With now zero log time alone decides and due is never true. A read whose reply w discards is not run.
func (m *Machine) Read(now int64, args [][]byte, w *Writer) (due bool) {
	if w.Discard {
		return false
	}
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

// NextDeadline returns the earliest deadline of a key or a session in milliseconds, or math.MaxInt64 if there is none.
func (m *Machine) NextDeadline() int64 {
	return min(m.keys.deadlines.first(), m.sessions.nextDeadline())
}

// Stats are figures about the state.
type Stats struct {
	// Keys and Expires count living keys, and those of them with a deadline.
	Keys, Expires int
	// DatasetBytes is the logical size of keys and values in bytes.
	DatasetBytes int64
	// ExpiredKeys counts keys removed at their deadline since the machine was made or loaded.
	ExpiredKeys uint64
	// Sessions counts living sessions, and SessionReplyBytes is the size of the replies that they keep.
	Sessions          int
	SessionReplyBytes int64
}

// Stats returns figures about the state.
func (m *Machine) Stats() Stats {
	due := m.dueKeys()
	return Stats{
		Keys:         m.keys.count - due,
		Expires:      m.keys.deadlines.count - due,
		DatasetBytes: m.keys.bytes,
		ExpiredKeys:  m.expired,
		Sessions:     m.sessions.count - m.sessions.deadlines.count(0, m.logTime),

		SessionReplyBytes: m.sessions.bytes,
	}
}

// dueKeys counts keys that are gone by log time and wait for Advance to remove them. There are few,
// save after a moment in which very many fell due.
func (m *Machine) dueKeys() int { return m.keys.deadlines.between(math.MinInt64, m.logTime) }

// KeysInSlot replies with up to limit living keys of a cluster slot.
func (m *Machine) KeysInSlot(slot, limit int, w *Writer) {
	left := max(0, min(limit, m.CountKeysInSlot(slot)))
	w.Array(left)
	m.walkSlot(slot, func(r record) bool {
		if left == 0 {
			return false
		}
		left--
		w.Bulk(r.key())
		return !w.Discard
	})
}

// CountKeysInSlot returns the number of living keys of a cluster slot.
func (m *Machine) CountKeysInSlot(slot int) int {
	if slot < 0 || slot >= Slots {
		return 0
	}
	if m.keys.deadlines.first() > m.logTime {
		if p := m.keys.slotPage(slot); p != nil {
			return p.count()
		}
		return 0
	}
	n := 0
	m.walkSlot(slot, func(record) bool { n++; return true })
	return n
}

// walkSlot visits the living keys of a slot in order until visit returns false.
func (m *Machine) walkSlot(slot int, visit func(r record) bool) {
	if slot < 0 || slot >= Slots {
		return
	}
	if p := m.keys.slotPage(slot); p != nil {
		m.keys.walkPage(p, 0, slot, 0, func(_ int, r record) bool { return r.dueAt(m.logTime) || visit(r) })
	}
}
