package tcpnet

import (
	"errors"
	"net"
	"sync"
	"time"
)

// reportInterval is the least time between two lines about strangers, who choose what changes.
const reportInterval = time.Second

// changeLog decides what is worth a line in the log: a condition that lasts is told once.
type changeLog struct {
	mu    sync.Mutex
	last  string
	until time.Time
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

// changedSlowly is changed, but at most once in reportInterval.
func (c *changeLog) changedSlowly(condition string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.last == condition || now.Before(c.until) {
		return false
	}
	c.last, c.until = condition, now.Add(reportInterval)
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
