package main

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"redoubt/node"
)

// processors decides how many processors run Go code at once: as many as Go would use while the node loads its data, the
// usual number from then on, and one more beside heavy work (a peer's snapshot), which would keep clients waiting on the only one.
type processors struct {
	// usual is for a node that serves, most is what Go would use.
	usual, most int
	// use is runtime.GOMAXPROCS. It stops the process for a moment, so it is called only if the number changes.
	use func(n int)

	mu      sync.Mutex
	limited bool
	// works counts the heavy works under way.
	works int
	// used is the number that is in force.
	used int
}

// processorsOfProcess returns this process's, for a setting.
func processorsOfProcess(setting int) *processors {
	most := runtime.GOMAXPROCS(0)
	usual := usualProcessors(setting, most, os.Getenv("GOMAXPROCS"))
	return newProcessors(usual, most, func(n int) { runtime.GOMAXPROCS(n) })
}

// newProcessors returns what begins with as many processors as Go would use.
func newProcessors(usual, most int, use func(n int)) *processors {
	return &processors{usual: usual, most: most, use: use, used: most}
}

// usualProcessors returns how many processors a node uses while it serves, by the setting, by how many Go would use, and by
// the variable GOMAXPROCS, which is an operator's choice as well (docs/decisions/0014).
func usualProcessors(setting, most int, variable string) int {
	if setting > 0 {
		return setting
	}
	if n, err := strconv.ParseInt(variable, 10, 32); err == nil && n > 0 {
		return most
	}
	return max(1, most/2)
}

// limit ends the time in which all processors are used.
func (p *processors) limit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limited = true
	p.adjust()
}

// heavyWork notes that heavy work begins, until done is called.
func (p *processors) heavyWork() (done func()) {
	p.count(1)
	return func() { p.count(-1) }
}

func (p *processors) count(change int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.works += change
	p.adjust()
}

// adjust puts the number into force that is called for. The caller holds the lock.
func (p *processors) adjust() {
	if n := p.wanted(); n != p.used {
		p.used = n
		p.use(n)
	}
}

func (p *processors) wanted() int {
	switch {
	case !p.limited:
		return p.most
	case p.works > 0 && p.usual < p.most:
		return p.usual + 1
	}
	return p.usual
}

// loadingInterval is how often a node that applies its log is asked whether it has done so.
const loadingInterval = 100 * time.Millisecond

// limitOnceLoaded limits the processors when the node has applied the log that it knew at its start, unless ctx ends before.
func limitOnceLoaded(ctx context.Context, n *node.Node, p *processors) {
	ticker := time.NewTicker(loadingInterval)
	defer ticker.Stop()
	for n.Status().Loading {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
	p.limit()
}
