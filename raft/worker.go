package raft

import (
	"runtime"
	"time"
)

// Worker names one of a node's workers. Each does its kind of work in order, a piece at a time, and none but the
// deliverer ever waits for anything: a goroutine or a Manual's scheduler waits in its place.
type Worker uint8

// The workers of a node.
const (
	// LoopWorker steps the core with all that has arrived.
	LoopWorker Worker = iota
	// DiskWorker makes increments durable and lets go what waited for that.
	DiskWorker
	// ReaderWorker reads old log and snapshots.
	ReaderWorker
	// ApplyWorker hands committed entries and snapshots to the service.
	ApplyWorker

	workerKinds = iota
)

// String returns the worker's name.
func (w Worker) String() string {
	return [...]string{"loop", "disk", "reader", "apply"}[w]
}

// bell tells one worker that something waits for it. It rings at most once until the worker comes.
type bell struct {
	token chan struct{} // capacity 1
	wake  func()        // called when a token was put there; nil where a goroutine waits for it
}

func (b *bell) ring() {
	select {
	case b.token <- struct{}{}:
		if b.wake != nil {
			b.wake()
		}
	default:
	}
}

// answer takes the token away.
func (b *bell) answer() {
	select {
	case <-b.token:
	default:
	}
}

// work does one piece of what waits for a worker. again, if not zero, asks to be called after so long although
// nothing may have come. A node that stops does nothing more: above all, a storage that failed is not written
// again (P7).
func (r *Raft) work(w Worker) (again time.Duration) {
	if r.isStopping() {
		return 0
	}
	switch w {
	case LoopWorker:
		r.turn()
	case DiskWorker:
		return r.writeDisk()
	case ReaderWorker:
		r.readDisk()
	case ApplyWorker:
		r.deliver()
	}
	return 0
}

// serve waits for a worker's work and does it, until the node stops.
func (r *Raft) serve(w Worker) {
	var later <-chan time.Time
	for {
		token := r.bells[w].token
		if later != nil {
			token = nil // what comes meanwhile has to wait behind what is tried again
		}
		select {
		case <-r.stopping:
			return
		case <-token:
		case <-later:
		}
		later = nil
		if w == ApplyWorker && r.disk.unseen() {
			// On a single processor who was woken last goes first. The disk worker, woken with this one, has the longer way: entries are
			// applied while the disk works.
			runtime.Gosched()
		}
		if again := r.work(w); again > 0 {
			later = time.After(again)
		}
	}
}

func (r *Raft) isStopping() bool {
	select {
	case <-r.stopping:
		return true
	default:
		return false
	}
}
