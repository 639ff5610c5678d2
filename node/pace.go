package node

import (
	"sync"
	"time"
)

// pacer keeps long work in the background from taking the processors from the clients. Whether the process is busy with
// anything else shows while the work rests: then the work gets a tenth of the time; otherwise it only looks, now and then.
type pacer struct {
	once     sync.Once
	stopping chan struct{}
	// resumed is when the work last went on.
	resumed time.Time
	busy    bool
}

const (
	// lookEach is how long the work goes on at full speed between two looks at an idle process, and look how long one takes.
	lookEach = 20 * time.Millisecond
	look     = time.Millisecond
	// restEach is the shortest work between two rests in a busy process, and restPerWork how long it rests for what it worked.
	restEach    = 2 * time.Millisecond
	restPerWork = 9
	// longestWork bounds what counts as work between two rests. More was a wait for the disk, or the time between two jobs.
	longestWork = 20 * time.Millisecond
	// idleShare is which part of a rest the process may have worked, and still counts as idle: one of so many.
	idleShare = 10
)

func newPacer() *pacer { return &pacer{stopping: make(chan struct{}), resumed: time.Now()} }

// stop ends the rest that is under way, and lets the work go on without any. It may be called more than once.
func (p *pacer) stop() { p.once.Do(func() { close(p.stopping) }) }

// pace is called by the work every now and then, and returns when it may go on.
func (p *pacer) pace() {
	worked, rest := time.Since(p.resumed), look
	switch {
	case p.busy && worked < restEach, !p.busy && worked < lookEach:
		return
	case p.busy:
		rest = restPerWork * min(worked, longestWork)
	}
	began, spent := time.Now(), processorTime()
	select {
	case <-time.After(rest):
	case <-p.stopping:
	}
	p.resumed = time.Now()
	p.busy = processorTime()-spent > p.resumed.Sub(began)/idleShare
}
