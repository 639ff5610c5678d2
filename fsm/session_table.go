package fsm

import (
	"container/heap"
	"math"
	"slices"
)

// sessionLimits bound the memory of sessions. They decide what replicas do, so they are the same on all.
type sessionLimits struct {
	// sessions is how many may be open.
	sessions int
	// perSession and total bound the kept replies in bytes: those of a session, and all.
	perSession int
	total      int64
}

var defaultSessionLimits = sessionLimits{sessions: 100_000, perSession: 1 << 20, total: 64 << 20}

// sessionTable is the sessions of a machine, with the orders in which they expire and lose their replies. Both follow
// from what is in the sessions, so a table that was loaded from an image goes on as the one that was written.
type sessionTable struct {
	sessionTree
	epochs
	limits    sessionLimits
	deadlines sessionHeap
	// oldest and newest are the ends of the list of sessions that hold replies, by their last use.
	oldest, newest *session
	// bytes is the size of all kept replies.
	bytes int64
}

func newSessionTable() sessionTable {
	return sessionTable{epochs: epochs{epoch: 1}, limits: defaultSessionLimits}
}

// living returns the session with an id if it is not gone by log time, else nil.
func (t *sessionTable) living(id uint64, logTime int64) *session {
	if s := t.get(id); s != nil && s.deadline() > logTime {
		return s
	}
	return nil
}

// open makes a session that lives for ttl milliseconds after its last use. It returns nil if there are too many.
func (t *sessionTable) open(ttl, logTime int64) *session {
	if t.count >= t.limits.sessions {
		due := t.due(logTime)
		if due == nil {
			return nil
		}
		t.remove(due)
	}
	t.lastID++
	t.uses++
	s := &session{id: t.lastID, ttl: ttl, active: logTime, used: t.uses, epoch: t.epoch}
	t.insert(s)
	return s
}

// insert adds a session. If it holds replies the caller links it.
func (t *sessionTable) insert(s *session) {
	t.put(s)
	t.count++
	t.bytes += int64(s.bytes)
	heap.Push(&t.deadlines, s)
}

// remove takes a session out.
func (t *sessionTable) remove(s *session) {
	heap.Remove(&t.deadlines, s.dueAt)
	if s.bytes > 0 {
		t.unlink(s)
	}
	t.bytes -= int64(s.bytes)
	t.count--
	t.drop(s.id)
}

// due returns the session that is the first to be gone if it is gone at log time, else nil.
func (t *sessionTable) due(logTime int64) *session {
	if len(t.deadlines) == 0 || t.deadlines[0].deadline() > logTime {
		return nil
	}
	return t.deadlines[0]
}

// nextDeadline returns when the next session is gone, or math.MaxInt64.
func (t *sessionTable) nextDeadline() int64 {
	if len(t.deadlines) == 0 {
		return math.MaxInt64
	}
	return t.deadlines[0].deadline()
}

// use notes that a command named a living session, and returns it for changing.
func (t *sessionTable) use(s *session, logTime int64) *session {
	s = t.edit(s)
	t.uses++
	s.active, s.used = logTime, t.uses
	heap.Fix(&t.deadlines, s.dueAt)
	if s.bytes > 0 {
		t.unlink(s)
		t.link(s)
	}
	return s
}

// record notes what a command did that a session ran, and keeps its reply within the limits.
func (t *sessionTable) record(s *session, sequence uint64, reply string) {
	s = t.edit(s)
	before := s.bytes
	s.add(sequence, reply)
	t.account(s, before)
	for s.bytes > t.limits.perSession {
		t.evict(s)
	}
	for t.bytes > t.limits.total {
		t.evict(t.edit(t.oldest))
	}
}

// evict lets an edited session lose one reply.
func (t *sessionTable) evict(s *session) {
	before := s.bytes
	s.evict()
	t.account(s, before)
}

// account follows a change of the size of an edited session's replies.
func (t *sessionTable) account(s *session, before int) {
	t.bytes += int64(s.bytes - before)
	switch {
	case before == 0 && s.bytes > 0:
		t.link(s)
	case before > 0 && s.bytes == 0:
		t.unlink(s)
	}
}

// edit returns a session, or a copy if it is shared, for changing.
func (t *sessionTable) edit(s *session) *session {
	if s.epoch > t.shared {
		// A session that no View knows hangs in nodes that no View knows.
		return s
	}
	clone := *s
	clone.epoch = t.epoch
	clone.done = slices.Clone(s.done)
	t.put(&clone)
	t.deadlines[clone.dueAt] = &clone
	if clone.bytes > 0 {
		t.join(clone.older, &clone)
		t.join(&clone, clone.newer)
	}
	return &clone
}

// link makes a session that holds replies the newest one.
func (t *sessionTable) link(s *session) {
	t.join(t.newest, s)
	t.join(s, nil)
}

// unlink takes a session out of the list.
func (t *sessionTable) unlink(s *session) {
	t.join(s.older, s.newer)
	s.older, s.newer = nil, nil
}

// join makes two sessions neighbours; nil stands for an end of the list.
func (t *sessionTable) join(older, newer *session) {
	if older != nil {
		older.newer = newer
	} else {
		t.oldest = newer
	}
	if newer != nil {
		newer.older = older
	} else {
		t.newest = older
	}
}

// sessionHeap orders sessions by (deadline, id). It implements heap.Interface.
type sessionHeap []*session

func (h sessionHeap) Len() int { return len(h) }

func (h sessionHeap) Less(i, j int) bool {
	a, b := h[i].deadline(), h[j].deadline()
	return a < b || a == b && h[i].id < h[j].id
}

func (h sessionHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].dueAt, h[j].dueAt = i, j
}

func (h *sessionHeap) Push(x any) {
	s := x.(*session)
	s.dueAt = len(*h)
	*h = append(*h, s)
}

func (h *sessionHeap) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return s
}

// count returns how many sessions below a place are gone at log time. It visits all of those.
func (h sessionHeap) count(at int, logTime int64) int {
	if at >= len(h) || h[at].deadline() > logTime {
		return 0
	}
	return 1 + h.count(2*at+1, logTime) + h.count(2*at+2, logTime)
}
