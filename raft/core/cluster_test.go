package core

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// cluster is a whole cluster in one goroutine: cores, disks that lose what was not synced, and a
// network that drops, duplicates and reorders. One seed draws everything. Checks run after every
// effect, outside the code under test.
type cluster struct {
	t      testing.TB
	random *rand.Rand
	nodes  []*node
	// network holds the messages under way. fifo keeps the order between each pair of nodes.
	network []Message
	fifo    bool
	// cut[a][b]: nothing gets from a to b.
	cut [][]bool
	// limits are copied into every core.
	limits Config

	// calm leaves nothing to chance, and print shows every effect: for transcripts and small tests.
	calm  bool
	print func(format string, args ...any)
	// weights say how often each of actions happens.
	weights []int

	now   int64
	trace []line
	// lives counts the starts of nodes, so that each has an incarnation of its own.
	lives uint64

	// disks: the nodes tell their disks apart, and instances counts them.
	disks     bool
	instances uint64
	// initial is the configuration that the cluster began with, inForce all that ever were anywhere since.
	initial Configuration
	inForce []located
	// changeID numbers the changes of the membership; asked are not answered yet, changed are done.
	changeID uint64
	asked    []asked
	changed  []changed
	// What chaos has reached: disks wiped, leaders removed, learners promoted by a leader.
	wipes, retired, promoted int

	// What the checks remember.
	leaders   []leaderOf
	committed []Entry  // committed[i] is the entry at index i+1
	digests   []uint64 // digests[i] is the state after entry i+1
	readID    uint64
	reads     []readFloor
	proposals uint64
	// confirmed counts reads, leased those without a round, late those whose lease ended before they were done.
	confirmed, leased, late int
	snapshots               int
	elections               int
}

// line is one line of the trace.
type line struct {
	format string
	args   []any
}

type leaderOf struct {
	term uint64
	id   NodeID
}

// readFloor remembers what was committed when a read was asked, and on which node.
type readFloor struct {
	id, floor uint64
	node      NodeID
}

// node is one replica with its durable state.
type node struct {
	id   NodeID
	core *Core // nil while crashed

	hard     HardState
	log      []Entry // entries on disk
	first    uint64  // index of log[0], or the next
	snapshot SnapshotMeta
	image    []byte

	writes  []*Persist // handed out, not durable
	answers []Input    // the driver's answers that are under way
	receive []byte     // incoming snapshot

	index         uint64 // state machine
	digest        uint64
	configuration Configuration // as applied
	inForce       uint64        // index of the configuration that the node goes by
	instance      uint64        // of the disk
	wiped         bool          // the disk is another than the one that is recorded
	lost          bool          // a disk of this node was lost at some time

	offset int64 // this machine's wall clock error
	rate   int64 // of its clocks, per mille
	slot   int64 // of the last tick
	// paused: the process stands still. Messages and the disk's answers wait for it.
	paused bool
}

// tickMillis is what a tick takes on a node's clock.
const tickMillis = 10

// mono is a node's monotonic clock.
func (c *cluster) mono(n *node) int64 { return c.now * n.rate / 1000 }

// awake tells whether a node runs.
func (n *node) awake() bool { return n.core != nil && !n.paused }

// tick gives a node the tick that is due. Where clocks matter, it gets no more than its clock has ticked: it
// may be late, and the next one in time.
func (c *cluster) tick(n *node) {
	slot := c.mono(n) / tickMillis
	if !n.awake() || (c.limits.LeaseMillis != 0 && slot <= n.slot) {
		return
	}
	n.slot = slot
	c.step(n, Tick{Mono: c.mono(n), Wall: c.now + n.offset})
}

// calmSeed makes a cluster in which nothing is left to chance but the election timeouts.
const calmSeed = 1 << 32

// newCluster starts size nodes, of which the last ones are learners. The seed draws what chaos does.
func newCluster(t testing.TB, seed uint64, size, learners int, limits Config) *cluster {
	c := &cluster{t: t, random: rand.New(rand.NewPCG(seed, 1)), limits: limits, now: 1000, calm: seed == calmSeed}
	var members []Member
	for i := range size {
		members = append(members, Member{ID: NodeID(i + 1), Voter: i < size-learners})
	}
	if !c.calm && c.random.IntN(4) == 0 {
		// In the middle of a change: decisions need both majorities.
		for i := range members[:size-learners] {
			members[i].OldVoter = c.random.IntN(2) == 0
		}
	}
	c.initial = Configuration{Members: members}
	c.disks = limits.Instance != 0
	for range size {
		c.newNode(c.initial)
	}
	for _, n := range c.nodes {
		c.start(n)
	}
	return c
}

func (c *cluster) node(id NodeID) *node { return c.nodes[id-1] }

func (c *cluster) fail(format string, args ...any) {
	c.t.Helper()
	from := max(0, len(c.trace)-60)
	for _, l := range c.trace[from:] {
		c.t.Logf(l.format, l.args...)
	}
	c.t.Fatalf(format, args...)
}

// start makes a core from what is on the node's disk.
func (c *cluster) start(n *node) {
	config := c.limits
	config.ID = n.id
	if c.disks {
		config.Instance = n.instance
	}
	config.HardState = n.hard
	config.Snapshot = n.snapshot
	config.Configuration, config.ConfigurationIndex = n.committedConfiguration()
	config.FirstIndex = n.first
	config.Last = n.snapshot.Position
	config.Seed = 1
	if !c.calm {
		config.Seed = c.random.Uint64()
	}
	c.lives++
	config.Incarnation = c.lives
	if len(n.log) > 0 {
		config.Last = n.log[len(n.log)-1].position()
		from := max(n.hard.Commit, n.snapshot.Index) + 1
		if !c.calm {
			from -= min(from-n.first, c.random.Uint64N(4))
		}
		config.Tail = slices.Clone(n.log[from-n.first:])
	}
	n.index, n.digest, n.configuration = n.snapshot.Index, 0, n.snapshot.Configuration
	if n.snapshot.Index > 0 {
		n.digest = binary.LittleEndian.Uint64(n.image)
	}
	core, err := New(config)
	if err != nil {
		c.fail("node %d does not start from what it made durable: %v", n.id, err)
	}
	n.core = core
	n.slot = c.mono(n) / tickMillis
	n.answers = append(n.answers, Applied{Index: n.snapshot.Index})
	c.step(n, Tick{Mono: c.mono(n), Wall: c.now + n.offset})
}

// crash loses everything that is not durable. Some writes may have reached the disk unacknowledged.
func (c *cluster) crash(n *node) {
	c.note("crash %d", n.id)
	for range c.random.IntN(len(n.writes) + 1) {
		if c.calm {
			break
		}
		n.save(n.writes[0])
		n.writes = n.writes[1:]
	}
	n.core, n.writes, n.answers, n.receive = nil, nil, nil, nil
	n.paused = false
	c.reads = slices.DeleteFunc(c.reads, func(f readFloor) bool { return f.node == n.id })
	c.asked = slices.DeleteFunc(c.asked, func(a asked) bool { return a.node == n.id })
}

func (n *node) save(p *Persist) {
	n.hard = p.HardState
	if len(p.Entries) > 0 {
		n.log = append(slices.Clip(n.log[:p.Entries[0].Index-n.first]), p.Entries...)
	}
}

// committedConfiguration returns the newest configuration on disk that is known to be committed, and its index.
func (n *node) committedConfiguration() (Configuration, uint64) {
	configuration, at := n.snapshot.Configuration, n.snapshot.Index
	for i := range n.log {
		if e := &n.log[i]; e.Kind == EntryConfiguration && e.Index > at && e.Index <= n.hard.Commit {
			configuration, at = mustDecodeConfiguration(e), e.Index
		}
	}
	return configuration, at
}

func (n *node) lastOnDisk() uint64 { return n.first + uint64(len(n.log)) - 1 }

// holds tells whether the node has e durably, in its log or in its snapshot.
func (n *node) holds(e Entry) bool {
	if e.Index <= n.snapshot.Index {
		return true
	}
	return e.Index >= n.first && e.Index <= n.lastOnDisk() && n.log[e.Index-n.first].Term == e.Term
}

func (c *cluster) note(format string, args ...any) {
	// Only a failure prints: most lines are never formatted.
	c.trace = append(c.trace, line{format, args})
}

// step feeds one input to a node, carries out the effects and checks them.
func (c *cluster) step(n *node, in Input) {
	if n.core == nil {
		return
	}
	c.note("%d %T %+v", n.id, in, in)
	effects := n.core.Step(in)
	if c.print != nil {
		c.printEffects(n, effects)
	}
	if effects.Status != nil {
		c.note("  %d status %+v", n.id, *effects.Status)
		c.checkLeader(n, *effects.Status)
	}
	c.checkMembership(n)
	c.network = append(c.network, effects.Send...)
	if effects.Persist != nil {
		n.writes = append(n.writes, effects.Persist)
	}
	for _, e := range effects.Apply {
		c.applyEntry(n, e)
	}
	if len(effects.Apply) > 0 {
		n.answers = append(n.answers, Applied{Index: n.index})
	}
	for _, r := range effects.Changes {
		c.checkChange(n, r)
	}
	for _, r := range effects.Reads {
		c.checkRead(n, r)
	}
	for _, r := range effects.ReadLog {
		n.answers = append(n.answers, n.readLog(r))
	}
	for _, r := range effects.ReadSnapshot {
		n.answers = append(n.answers, n.readSnapshot(r))
	}
	for _, w := range effects.WriteSnapshot {
		if w.Offset == 0 {
			n.receive = nil
		}
		if int64(len(n.receive)) != w.Offset {
			c.fail("node %d: piece at %d of a snapshot of which %d bytes are there", n.id, w.Offset, len(n.receive))
		}
		n.receive = append(n.receive, w.Data...)
	}
	if effects.InstallSnapshot != nil {
		c.install(n, *effects.InstallSnapshot)
	}
	if n.core.Illegal() != 0 && !n.wiped {
		c.fail("node %d was sent an illegal message", n.id)
	}
	for _, p := range n.core.Progress() {
		if p.InflightMessages > c.limits.MaxInflightMessages {
			c.fail("node %d has %d messages in flight to %d, the limit is %d", n.id, p.InflightMessages, p.ID, c.limits.MaxInflightMessages)
		}
	}
}

func (n *node) readLog(r ReadLog) LogRead {
	answer := LogRead{Request: r}
	if r.From < n.first || (r.From == n.first && n.first > 1 && r.From != n.snapshot.Index+1) {
		return answer
	}
	switch before := r.From - 1; {
	case before == n.snapshot.Index:
		answer.PrevTerm = n.snapshot.Term
	case before >= n.first:
		answer.PrevTerm = n.log[before-n.first].Term
	}
	size := 0
	for _, e := range n.log[r.From-n.first : r.To-n.first+1] {
		size += e.size()
		if size > r.MaxBytes && len(answer.Entries) > 0 {
			break
		}
		answer.Entries = append(answer.Entries, e)
	}
	return answer
}

func (n *node) readSnapshot(r ReadSnapshot) SnapshotRead {
	answer := SnapshotRead{Request: r, Meta: n.snapshot, Size: int64(len(n.image))}
	offset := r.Offset
	if r.Index != n.snapshot.Index {
		offset = 0
	}
	answer.Data = n.image[offset:min(offset+int64(r.MaxBytes), int64(len(n.image)))]
	return answer
}

// install replaces state and log by a complete image.
func (c *cluster) install(n *node, install InstallSnapshot) {
	c.note("  %d installs %d", n.id, install.Meta.Index)
	if len(n.writes) > 0 && slices.ContainsFunc(n.writes, func(p *Persist) bool { return len(p.Entries) > 0 }) {
		c.fail("node %d installs a snapshot while entries are being written", n.id)
	}
	if int64(len(n.receive)) != install.Size {
		c.fail("node %d installs %d of %d bytes", n.id, len(n.receive), install.Size)
	}
	if !c.calm && c.random.IntN(10) == 0 {
		n.answers = append(n.answers, SnapshotInstalled{Index: install.Meta.Index})
		return
	}
	digest := binary.LittleEndian.Uint64(n.receive)
	if digest != c.digests[install.Meta.Index-1] {
		c.fail("node %d installs a snapshot of %d that is not the state there", n.id, install.Meta.Index)
	}
	if install.Meta.Index < n.index {
		c.fail("node %d goes back from %d to snapshot %d", n.id, n.index, install.Meta.Index)
	}
	n.snapshot, n.image = install.Meta, n.receive
	n.log, n.first = nil, install.Meta.Index+1
	n.receive = nil
	n.index, n.digest, n.configuration = install.Meta.Index, digest, install.Meta.Configuration
	installed, loaded := Input(SnapshotInstalled{Index: install.Meta.Index, OK: true}), Input(Applied{Index: install.Meta.Index})
	if c.random.IntN(2) == 0 {
		installed, loaded = loaded, installed // the state machine was quicker than the word that it is installed
	}
	n.answers = append(n.answers, installed, loaded)
	c.snapshots++
}

// takeSnapshot makes a snapshot of the state and drops the log before it, keeping some entries.
func (c *cluster) takeSnapshot(n *node) {
	if !n.awake() || n.core.incoming.asked {
		return
	}
	// Only what the core knows to be applied.
	index := n.core.apply.applied
	if index != n.index || index <= n.snapshot.Index || index > n.lastOnDisk() {
		return
	}
	e := c.committed[index-1]
	n.snapshot = SnapshotMeta{Position: e.position(), Configuration: n.configuration, Time: e.Time}
	image := binary.LittleEndian.AppendUint64(nil, n.digest)
	n.image = append(image, bytes.Repeat([]byte{byte(index)}, c.random.IntN(30))...)
	cut := index // keeps entries after cut
	if !c.calm {
		cut -= min(index, c.random.Uint64N(5))
	}
	if cut >= n.first {
		n.log = slices.Clone(n.log[cut-n.first+1:])
		n.first = cut + 1
	}
	c.step(n, SnapshotTaken{Meta: n.snapshot, FirstIndex: n.first})
}

// persist makes the oldest count writes of a node durable.
func (c *cluster) persist(n *node, count int) {
	if !n.awake() || len(n.writes) == 0 {
		return
	}
	count = min(count, len(n.writes))
	done := n.writes[:count]
	n.writes = n.writes[count:]
	for _, p := range done {
		n.save(p)
	}
	for _, p := range done {
		c.network = append(c.network, p.Then...)
	}
	c.step(n, Persisted{Seq: done[count-1].Seq})
}

// answer gives a node its driver's oldest answer.
func (c *cluster) answer(n *node) {
	if !n.awake() || len(n.answers) == 0 {
		return
	}
	in := n.answers[0]
	n.answers = n.answers[1:]
	c.step(n, in)
}

// deliver hands message i to its receiver, in fifo mode the first of the same pair.
func (c *cluster) deliver(i int) {
	if c.fifo {
		pair := c.network[i].Head()
		i = slices.IndexFunc(c.network, func(m Message) bool {
			return m.Head().From == pair.From && m.Head().To == pair.To
		})
	}
	m := c.network[i]
	if c.node(m.Head().To).paused {
		return
	}
	last := len(c.network) - 1
	if c.fifo {
		c.network = slices.Delete(c.network, i, i+1)
	} else {
		c.network[i] = c.network[last]
		c.network = c.network[:last]
	}
	env := m.Head()
	if c.cut[env.From-1][env.To-1] {
		return
	}
	c.step(c.node(env.To), c.received(m))
}

// received is a message with what its connection's handshake said.
func (c *cluster) received(m Message) Receive {
	in := Receive{Message: m}
	if c.disks {
		in.Instance = c.node(m.Head().From).instance
	}
	return in
}

func (c *cluster) leader() *node {
	var leader *node
	for _, n := range c.nodes {
		if n.core != nil && n.core.role == Leader && (leader == nil || n.core.term > leader.core.term) {
			leader = n
		}
	}
	return leader
}

func (c *cluster) propose(n *node) {
	if n == nil || !n.awake() {
		return
	}
	var commands [][]byte
	for range 1 + c.random.IntN(3) {
		c.proposals++
		commands = append(commands, fmt.Appendf(nil, "%d%s", c.proposals, bytes.Repeat([]byte{'.'}, c.random.IntN(40))))
	}
	c.step(n, Propose{Mono: c.mono(n), Commands: commands})
}
