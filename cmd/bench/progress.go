package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress tells who waits what is being done.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
	last  time.Time // when a part of something was told
}

// partPause is the time between two lines about the same thing.
const partPause = 2 * time.Second

func newProgress(out io.Writer) *progress { return &progress{out: out, began: time.Now()} }

// line tells what is begun.
func (p *progress) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.write(fmt.Sprintf(format, args...))
	p.last = time.Now()
}

// part tells now and then how much of something is done, from 0 to 1.
func (p *progress) part(what string, share float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.last) >= partPause {
		p.write(fmt.Sprintf("%s: %.0f %%", what, 100*share))
		p.last = now
	}
}

func (p *progress) write(text string) {
	since := time.Since(p.began).Round(time.Second)
	fmt.Fprintf(p.out, "bench: %3d:%02d %s\n", int(since.Minutes()), int(since.Seconds())%60, text)
}
