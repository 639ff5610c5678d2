package raft

import "sync"

// queue hands jobs to one worker, in order. What bounds it is named where each queue is made.
type queue[T any] struct {
	bell *bell

	mu     sync.Mutex
	jobs   []T
	closed bool

	// taken is what the worker came for, and rest what is left of it; they belong to the worker.
	taken, rest []T
}

func newQueue[T any](b *bell) *queue[T] { return &queue[T]{bell: b} }

// push adds a job; after close it is dropped.
func (q *queue[T]) push(job T) {
	q.mu.Lock()
	if !q.closed {
		q.jobs = append(q.jobs, job)
	}
	q.mu.Unlock()
	q.bell.ring()
}

// waiting returns what waits, oldest first, without removing it. It may be only the older part of it.
func (q *queue[T]) waiting() []T {
	if len(q.rest) == 0 {
		clear(q.taken)
		q.mu.Lock()
		q.taken, q.jobs = q.jobs, q.taken[:0]
		q.mu.Unlock()
		q.rest = q.taken
	}
	return q.rest
}

// done removes the n oldest jobs, and calls the worker again if more wait.
func (q *queue[T]) done(n int) {
	q.rest = q.rest[n:]
	if len(q.rest) > 0 || q.unseen() {
		q.bell.ring()
	}
}

// unseen reports whether the worker has yet to come for some jobs.
func (q *queue[T]) unseen() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.jobs) > 0
}

// len returns how many jobs wait; the worker must not be at work.
func (q *queue[T]) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.rest) + len(q.jobs)
}

// close refuses whatever comes later. What waits stays.
func (q *queue[T]) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
}
