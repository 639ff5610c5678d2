package main

import (
	"context"
	"sync"
	"time"
)

// memoryPause is the time between two looks at a process's memory.
const memoryPause = 50 * time.Millisecond

// memoryWatch looks at a process's memory all the time, before and during an event.
type memoryWatch struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu            sync.Mutex
	usual, during float64 // the most of each
	now           *float64
}

func watchMemory(ctx context.Context, p *process) *memoryWatch {
	w := &memoryWatch{}
	w.now = &w.usual
	ctx, w.stop = context.WithCancel(ctx)
	w.done.Go(func() {
		for ctx.Err() == nil {
			if resident, _, err := residentBytes(p.pid()); err == nil {
				w.mu.Lock()
				*w.now = max(*w.now, resident)
				w.mu.Unlock()
			}
			select {
			case <-ctx.Done():
			case <-time.After(memoryPause):
			}
		}
	})
	return w
}

// event says that the event begins.
func (w *memoryWatch) event() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = &w.during
}

// grown ends the watch and returns by how many bytes the process was larger during the event than before.
func (w *memoryWatch) grown() float64 {
	w.stop()
	w.done.Wait()
	return max(0, w.during-w.usual)
}
