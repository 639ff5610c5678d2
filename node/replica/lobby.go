package replica

import (
	"slices"
	"sync"
)

// lobby holds requests while no leader is known: an election or a planned hand-over takes a moment, and a client that
// was told CLUSTERDOWN meanwhile would take it for a failure. It is bounded by the number of connections.
type lobby struct {
	mu      sync.Mutex
	closed  bool
	changes uint64 // of standing
	waiting []*Request
}

// seen returns a number that differs after each change of standing.
func (l *lobby) seen() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changes
}

// join makes a request wait unless the standing has changed since it was looked at: changed says so. If neither
// changed nor joined, there is nothing to wait for any more.
func (l *lobby) join(q *Request, seen uint64) (joined, changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.changes != seen {
		return false, !l.closed
	}
	l.waiting = append(l.waiting, q)
	return true, false
}

// changed wakes everybody: there may be a leader now.
func (l *lobby) changed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changes++
	l.wake(func(*Request) bool { return true })
}

// call wakes those whose leader's address has become known, and those who have waited too long.
func (l *lobby) call(now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wake(func(q *Request) bool { return now >= q.deadline || q.settled() })
}

// close ends all waiting for ever.
func (l *lobby) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake(func(*Request) bool { return true })
}

func (l *lobby) wake(chosen func(*Request) bool) {
	l.waiting = slices.DeleteFunc(l.waiting, func(q *Request) bool {
		if !chosen(q) {
			return false
		}
		q.wake()
		return true
	})
}
