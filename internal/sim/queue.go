package sim

import "time"

// event is something that happens at an instant of virtual time.
type event struct {
	at time.Duration
	// number breaks ties: of two events at one instant, the one that was scheduled first happens first.
	number uint64
	do     func()
}

func (e *event) before(other *event) bool {
	return e.at < other.at || e.at == other.at && e.number < other.number
}

// eventQueue is a binary heap of events. Its order is total, so that a seed has one course.
type eventQueue struct {
	heap   []event
	number uint64
}

func (q *eventQueue) push(at time.Duration, do func()) {
	q.number++
	q.heap = append(q.heap, event{at: at, number: q.number, do: do})
	for i := len(q.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.heap[i].before(&q.heap[parent]) {
			return
		}
		q.heap[i], q.heap[parent] = q.heap[parent], q.heap[i]
		i = parent
	}
}

// pop returns the earliest event. The queue must not be empty.
func (q *eventQueue) pop() event {
	first, last := q.heap[0], len(q.heap)-1
	q.heap[0] = q.heap[last]
	q.heap[last] = event{}
	q.heap = q.heap[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if q.heap[child].before(&q.heap[least]) {
				least = child
			}
		}
		if least == i {
			return first
		}
		q.heap[i], q.heap[least] = q.heap[least], q.heap[i]
		i = least
	}
}
