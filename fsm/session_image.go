package fsm

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// sessions writes the section of the sessions.
func (s *stateWriter) sessions(t *sessionTree) {
	if t.lastID == 0 {
		return
	}
	b := append(s.scratch[:0], sectionSessions)
	b = binary.AppendUvarint(b, t.lastID)
	b = binary.AppendUvarint(b, t.uses)
	b = binary.AppendUvarint(b, uint64(t.count))
	s.scratch = b
	s.put(b)
	t.walk(func(one *session) bool {
		s.session(one)
		return s.err == nil
	})
}

func (s *stateWriter) session(one *session) {
	b := binary.AppendUvarint(s.scratch[:0], one.id)
	b = binary.AppendUvarint(b, uint64(one.ttl))
	b = binary.AppendUvarint(b, uint64(one.active))
	b = binary.AppendUvarint(b, one.used)
	b = binary.AppendUvarint(b, one.top)
	b = binary.AppendUvarint(b, uint64(len(one.done)))
	for _, o := range one.done {
		b = binary.AppendUvarint(b, o.sequence)
		b = binary.AppendUvarint(b, uint64(len(o.reply)))
		b = append(b, o.reply...)
	}
	s.scratch = b
	s.put(b)
}

// sessions reads the section of the sessions, behind its tag, into the machine.
func (l *stateReader) sessions(m *Machine) {
	t := &m.sessions
	t.lastID = l.uvarint()
	t.uses = l.uvarint()
	count := l.uvarint()
	if l.err == nil && (t.lastID == 0 || count > uint64(t.limits.sessions)) {
		l.fail("%d sessions up to id %d", count, t.lastID)
	}
	var holders []*session
	for last := uint64(0); count > 0 && l.err == nil; count-- {
		s := l.session(m, last)
		if l.err != nil {
			return
		}
		last = s.id
		t.insert(s)
		if s.bytes > 0 {
			holders = append(holders, s)
		}
	}
	if t.bytes > t.limits.total {
		l.fail("sessions keep %d bytes of replies", t.bytes)
	}
	slices.SortFunc(holders, func(a, b *session) int { return cmp.Compare(a.used, b.used) })
	for i, s := range holders {
		if i > 0 && s.used == holders[i-1].used {
			l.fail("sessions %d and %d were used by one command", holders[i-1].id, s.id)
		}
		t.link(s)
	}
}

// session reads a session, whose id must be above the last one.
func (l *stateReader) session(m *Machine, last uint64) *session {
	s := &session{id: l.uvarint(), ttl: l.time(), active: l.time(), used: l.uvarint(), top: l.uvarint(), epoch: m.sessions.epoch}
	count := l.uvarint()
	if l.err == nil && (s.id <= last || s.id > m.sessions.lastID || s.ttl < 1 || s.ttl > sessionTTLMax*1000 ||
		s.active > m.logTime || s.used > m.sessions.uses || count > sessionWindow || (count == 0) != (s.top == 0)) {
		l.fail("session %d is out of order or out of range", s.id)
	}
	for ; count > 0 && l.err == nil; count-- {
		l.outcome(s)
	}
	if n := len(s.done); l.err == nil && n > 0 && s.done[n-1].sequence != s.top {
		l.fail("session %d has not run its highest sequence", s.id)
	}
	if l.err == nil && s.bytes > m.sessions.limits.perSession {
		l.fail("session %d keeps %d bytes of replies", s.id, s.bytes)
	}
	return s
}

// outcome reads a sequence that the session has run, which must be above the one before.
func (l *stateReader) outcome(s *session) {
	sequence := l.uvarint()
	reply := l.bytes(nil, l.uvarint(), sessionReplyMax)
	n := len(s.done)
	switch {
	case l.err != nil:
	case sequence == 0 || sequence > s.top || s.forgets(sequence) || n > 0 && sequence <= s.done[n-1].sequence:
		l.fail("session %d: sequence %d is out of order or out of range", s.id, sequence)
	case len(reply) > 0 && !isCanonical(reply):
		l.fail("session %d: the reply to sequence %d is malformed", s.id, sequence)
	default:
		s.done = append(s.done, outcome{sequence, keep(reply)})
		s.bytes += len(reply)
	}
}
