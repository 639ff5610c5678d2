package fsm

import "testing"

// checkSessions fails the test if the structures of the sessions disagree with each other.
func checkSessions(t *testing.T, m *Machine) {
	t.Helper()
	table := &m.sessions
	if table.root != nil {
		checkSessionNode(t, table, table.root, table.height, 0)
	}
	var last uint64
	var bytes int64
	count, holders := 0, 0
	table.walk(func(s *session) bool {
		if s.id <= last || s.id > table.lastID || table.get(s.id) != s {
			t.Fatalf("session %d is in the wrong place", s.id)
		}
		last = s.id
		checkSession(t, m, s)
		count++
		bytes += int64(s.bytes)
		if s.bytes > 0 {
			holders++
		}
		return true
	})
	if count != table.count || count != len(table.deadlines) || bytes != table.bytes || count > table.limits.sessions || bytes > table.limits.total {
		t.Fatalf("the table says %d sessions, %d deadlines, %d bytes; there are %d and %d bytes",
			table.count, len(table.deadlines), table.bytes, count, bytes)
	}
	for i := range table.deadlines {
		if i > 0 && table.deadlines.Less(i, (i-1)/2) {
			t.Fatal("the deadlines of sessions are no heap")
		}
	}
	checkHolders(t, table, holders)
}

// checkHolders checks the list of sessions that hold replies.
func checkHolders(t *testing.T, table *sessionTable, holders int) {
	t.Helper()
	var older *session
	for s := table.oldest; s != nil; s = s.newer {
		if s.bytes == 0 || table.get(s.id) != s || s.older != older || older != nil && older.used >= s.used {
			t.Fatalf("session %d does not belong in its place in the list of those that hold replies", s.id)
		}
		older = s
		holders--
	}
	if holders != 0 || table.newest != older {
		t.Fatalf("the list of sessions that hold replies lacks %d", holders)
	}
}

func checkSession(t *testing.T, m *Machine, s *session) {
	t.Helper()
	if m.sessions.deadlines[s.dueAt] != s {
		t.Fatalf("session %d: the order of deadlines knows another one", s.id)
	}
	if s.active > m.logTime || s.used > m.sessions.uses || s.ttl < 1 || s.epoch >= m.sessions.epoch+1 {
		t.Fatalf("session %d was used in the future", s.id)
	}
	if n := len(s.done); n > sessionWindow || n == 0 && s.top != 0 || n > 0 && s.done[n-1].sequence != s.top {
		t.Fatalf("session %d has %d outcomes up to %d", s.id, n, s.top)
	}
	size := 0
	for i, o := range s.done {
		if o.sequence == 0 || s.forgets(o.sequence) || i > 0 && s.done[i-1].sequence >= o.sequence {
			t.Fatalf("session %d: sequence %d is out of place", s.id, o.sequence)
		}
		if o.reply != "" && !isCanonical([]byte(o.reply)) || len(o.reply) > sessionReplyMax {
			t.Fatalf("session %d: reply %q is not in canonical form", s.id, o.reply)
		}
		size += len(o.reply)
	}
	if size != s.bytes || size > m.sessions.limits.perSession {
		t.Fatalf("session %d counts %d bytes of replies and has %d", s.id, s.bytes, size)
	}
}

func checkSessionNode(t *testing.T, table *sessionTable, n *sessionNode, level int, id uint64) {
	t.Helper()
	count := 0
	for i, kid := range n.kids {
		if kid != nil {
			count++
			checkSessionNode(t, table, kid, level-1, id|uint64(i)<<(level*sessionFanBits))
		}
	}
	for i, s := range n.sessions {
		if s != nil {
			count++
			if s.id != id|uint64(i) {
				t.Fatalf("session %d stands where %d belongs", s.id, id|uint64(i))
			}
			if shared := table.shared; s.epoch > shared && n.epoch <= shared {
				t.Fatalf("session %d is no View's, and its leaf is", s.id)
			}
		}
	}
	if count != n.count || count == 0 || (level == 0) != (n.kids == nil) || (level == 0) == (n.sessions == nil) {
		t.Fatalf("node at level %d of the sessions counts %d and has %d", level, n.count, count)
	}
}
