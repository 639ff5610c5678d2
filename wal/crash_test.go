package wal

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"redoubt/internal/vfs"
)

// crashRun drives one log with random operations. Before each step that changes the disk it clones what a crash
// would leave; each clone must open to one of the contents that the log had between the last
// acknowledged sync and the operation under way.
type crashRun struct {
	t    *testing.T
	seed uint64
	rand *rand.Rand
	fs   *vfs.Mem
	log  *Log
	// versions are the contents after each operation; those before durable can no longer come back.
	versions []content
	durable  int
	crashes  []crashPoint
	opened   int
}

type crashPoint struct {
	fs *vfs.Mem
	op vfs.Op
	// durable is the run's durable at the crash.
	durable int
}

// effort multiplies the number of random runs: go test -run 'Crash|Failing' ./wal -args -effort 20
var effort = flag.Uint64("effort", 1, "how many times the usual number of random runs to make")

func TestCrashAtEveryStep(t *testing.T) {
	seeds := 30 * *effort
	opened := 0
	for seed := uint64(1); seed <= seeds; seed++ {
		r := &crashRun{t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 7)), fs: newMem(t)}
		r.run()
		opened += r.opened
	}
	t.Logf("%d logs opened after a crash", opened)
}

func (r *crashRun) run() {
	r.versions = []content{{}}
	r.fs.SetFault(r.observe)
	l, err := Open(&zeroingFS{FS: r.fs}, testDir, small)
	must(r.t, err)
	r.log = l
	r.checkCrashes()
	for step := 0; step < 40; step++ {
		synced := r.step()
		r.versions = append(r.versions, contentOf(r.t, r.log))
		r.checkCrashes()
		if synced {
			r.durable = len(r.versions) - 1
		}
	}
}

func (r *crashRun) observe(op vfs.Op) error {
	if !op.Kind.Mutates() {
		return nil
	}
	opts := vfs.CrashOptions{Loss: vfs.LoseSome, Rand: r.rand, TornSectors: r.rand.IntN(3) == 0}
	switch r.rand.IntN(6) {
	case 0:
		opts.Loss = vfs.LoseAll
	case 1:
		opts.Loss = vfs.LoseNone
	}
	r.crashes = append(r.crashes, crashPoint{r.fs.CrashClone(opts), op, r.durable})
	return nil
}

// step does one random operation and reports whether it made everything durable.
func (r *crashRun) step() (synced bool) {
	l, t := r.log, r.t
	first, last := l.First(), l.Last()
	switch n := r.rand.IntN(20); {
	case n < 12:
		var b Batch
		if r.rand.IntN(3) == 0 {
			b.State(fmt.Appendf(nil, "state %d", r.rand.Uint64()))
		}
		index, term := last.Index+1, last.Term+uint64(r.rand.IntN(2))
		if r.rand.IntN(4) == 0 && last.Index >= first {
			index = first + r.rand.Uint64N(last.Index-first+1)
		}
		for count := r.rand.IntN(5); count > 0; count-- {
			size := []int{0, 100, 700, 1500}[r.rand.IntN(4)]
			if r.rand.IntN(40) == 0 {
				size = 6000
			}
			b.Entry(index, term, []byte("head"), payload(index, term, size))
			index++
		}
		synced = r.rand.IntN(4) > 0
		must(t, l.Append(&b, synced))
	case n < 15:
		_, err := l.DropBefore(first + r.rand.Uint64N(last.Index+2-first))
		must(t, err)
	case n < 16:
		must(t, l.Reset(last.Index+uint64(r.rand.IntN(5)), last.Term+1))
		synced = true
	case n < 18:
		must(t, l.Prepare())
	case n < 19:
		must(t, l.Sync())
		synced = true
	default:
		must(t, l.Close())
		var err error
		r.log, err = Open(&zeroingFS{FS: r.fs}, testDir, small)
		must(t, err)
		synced = true
	}
	return synced
}

func (r *crashRun) checkCrashes() {
	crashes := r.crashes
	r.crashes = nil
	for _, c := range crashes {
		r.reopen(c, 0)
	}
}

// reopen opens what a crash left, and crashes again while it is being opened.
func (r *crashRun) reopen(c crashPoint, depth int) {
	r.opened++
	var again []crashPoint
	if depth == 0 && r.rand.IntN(4) == 0 {
		c.fs.SetFault(func(op vfs.Op) error {
			if op.Kind.Mutates() {
				// A repair may be torn between sectors, not within one: see tail.
				clone := c.fs.CrashClone(vfs.CrashOptions{Loss: vfs.LoseSome, Rand: r.rand})
				again = append(again, crashPoint{clone, op, c.durable})
			}
			return nil
		})
	}
	l, err := Open(c.fs, testDir, small)
	if err != nil {
		r.t.Fatalf("seed %d: after a crash before %v: %v: a crash is not damage", r.seed, c.op, err)
	}
	c.fs.SetFault(nil)
	found := r.match(c, l)
	// What has been shown is durable: a second crash at once does not take it back.
	strict, err := Open(c.fs.CrashClone(vfs.CrashOptions{}), testDir, small)
	if err != nil {
		r.t.Fatalf("seed %d: after a crash before %v and another one: %v", r.seed, c.op, err)
	}
	if d := contentOf(r.t, strict).differs(found); d != "" {
		r.t.Fatalf("seed %d: crash before %v: after another crash the log %s: what Open showed was not durable", r.seed, c.op, d)
	}
	// And the log goes on.
	next := l.Last().Index + 1
	appendEntries(r.t, l, next, next+3, 99, 300, true)
	for _, a := range again {
		r.reopen(a, depth+1)
	}
}

// match finds the version that a log was recovered to.
func (r *crashRun) match(c crashPoint, l *Log) content {
	got := contentOf(r.t, l)
	var why string
	for v := len(r.versions) - 1; v >= c.durable; v-- {
		if why = got.differs(r.versions[v]); why == "" {
			return got
		}
	}
	r.t.Fatalf("seed %d: after a crash before %v the log is none of versions %d to %d; compared with what was acknowledged it %s",
		r.seed, c.op, c.durable, len(r.versions)-1, why)
	return got
}
