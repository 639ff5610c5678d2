package wal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"redoubt/internal/vfs"
)

// clone copies a content so that it can be changed.
func (c content) clone() content {
	c.entries = slices.Clone(c.entries)
	return c
}

// put is what an entry does to a content.
func (c *content) put(e Entry) {
	c.entries = append(c.entries[:e.Index-c.start.Index-1], e)
	c.last = Position{e.Index, e.Term}
}

// from is the content without what lies at or before p, as after a DropBefore.
func (c content) from(p Position) content {
	if p.Index > c.start.Index && p.Index <= c.last.Index {
		c.entries = c.entries[p.Index-c.start.Index:]
		c.start = p
	}
	return c
}

// TestFailingDisk lets single operations fail: with a full disk the log refuses and stays as it was;
// with any other error it stops. Then the process restarts, the machine may stop as well, and what was
// acknowledged is there.
func TestFailingDisk(t *testing.T) {
	seeds := 120 * *effort
	full, stopped := 0, 0
	for seed := uint64(1); seed <= seeds; seed++ {
		r := rand.New(rand.NewPCG(seed, 11))
		m := newMem(t)
		l := open(t, &zeroingFS{FS: m}, small)
		acknowledged := content{}
		for step := 0; step < 60; step++ {
			countdown := r.IntN(30)
			var injected error
			m.SetFault(func(op vfs.Op) error {
				if !op.Kind.Mutates() || op.Kind == vfs.OpLock {
					return nil
				}
				if countdown--; countdown != 0 {
					return nil
				}
				injected = []error{syscall.EIO, syscall.ENOSPC}[r.IntN(2)]
				if op.Kind == vfs.OpWrite {
					return &vfs.ShortWrite{N: r.IntN(int(op.Length) + 1), Err: injected}
				}
				return injected
			})
			attempted, err := failingStep(r, l, acknowledged)
			m.SetFault(nil)
			switch {
			case err == nil:
				acknowledged = attempted
				if d := contentOf(t, l).differs(attempted.from(contentOf(t, l).start)); d != "" {
					t.Fatalf("seed %d step %d: the log %s", seed, step, d)
				}
				acknowledged = contentOf(t, l)
				continue
			case errors.Is(err, ErrFull):
				full++
				if d := contentOf(t, l).differs(acknowledged); d != "" {
					t.Fatalf("seed %d step %d: after %v the log %s", seed, step, err, d)
				}
				continue
			case injected == nil || !errors.Is(err, injected):
				t.Fatalf("seed %d step %d: %v, though %v was injected", seed, step, err, injected)
			}
			stopped++
			if again := l.Append(&Batch{}, true); again != err {
				t.Fatalf("seed %d step %d: %v, then %v: the first error is final", seed, step, err, again)
			}
			opts := vfs.CrashOptions{Loss: vfs.Loss(r.IntN(3)), Rand: r}
			m = m.CrashClone(opts)
			l, err = Open(m, testDir, small)
			if err != nil {
				t.Fatalf("seed %d step %d: restart after %v: %v", seed, step, injected, err)
			}
			got := contentOf(t, l)
			if d := got.differs(acknowledged.from(got.start)); d != "" {
				if d2 := got.differs(attempted.from(got.start)); d2 != "" {
					t.Fatalf("seed %d step %d: after %v and a restart the log %s; against what was attempted it %s", seed, step, injected, d, d2)
				}
			}
			if strict := contentOf(t, open(t, m.CrashClone(vfs.CrashOptions{}), small)); strict.differs(got) != "" {
				t.Fatalf("seed %d step %d: after %v, a restart and a crash the log %s: Open showed what was not durable",
					seed, step, injected, strict.differs(got))
			}
			acknowledged = got
		}
	}
	if full == 0 || stopped == 0 {
		t.Fatalf("%d full disks and %d stops in %d seeds: the faults miss the log", full, stopped, seeds)
	}
	t.Logf("%d full disks, %d stops", full, stopped)
}

// failingStep does one random operation and returns the content that it is meant to lead to.
func failingStep(r *rand.Rand, l *Log, before content) (content, error) {
	after := before.clone()
	switch r.IntN(8) {
	case 0:
		_, err := l.DropBefore(before.start.Index + 1 + r.Uint64N(before.last.Index-before.start.Index+1))
		return after, err
	case 1:
		p := Position{before.last.Index + r.Uint64N(3), before.last.Term + 1}
		return content{start: p, last: p, state: before.state}, l.Reset(p.Index, p.Term)
	case 2:
		return after, l.Prepare()
	}
	var b Batch
	if r.IntN(2) == 0 {
		after.state = fmt.Appendf(nil, "state %d", r.Uint32())
		b.State(after.state)
	}
	index := before.last.Index + 1 - r.Uint64N(min(4, before.last.Index-before.start.Index+1))
	for n := r.IntN(4); n >= 0; n-- {
		e := Entry{index, before.last.Term, payload(index, uint64(r.Uint32()), 50+r.IntN(900))}
		b.Entry(e.Index, e.Term, nil, e.Payload)
		after.put(e)
		index++
	}
	return after, l.Append(&b, true)
}
