package sim

import (
	"maps"
	"slices"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/raft/wire"
)

// network carries the bytes of messages between machines, and loses, delays, reorders, repeats and cuts as the
// plan and the nemesis have it. Messages cross it encoded: nothing is shared between nodes, and the codec is in the path.
type network struct {
	w      *world
	random random
	// links are the ways from one machine to another, by number.
	links [][]link
	// healed: no faults any more.
	healed bool
}

// link is one way between two machines.
type link struct {
	// cut: nothing passes.
	cut bool
	// loss is added to that of the plan.
	loss float64
	// free is when the link has sent what it was given, if its bandwidth is bounded, and last when the newest
	// message arrives, if it keeps the order.
	free, last time.Duration
}

// maxBacklog bounds what waits for a link of bounded bandwidth, in time: more is dropped, as from a full queue.
const maxBacklog = time.Second

func (n *network) init(w *world) {
	n.w = w
	n.random = newRandom(w.seed, drawsNetwork)
}

// grow makes room for one more machine.
func (n *network) grow() {
	for i := range n.links {
		n.links[i] = append(n.links[i], link{})
	}
	n.links = append(n.links, make([]link, len(n.links)+1))
}

// parcel is a message under way.
type parcel struct {
	from, to *machine
	// instance and address are what the sender's handshake said of it, and id whom it was meant for.
	instance uint64
	address  string
	id       raft.NodeID
	body     []byte
}

// send puts a message on its way.
func (n *network) send(p parcel) {
	l := &n.links[p.from.number][p.to.number]
	if l.cut {
		return
	}
	plan := &n.w.plan.network
	if n.healed {
		n.carry(l, p, n.random.duration(plan.delayMin, plan.delayMax))
		return
	}
	if n.random.chance(plan.loss + l.loss) {
		return
	}
	delay := n.random.duration(plan.delayMin, plan.delayMax)
	if n.random.chance(plan.slow) {
		delay += n.random.duration(0, plan.slowMax)
	}
	n.carry(l, p, delay)
	if n.random.chance(plan.duplicate) {
		n.carry(l, p, delay+n.random.duration(0, 4*plan.delayMax))
	}
	if n.random.chance(plan.stale) {
		n.carry(&link{}, p, n.random.duration(500*time.Millisecond, 5*time.Second))
	}
}

// damage inverts a bit of a piece of a snapshot now and then, where no sum of the connection is made yet.
func (n *network) damage(m core.Message) core.Message {
	chunk, ok := m.(core.SnapshotChunk)
	if !ok || n.healed || !n.random.chance(n.w.plan.network.damage) {
		return m
	}
	return n.w.check.damage(chunk, n.random)
}

// carry delivers a message after a delay, later if the link is busy or keeps its order.
func (n *network) carry(l *link, p parcel, delay time.Duration) {
	at := n.w.now
	if rate := n.w.plan.network.bytesPerSecond; rate > 0 && !n.healed {
		if l.free-at > maxBacklog {
			return
		}
		l.free = max(l.free, at) + time.Duration(len(p.body))*time.Second/time.Duration(rate)
		at = l.free
	}
	at += delay
	if n.w.plan.network.ordered {
		at = max(at, l.last)
		l.last = at
	}
	n.w.queue.push(at, func() { n.deliver(p) })
}

// deliver hands a message to whoever listens at the address now, as a connection's handshake would: another node than
// the one that was meant is not spoken to.
func (n *network) deliver(p parcel) {
	to := p.to.process
	if to == nil || to.id != p.id || to.deaf() || n.links[p.from.number][p.to.number].cut {
		return
	}
	to.do(func() {
		m, err := wire.DecodeMessage(p.body)
		if err != nil {
			n.w.violate(p.to.name(), "a message that was sent cannot be decoded: %v", err)
			return
		}
		if n.w.plan.admit && to.replica.Admit(m.Head().From, p.instance) != nil {
			return
		}
		to.endpoint.heardFrom[m.Head().From] = p.address
		to.witness.delivered(to, m, p.instance)
		n.w.check.heard(to, m)
		to.endpoint.receive(m, p.instance)
	})
}

// endpoint is one process's place in the network. It implements raft.MembershipNetwork.
type endpoint struct {
	p *process
	// addresses are where the process believes the others to be. heardFrom is where those speak from of whom the
	// configuration does not tell: a new leader may be one.
	addresses, heardFrom map[raft.NodeID]string
	receive              func(core.Message, uint64)
}

// Start implements raft.Network.
func (e *endpoint) Start(receive func(core.Message, uint64)) error {
	e.receive = receive
	return nil
}

// Send implements raft.Network.
func (e *endpoint) Send(messages []core.Message) {
	if e.p.dead {
		return
	}
	w := e.p.m.w
	for _, m := range messages {
		w.check.sent(e.p, m)
		to := e.dial(m.Head().To)
		if to == nil {
			continue
		}
		m = w.network.damage(m)
		body := wire.AppendMessage(make([]byte, 0, wire.SizeBound(m)), m)
		if _, ok := m.(core.TimeoutNow); ok {
			defer w.nemesis.saidToTakeOver(e.p.m, to)
		}
		if request, ok := m.(core.VoteRequest); ok && request.Transfer {
			w.nemesis.stood(e.p.m)
		}
		w.network.send(parcel{from: e.p.m, to: to, instance: e.p.instance, address: e.p.m.address, id: m.Head().To, body: body})
	}
}

// dial returns the machine at which a node answers: where the configuration says, or else where it was heard from, for the
// configuration may be older than the node's latest move.
func (e *endpoint) dial(id raft.NodeID) *machine {
	for _, address := range []string{e.addresses[id], e.heardFrom[id]} {
		if m := e.p.m.w.machineAt(address); m != nil && m.id == id {
			return m
		}
	}
	return nil
}

// connect renews the connections to all peers, as a node does that has nothing to say, too: the handshake tells them where it is.
// Without it nobody would find a learner that has moved while its leader was down.
func (e *endpoint) connect() {
	for _, id := range slices.Sorted(maps.Keys(e.addresses)) {
		m := e.dial(id)
		if m == nil || m == e.p.m || !m.up() || m.process.paused || e.p.m.w.network.links[e.p.m.number][m.number].cut {
			continue
		}
		if to := m.process; !e.p.m.w.plan.admit || to.replica.Admit(e.p.id, e.p.instance) == nil {
			to.endpoint.heardFrom[e.p.id] = e.p.m.address
		}
	}
}

// SetMembers implements raft.MembershipNetwork.
func (e *endpoint) SetMembers(members []core.Member) {
	clear(e.addresses)
	for _, member := range members {
		e.addresses[member.ID] = member.Address
	}
}

// Close implements raft.Network.
func (e *endpoint) Close() error { return nil }

// cut cuts or heals one way between two machines.
func (n *network) cut(from, to *machine, cut bool) { n.links[from.number][to.number].cut = cut }

// mend ends every cut and every loss that was added.
func (n *network) mend() {
	for i := range n.links {
		clear(n.links[i])
	}
}

// heal mends the network for good.
func (n *network) heal() {
	n.mend()
	n.healed = true
}
