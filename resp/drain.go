package resp

import (
	"context"
	"time"
)

// A client that a stopping server still answers learns by it where to go; one whose connection is closed while a
// command is on its way learns nothing, and cannot tell whether the command was run.
const (
	// drainQuiet is how long a client must have been silent for its connection to be closed without harm.
	drainQuiet = 100 * time.Millisecond
	// drainLimit bounds the wait for clients that do not leave.
	drainLimit = time.Second
	// drainLook is how often clients are looked at.
	drainLook = drainQuiet / 10
)

// drain waits until all clients are silent, or drainLimit has passed, or ctx ends.
func (s *Server) drain(ctx context.Context) {
	look := time.NewTicker(drainLook)
	defer look.Stop()
	for v := newVigil(time.Now()); ; {
		now := time.Now()
		if v.look(now); s.isQuiet(now, v.began) || now.After(v.ends) {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		case <-s.lifetime.Done():
			return
		}
	}
}

// vigil is a time in which somebody listens whether clients are silent.
type vigil struct {
	// began is since when this process has run without standing still: before, nobody heard what clients had sent.
	began, looked, ends time.Time
}

func newVigil(now time.Time) vigil { return vigil{began: now, looked: now, ends: now.Add(drainLimit)} }

// look takes note of a look. One that comes late shows that the process stood still, as by a quota on its processor or by a busy
// neighbour: what clients sent meanwhile is yet to be read.
func (v *vigil) look(now time.Time) {
	if late := now.Sub(v.looked); late > drainQuiet/2 {
		v.began, v.ends = now, v.ends.Add(late)
	}
	v.looked = now
}

// isQuiet reports whether no client has been heard for drainQuiet and none waits for a reply. Nobody was listening before began.
func (s *Server) isQuiet(now, began time.Time) bool {
	for _, c := range s.clients.all() {
		heard := max(c.lastActive.Load(), began.UnixNano())
		if !c.waiting.Load() || now.Sub(time.Unix(0, heard)) < drainQuiet {
			return false
		}
	}
	return true
}
