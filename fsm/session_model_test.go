package fsm

import (
	"bytes"
	"fmt"
	"testing"
)

// sessionModel is the table of sessions as plainly as it can be written.
type sessionModel struct {
	limits   sessionLimits
	sessions map[uint64]*modelSession
	lastID   uint64
	uses     uint64
}

type modelSession struct {
	ttl, active int64
	used, top   uint64
	// replies are those of all sequences that were ever run, in RESP2; lost ones are empty.
	replies map[uint64]string
}

// living returns a session that is not gone, and drops all that are.
func (o *sessionModel) living(id uint64, now int64) *modelSession {
	for id, s := range o.sessions {
		if s.active+s.ttl <= now {
			delete(o.sessions, id)
		}
	}
	return o.sessions[id]
}

func (o *sessionModel) open(ttl, now int64) string {
	o.living(0, now)
	if len(o.sessions) >= o.limits.sessions {
		return "-ERR max number of sessions reached\r\n"
	}
	o.lastID++
	o.uses++
	o.sessions[o.lastID] = &modelSession{ttl, now, o.uses, 0, make(map[uint64]string)}
	return fmt.Sprintf(":%d\r\n", o.lastID)
}

// apply runs a sequence by run, if that is due, and returns its reply.
func (o *sessionModel) apply(id, sequence uint64, now int64, run func() string) string {
	s := o.living(id, now)
	if s == nil {
		return "-" + errNoSession + "\r\n"
	}
	o.uses++
	s.active, s.used = now, o.uses
	reply, done := s.replies[sequence]
	switch {
	case sequence+sessionWindow <= s.top:
		return "-" + errOnceExpired + "\r\n"
	case done && reply == "":
		return "-" + errOnceLost + "\r\n"
	case done:
		return reply
	}
	reply = run()
	s.top = max(s.top, sequence)
	s.replies[sequence] = reply
	for s.size() > o.limits.perSession {
		s.evict()
	}
	for o.size() > o.limits.total {
		var oldest *modelSession
		for _, s := range o.sessions {
			if s.size() > 0 && (oldest == nil || s.used < oldest.used) {
				oldest = s
			}
		}
		oldest.evict()
	}
	return reply
}

// size is that of the kept replies in the window.
func (s *modelSession) size() (bytes int) {
	for sequence, reply := range s.replies {
		if sequence+sessionWindow > s.top {
			bytes += len(reply)
		}
	}
	return bytes
}

func (s *modelSession) evict() {
	for sequence := max(s.top, sessionWindow) - sessionWindow + 1; ; sequence++ {
		if s.replies[sequence] != "" {
			s.replies[sequence] = ""
			return
		}
	}
}

func (o *sessionModel) size() (bytes int64) {
	for _, s := range o.sessions {
		bytes += int64(s.size())
	}
	return bytes
}

// sessionRun is a machine beside the model.
type sessionRun struct {
	*testing.T
	*generator
	m     *Machine
	model *sessionModel
	now   int64
	// log is what the key "log" must hold, and runs counts the commands that were run.
	log  string
	runs int
	// views are open, and frozen are the images of their states.
	views  []*View
	frozen [][]byte
}

// TestSessionsAgainstModel compares a machine with the model through openings, closings, repetitions, leaps, expiry,
// evictions, views and reloads: the same replies, and a command is run exactly when the model says so.
func TestSessionsAgainstModel(t *testing.T) {
	for seed := range uint64(12) {
		limits := sessionLimits{sessions: 8, perSession: 300, total: 900}
		r := &sessionRun{T: t, generator: newGenerator(seed, 1), m: New(), now: 1_000_000,
			model: &sessionModel{limits: limits, sessions: make(map[uint64]*modelSession)}}
		r.m.sessions.limits = limits
		apply(r.m, "set log x")
		r.log = "x"
		for index := uint64(1); index <= 1500; index++ {
			r.now += int64(r.IntN(60))
			r.m.Advance(index, r.now)
			r.step()
			checkInvariants(t, r.m)
			if t.Failed() {
				t.Fatalf("seed %d index %d", seed, index)
			}
		}
		r.want("get log", fmt.Sprintf("$%d\r\n%s\r\n", len(r.log), r.log))
		if r.runs < 200 {
			t.Fatalf("seed %d: only %d commands were run", seed, r.runs)
		}
	}
}

// want runs a command line and compares its reply.
func (r *sessionRun) want(line, want string) {
	r.Helper()
	if got := apply(r.m, line); got != want {
		r.Errorf("%s: %q, want %q", line, got, want)
	}
}

func (r *sessionRun) step() {
	id := r.model.lastID - min(uint64(r.IntN(12)), r.model.lastID)
	switch r.IntN(40) {
	case 0, 1, 2:
		ttl := r.IntN(3) + 1
		r.want(fmt.Sprint("session open ttl ", ttl), r.model.open(int64(ttl)*1000, r.now))
	case 3:
		if id > 0 {
			r.close(id)
		}
	case 4:
		limits := r.m.sessions.limits
		r.m = reload(r.T, r.m)
		r.m.sessions.limits = limits
		r.views, r.frozen = nil, nil
	case 5:
		r.frozen = append(r.frozen, image(r.T, r.m))
		r.views = append(r.views, r.m.View())
	case 6:
		r.release()
	default:
		if id > 0 {
			r.once(id, r.sequence(id))
		}
	}
}

func (r *sessionRun) close(id uint64) {
	reply := ":0\r\n"
	if r.model.living(id, r.now) != nil {
		reply = ":1\r\n"
	}
	delete(r.model.sessions, id)
	r.want(fmt.Sprint("session close ", id), reply)
}

// release checks and ends the open views.
func (r *sessionRun) release() {
	for i, v := range r.views {
		var b bytes.Buffer
		if _, err := v.WriteTo(&b); err != nil || !bytes.Equal(b.Bytes(), r.frozen[i]) {
			r.Errorf("a view shows what came after it (%v)", err)
		}
		v.Release()
	}
	r.views, r.frozen = nil, nil
}

// sequence chooses a sequence of a session: mostly near its highest one, else far above, or at the edge of the window.
func (r *sessionRun) sequence(id uint64) uint64 {
	top := uint64(0)
	if s := r.model.living(id, r.now); s != nil {
		top = s.top
	}
	switch r.IntN(20) {
	case 0:
		return top + uint64(r.IntN(200)) + 1
	case 1:
		back := uint64(125 + r.IntN(6))
		return max(top, back) - back + 1
	}
	return top + 3 - min(uint64(r.IntN(8)), top+2)
}

// once runs a command in a session. Its reply tells how often those before it were run.
func (r *sessionRun) once(id, sequence uint64) {
	piece := fmt.Sprintf("%d.%d,", id, sequence)
	line := "append log " + piece
	do := func() string {
		r.log += piece
		return fmt.Sprintf(":%d\r\n", len(r.log))
	}
	if r.IntN(3) == 0 {
		line = "set log x get"
		do = func() string {
			old := r.log
			r.log = "x"
			return fmt.Sprintf("$%d\r\n%s\r\n", len(old), old)
		}
	}
	want := r.model.apply(id, sequence, r.now, func() string { r.runs++; return do() })
	if got := once(r.m, id, sequence, line); got != want {
		r.Errorf("%d.%d %s: %q, want %q", id, sequence, line, got, want)
	}
}
