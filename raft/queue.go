package raft

import "sync"

// queue hands jobs from the loop to one worker, in order. The worker takes all that waits at once.
// What bounds it is named where each queue is made.
type queue[T any] struct {
	mu     sync.Mutex
	filled sync.Cond
	jobs   []T
	closed bool
}

func newQueue[T any]() *queue[T] {
	q := &queue[T]{}
	q.filled.L = &q.mu
	return q
}

// push adds a job; after close it is dropped.
func (q *queue[T]) push(job T) {
	q.mu.Lock()
	if !q.closed {
		q.jobs = append(q.jobs, job)
	}
	q.mu.Unlock()
	q.filled.Signal()
}

// take waits for jobs and returns all of them, in order, leaving the given empty slice in their place.
// It returns nil once the queue is closed.
func (q *queue[T]) take(spare []T) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.jobs) == 0 && !q.closed {
		q.filled.Wait()
	}
	if q.closed {
		return nil
	}
	jobs := q.jobs
	clear(spare)
	q.jobs = spare[:0]
	return jobs
}

// close wakes the worker for the last time and returns what it did not come for.
func (q *queue[T]) close() []T {
	q.mu.Lock()
	rest := q.jobs
	q.jobs, q.closed = nil, true
	q.mu.Unlock()
	q.filled.Broadcast()
	return rest
}
