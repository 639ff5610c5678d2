package resp

import (
	"sync"
	"sync/atomic"
	"time"
)

// traffic counts what a connection did. Only its own goroutine adds, so adding is cheap; anyone may
// read.
type traffic struct {
	commands, reads, writes, inputBytes, outputBytes atomic.Uint64
}

// totals is a sum of traffic.
type totals struct {
	commands, reads, writes, inputBytes, outputBytes uint64
}

func (t *totals) add(u *traffic) {
	t.commands += u.commands.Load()
	t.reads += u.reads.Load()
	t.writes += u.writes.Load()
	t.inputBytes += u.inputBytes.Load()
	t.outputBytes += u.outputBytes.Load()
}

func (t totals) minus(u totals) totals {
	return totals{
		commands:    t.commands - u.commands,
		reads:       t.reads - u.reads,
		writes:      t.writes - u.writes,
		inputBytes:  t.inputBytes - u.inputBytes,
		outputBytes: t.outputBytes - u.outputBytes,
	}
}

// stats are the figures of a server since its start, or since CONFIG RESETSTAT.
type stats struct {
	// accepted and rejected count connections; evicted those that were closed for the memory they took.
	accepted, rejected, evicted atomic.Uint64

	// mu guards what follows. It is never held while commands run.
	mu sync.Mutex
	// base is the traffic at CONFIG RESETSTAT.
	base totals
	// backendBase are the backend's counters at CONFIG RESETSTAT.
	backendBase struct{ expired, hits, misses uint64 }
	// sampled is the traffic at the last sample; rate is what the second before it saw.
	sampled   totals
	sampledAt time.Time
	rate      struct{ commands, inputBytes, outputBytes float64 }
	// peak is the most heap memory that a sample saw, in bytes.
	peak uint64
}

// sample updates the per-second rates.
func (s *Server) sample(now time.Time) {
	total := s.clients.traffic()
	st := &s.stats
	st.mu.Lock()
	defer st.mu.Unlock()
	elapsed := now.Sub(st.sampledAt).Seconds()
	if elapsed > 0 && !st.sampledAt.IsZero() {
		d := total.minus(st.sampled)
		st.rate.commands = float64(d.commands) / elapsed
		st.rate.inputBytes = float64(d.inputBytes) / elapsed
		st.rate.outputBytes = float64(d.outputBytes) / elapsed
	}
	st.sampled, st.sampledAt = total, now
	st.peak = max(st.peak, heapInUse())
}

// resetStats makes all counters of INFO begin again.
func (s *Server) resetStats() {
	total := s.clients.traffic()
	status := s.backend.Status()
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	s.stats.base = total
	b := &s.stats.backendBase
	b.expired, b.hits, b.misses = status.ExpiredKeys, status.KeyspaceHits, status.KeyspaceMisses
	s.stats.accepted.Store(0)
	s.stats.rejected.Store(0)
	s.stats.evicted.Store(0)
}
