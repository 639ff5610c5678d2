package tcpnet

import (
	"errors"
	"net"
	"sync"
	"time"
)

// changeLog decides what is worth a line in the log: a condition that lasts is told once.
type changeLog struct {
	mu   sync.Mutex
	last string
}

// changed says whether the condition is another than the last one.
func (c *changeLog) changed(condition string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == condition {
		return false
	}
	c.last = condition
	return true
}

const (
	// rationPause is the least time between two lines of a rationedLog, and rationRepeat between two
	// lines about the same condition.
	rationPause  = time.Second
	rationRepeat = time.Hour
	// rationMemory is how many conditions a rationedLog remembers.
	rationMemory = 64
)

// rationedLog is for conditions that others choose, several at once maybe: whatever they do, they
// neither fill the log nor the memory.
type rationedLog struct {
	mu   sync.Mutex
	told map[string]time.Time
	// until is when the next line may come.
	until time.Time
}

// tell says whether the condition is worth a line now.
func (r *rationedLog) tell(condition string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Before(r.until) {
		return false
	}
	if before, ok := r.told[condition]; ok && now.Sub(before) < rationRepeat {
		return false
	}
	if r.told == nil || len(r.told) >= rationMemory {
		r.told = make(map[string]time.Time)
	}
	r.told[condition] = now
	r.until = now.Add(rationPause)
	return true
}

// reason is err without the addresses of a single connection, whose ports change at every attempt.
func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}
