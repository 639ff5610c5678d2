package replica

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// world is a cluster of replicas in one goroutine: a clock that it turns itself, a network without a wire, and a list
// of what waits to be run.
type world struct {
	t       testing.TB
	millis  int64
	members []*member // by id, from 1
	peers   []raft.Peer
	tasks   []func()
	retries []func() // what is to be tried again at the next tick
	leases  bool
}

// member is one replica with its node of raft and its network.
type member struct {
	*Replica
	world   *world
	id      raft.NodeID
	disk    *vfs.Mem
	raft    *raft.Raft
	manual  *raft.Manual
	receive func(core.Message, uint64)
	cut     bool // from the others
	// asleep lists workers that are not run.
	asleep []raft.Worker
	slept  []raft.Worker
}

const (
	worldTick      = 10 * time.Millisecond
	worldHeartbeat = 50 * time.Millisecond
	worldElection  = 200 * time.Millisecond
)

// Mono and Wall make the world every replica's clock.
func (w *world) Mono() int64 { return w.millis }
func (w *world) Wall() int64 { return w.millis }

// Start, Send and Close make a member its node's network.
func (m *member) Start(receive func(core.Message, uint64)) error { m.receive = receive; return nil }
func (m *member) Close() error                                   { m.receive = nil; return nil }
func (m *member) Send(messages []core.Message) {
	for _, message := range messages {
		to := m.world.members[message.Head().To-1]
		if to.receive != nil && !to.cut && !m.cut {
			to.receive(message, m.Instance())
		}
	}
}

// startWorld starts a cluster of replicas.
func startWorld(t testing.TB, size int, adjust func(*world, *Options)) *world {
	t.Helper()
	w := &world{t: t, millis: 1_000_000}
	for id := raft.NodeID(1); int(id) <= size; id++ {
		w.peers = append(w.peers, raft.Peer{ID: id})
		w.members = append(w.members, &member{world: w, id: id, disk: vfs.NewMem()})
	}
	for _, m := range w.members {
		m.start(adjust)
	}
	return w
}

func (m *member) start(adjust func(*world, *Options)) {
	w := m.world
	o := testOptions(m.disk)
	o.ID, o.Peers, o.Clock, o.Election = m.id, w.peers, w, worldElection
	o.NewInstance = func() uint64 { return 100 + uint64(m.id) }
	o.Background = func(task func()) { w.tasks = append(w.tasks, task) }
	o.Redirect = func(id raft.NodeID, _ int) string { return fmt.Sprint("node", id) }
	if adjust != nil {
		adjust(w, &o)
	}
	var err error
	if m.Replica, err = Open(o); err != nil {
		w.t.Fatal(err)
	}
	options := append(m.RaftOptions(), raft.WithNetwork(m), raft.WithTick(worldTick),
		raft.WithTimeouts(worldHeartbeat, worldElection), raft.WithSeed(1), raft.WithIncarnation(uint64(w.millis)),
		raft.WithLimits(raft.Limits{TailBytes: 1 << 10, EntryBytes: m.MaxEntryBytes()}))
	if w.leases {
		options = append(options, raft.WithLeases())
	}
	m.raft, m.manual, err = raft.MakeManual(m.Peers(), m.id, m.Persister(), m.wake, options...)
	if err != nil {
		w.t.Fatal(err)
	}
	m.Bind(m.raft)
}

// wake notes that a worker has something to do.
func (m *member) wake(worker raft.Worker) {
	m.world.tasks = append(m.world.tasks, func() {
		if slices.Contains(m.asleep, worker) {
			m.slept = append(m.slept, worker)
			return
		}
		m.run(worker)
	})
}

func (m *member) run(worker raft.Worker) {
	if again := m.manual.Run(worker); again > 0 {
		m.world.retries = append(m.world.retries, func() { m.run(worker) })
	}
}

// awake lets all workers run again.
func (m *member) awake() {
	slept := m.slept
	m.asleep, m.slept = nil, nil
	for _, worker := range slept {
		m.wake(worker)
	}
}

// settle does all that waits, without any time passing, until something holds.
func (w *world) settle(holds func() bool) bool {
	for !holds() {
		if len(w.tasks) == 0 {
			return false
		}
		next := w.tasks[0]
		w.tasks = w.tasks[1:]
		next()
	}
	return true
}

// until lets the world go on until something holds.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for limit := w.millis + time.Minute.Milliseconds(); !w.settle(holds); {
		if w.millis > limit {
			w.t.Fatalf("did not happen within a minute: %s", what)
		}
		w.tick()
	}
}

// tick lets a tick of the clock pass.
func (w *world) tick() {
	w.millis += worldTick.Milliseconds()
	w.tasks, w.retries = append(w.tasks, w.retries...), nil
	for _, m := range w.members {
		m.manual.Tick()
		if w.millis%TickInterval.Milliseconds() == 0 {
			m.Tick()
		}
	}
}

// pass lets some time pass.
func (w *world) pass(d time.Duration) {
	end := w.millis + d.Milliseconds()
	w.until("the end of a while", func() bool { return w.millis >= end })
}

// leader waits for a leader, among those who are not cut off, that serves, and returns it.
func (w *world) leader() (leader *member) {
	w.t.Helper()
	w.until("a leader", func() bool {
		leader = nil
		for _, m := range w.members {
			if !m.cut && m.Err() == nil && m.raft.Standing().Role == core.Leader {
				leader = m
			}
		}
		return leader != nil && leader.Configuration().Members[leader.id-1].Instance != 0
	})
	w.settle(func() bool { return false })
	return leader
}

// others returns the members beside one.
func (w *world) others(but *member) []*member {
	return slices.DeleteFunc(slices.Clone(w.members), func(m *member) bool { return m == but })
}

// call is a pipeline on its way.
type call struct {
	*Request
	batch resp.Batch
	// woken counts wake-ups, and halted keeps them from being answered.
	woken  int
	halted bool
	done   bool
}

// begin sends a pipeline to a member.
func (m *member) begin(adjust func(*resp.Batch), lines ...string) *call {
	c := &call{batch: resp.Batch{Ops: ops(lines...)}}
	if adjust != nil {
		adjust(&c.batch)
	}
	c.Request = m.NewRequest(func() {
		c.woken++
		m.world.tasks = append(m.world.tasks, c.resume)
	})
	c.step(c.Begin(&c.batch))
	return c
}

func (c *call) resume() {
	if !c.halted {
		c.step(c.Resume())
	}
}

// step takes what a step brought, and goes on with the rest.
func (c *call) step(done int, ok bool) {
	for ok {
		c.batch.Ops = c.batch.Ops[done:]
		if len(c.batch.Ops) == 0 {
			c.done = true
			return
		}
		done, ok = c.Begin(&c.batch)
	}
}

// reply lets the world go on until the call is answered, and returns the replies as they are on the wire.
func (c *call) reply() string {
	w := c.replica.clock.(*world)
	w.t.Helper()
	w.until("the answer to a call", func() bool { return c.done })
	return string(c.batch.Reply.Buf)
}

// do runs one command on a member and returns its reply.
func (m *member) do(line string) string { return m.begin(nil, line).reply() }

// expect runs one command on a member and compares the beginning of its reply.
func (m *member) expect(want, line string) {
	m.world.t.Helper()
	if got := m.do(line); !strings.HasPrefix(got, want) {
		m.world.t.Fatalf("node %d answered %.40q with %.80q, want %q", m.id, line, got, want)
	}
}
