package tcpnet

import (
	"sync"

	"redoubt/raft/core"
)

// queue holds what waits for one peer. It is a pair of slices: messages are pushed to one while the
// writer works on the other. Both count towards the limits until they are written.
type queue struct {
	maxMessages, maxBytes int
	// wake has room for one token, which signal puts there when the writer waits.
	wake chan struct{}

	mu sync.Mutex
	// messages is pushed to; spare is the other slice, while the writer does not have it.
	messages, spare []core.Message
	// bytes bounds the frames of messages; takenMessages and takenBytes are with the writer.
	bytes                     int
	takenMessages, takenBytes int
	waiting, closed           bool
	dropped                   uint64
}

// keepMessages is the longest emptied slice that is kept, so that one burst does not hold memory for ever.
const keepMessages = 1 << 12

// push adds a message whose frame has at most size bytes, or drops it where that exceeds a limit.
func (q *queue) push(m core.Message, size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	messages, bytes := len(q.messages)+q.takenMessages, q.bytes+q.takenBytes
	// One message always fits, or one that is longer than the whole limit would never pass.
	if q.closed || messages > 0 && (messages >= q.maxMessages || bytes+size > q.maxBytes) {
		q.dropped++
		return
	}
	q.messages = append(q.messages, m)
	q.bytes += size
}

// refuse counts a message that was dropped before it came here.
func (q *queue) refuse() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped++
}

// signal wakes the writer if it waits and has something to do.
func (q *queue) signal() { q.rouse(false) }

// rouse wakes the writer if it waits and has something to do, or has in any case.
func (q *queue) rouse(anyway bool) {
	q.mu.Lock()
	wake := q.waiting && (anyway || len(q.messages) > 0)
	if wake {
		q.waiting = false
	}
	q.mu.Unlock()
	if wake {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// take hands all waiting messages to the writer, who answers with done. If there are none, the next
// signal puts a token into wake.
func (q *queue) take() []core.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.messages) == 0 {
		q.waiting = true
		return nil
	}
	return q.takeAll()
}

// takeUpTo hands all waiting messages to a sender, who answers with done, if their frames have at most limit bytes. The
// writer waits on.
func (q *queue) takeUpTo(limit int) []core.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.messages) == 0 || q.bytes > limit {
		return nil
	}
	return q.takeAll()
}

func (q *queue) takeAll() []core.Message {
	batch := q.messages
	q.messages, q.spare = q.spare[:0], nil
	q.takenMessages, q.takenBytes = len(batch), q.bytes
	q.bytes = 0
	return batch
}

// done takes the slice of a batch back, written or lost.
func (q *queue) done(batch []core.Message) {
	if len(batch) == 0 {
		return
	}
	// The messages hold the data of whole entries.
	clear(batch)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.takenMessages, q.takenBytes = 0, 0
	if cap(batch) > 0 && cap(batch) <= keepMessages {
		q.spare = batch
	}
}

// discard drops what waits.
func (q *queue) discard() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped += uint64(len(q.messages))
	clear(q.messages)
	q.messages, q.bytes = q.messages[:0], 0
}

// close drops what waits, and whatever is pushed from now on.
func (q *queue) close() {
	q.discard()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.messages, q.spare = nil, nil
}

// figures returns what waits or is being written, and the count of dropped messages.
func (q *queue) figures() (messages, bytes int, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages) + q.takenMessages, q.bytes + q.takenBytes, q.dropped
}
