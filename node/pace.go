package node

import (
	"sync"
	"time"
)

// pacer keeps the writer of a snapshot from taking the processors from the clients. Whether the process is busy with anything
// else shows while the writer rests: then it gets so many bytes of state a second; otherwise it only looks, now and then.
type pacer struct {
	once     sync.Once
	stopping chan struct{}
	// looked is when the writer last rested.
	looked time.Time
	busy   bool
}

const (
	// busyRate is how many bytes of state a second are written beside clients: a twentieth of what one processor can, about.
	busyRate = 8 << 20
	// lookEach is how long the writer goes on at full speed between two looks at an idle process, and look how long one takes:
	// much longer than the work that the look itself is.
	lookEach = 50 * time.Millisecond
	look     = 4 * time.Millisecond
	// idleShare is which part of a rest the process may have worked, and still counts as idle: one of so many. A follower of a
	// leader whose processors are all taken works for a tenth of the time; one whose leader rests, for less than a hundredth.
	idleShare = 50
)

func newPacer() *pacer { return &pacer{stopping: make(chan struct{})} }

// stop ends the rest that is under way, and lets the writer go on without any. It may be called more than once.
func (p *pacer) stop() { p.once.Do(func() { close(p.stopping) }) }

// pace is called before so many bytes of state are written, and returns when they may be.
func (p *pacer) pace(bytes int) {
	rest := look
	switch {
	case p.busy:
		rest = time.Duration(bytes) * time.Second / busyRate
	case time.Since(p.looked) < lookEach:
		return
	}
	began, spent := time.Now(), processorTime()
	select {
	case <-time.After(rest):
	case <-p.stopping:
	}
	p.looked = time.Now()
	p.busy = isBusy(processorTime()-spent, p.looked.Sub(began))
}

// isBusy tells whether a process is busy that has worked for so long during a rest.
func isBusy(worked, rested time.Duration) bool { return worked > rested/idleShare }
