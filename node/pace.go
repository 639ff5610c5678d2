package node

import (
	"syscall"
	"time"
)

// pacer keeps long work in the background from taking the processors from the clients: while the process is busy with
// anything else, the work gets a share of one processor; while it is not, the work goes on at full speed.
type pacer struct {
	stopping chan struct{}
	// resumed is when the work last went on, and spent the processor time of the process until then.
	resumed time.Time
	spent   time.Duration
	busy    bool
}

const (
	// restEach is how often the work may rest, restPerWork how long it rests for what it worked: it gets a tenth.
	restEach    = 2 * time.Millisecond
	restPerWork = 9
	// longestWork bounds what counts as work between two calls. More was a wait for the disk, or the time between two jobs.
	longestWork = 20 * time.Millisecond
	// idleShare is which part of the time the process may have worked for others, and still counts as idle: one of so many.
	idleShare = 10
)

func newPacer() *pacer {
	return &pacer{stopping: make(chan struct{}), resumed: time.Now(), spent: processorTime()}
}

// stop ends the pause that is under way, and lets the work go on without any.
func (p *pacer) stop() { close(p.stopping) }

// pace is called by the work every now and then, and returns when it may go on.
func (p *pacer) pace() {
	worked := time.Since(p.resumed)
	if worked < restEach {
		return
	}
	worked = min(worked, longestWork)
	if p.busy {
		select {
		case <-time.After(restPerWork * worked):
		case <-p.stopping:
		}
	}
	spent, elapsed := processorTime(), time.Since(p.resumed)
	p.busy = spent-p.spent-worked > elapsed/idleShare
	p.resumed, p.spent = time.Now(), spent
}

// processorTime returns how long the process has used processors so far.
func processorTime() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
