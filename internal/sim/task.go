package sim

import (
	"iter"
	"slices"
	"strings"
	"time"

	"redoubt/internal/vfs"
)

// task is long work that a replica does beside everything else: it writes a snapshot. It is a coroutine that gives way before
// each operation on the image that it writes, so that the world goes on in between: entries are applied, an image
// arrives from the leader, the process is killed. One goroutine runs at a time, and when is up to the event queue.
type task struct {
	p    *process
	disk *disk
	// resume runs the task until it gives way, and reports false at its end; abandon ends it.
	resume  func() (struct{}, bool)
	abandon func()
	over    bool
	// giveWay is called by the task; it reports false when the task has been abandoned.
	giveWay func(struct{}) bool
}

// background implements replica.Options.Background.
func (p *process) background(work func()) {
	t := &task{p: p, disk: p.m.disk}
	t.resume, t.abandon = iter.Pull(func(yield func(struct{}) bool) {
		t.giveWay = yield
		work()
	})
	p.tasks = append(p.tasks, t)
	p.later(p.m.random.duration(0, 20*time.Millisecond), t.run)
}

// run lets the task go on until it next gives way, unless its disk hangs.
func (t *task) run() {
	if wait := t.disk.hung(); wait > 0 {
		t.p.later(wait, t.run)
		return
	}
	if t.runNow() {
		t.p.later(t.disk.latency(), t.run)
	}
}

// runNow lets the task go on now. It reports whether more of it is left.
func (t *task) runNow() (more bool) {
	if t.over {
		return false
	}
	t.disk.task = t
	_, more = t.resume()
	t.disk.task = nil
	if !more {
		t.over = true
		t.p.tasks = slices.DeleteFunc(t.p.tasks, func(other *task) bool { return other == t })
	}
	return more
}

// meet lets the running task give way before an operation of its disk. Only the image in the making is worked on without
// a lock: while a task waits, nobody may wait for it. It reports false if the process has ended meanwhile.
func (t *task) meet(op vfs.Op) bool {
	switch op.Kind {
	case vfs.OpCreate, vfs.OpWrite, vfs.OpSync:
	default:
		return true
	}
	if !strings.HasSuffix(op.Path, ".writing") {
		return true
	}
	t.disk.task = nil
	if !t.giveWay(struct{}{}) || t.p.dead {
		return false
	}
	t.disk.task = t
	return true
}

// abandonTasks ends the work of a process that has ended. What runs at this moment finds its disk gone by itself.
func (p *process) abandonTasks() {
	for _, t := range p.tasks {
		if t != t.disk.task {
			t.abandon()
		}
	}
	p.tasks = nil
}
