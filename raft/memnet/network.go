// Package memnet is a network in memory that misbehaves on request, for tests of whatever is built
// on redoubt/raft. One Network stands for the wire, and each Endpoint of it, which implements
// raft.Network, for the network card of one node:
//
//	net := memnet.New(seed)
//	defer net.Close()
//	for id := core.NodeID(1); id <= 3; id++ {
//		// hand net.Endpoint(id) to node id as its raft.Network
//	}
//	net.SetFaults(memnet.Faults{MaxDelay: 20 * time.Millisecond, Drop: 0.1})
//	net.Partition([]core.NodeID{1, 2}, []core.NodeID{3})
//	…
//	net.Heal()
//
// Every fault can be set and taken back while nodes run. To crash a node, stop it and close its
// endpoint, or just forget both: the next Endpoint of the same id takes its place, and the old one
// is cut off for good. A node that comes back after that is a restarted one.
//
// Each message is encoded and decoded again as on a real wire, for each copy that arrives: nodes
// share no memory through this network, and a test run with the race detector shows where they would.
//
// Delays are real time. What happens to the n-th message from one node to another (is it dropped,
// how long is it delayed, ...) follows from the seed, the two ids, n and the Faults of that moment
// alone. When the nodes run by real clocks, though, what they send differs from run to run.
package memnet

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"redoubt/raft/core"
	"redoubt/raft/wire"
)

// Faults are what the network does to messages. The zero value does nothing to them.
type Faults struct {
	// MinDelay and MaxDelay bound each message's time on its way, drawn evenly. Delays alone do not
	// reorder: a message waits for those before it.
	MinDelay, MaxDelay time.Duration
	// Drop is the probability that a message is lost.
	Drop float64
	// Duplicate is the probability that a message arrives twice, the second one up to ReorderDelay
	// after its usual time.
	Duplicate float64
	// Reorder is the probability that a message is held back by up to ReorderDelay while those behind it pass.
	Reorder float64
	// ReorderDelay is the longest extra delay of reordered messages and duplicates; zero means 10 ms.
	ReorderDelay time.Duration
}

const (
	// queueMessages and queueBytes limit what is on its way to one endpoint.
	queueMessages = 1 << 14
	queueBytes    = 256 << 20

	defaultReorderDelay = 10 * time.Millisecond
)

// Stats count what happened to messages since New.
type Stats struct {
	// Sent counts messages given to Send, and Delivered returned calls of receive, copies included.
	// A message that is neither delivered nor in one of the counts below is still on its way.
	Sent, Delivered uint64
	// SentBytes is the encoded length of the messages given to Send.
	SentBytes uint64
	// Dropped fell to Faults.Drop. Duplicated were sent once and put on their way twice.
	Dropped, Duplicated uint64
	// Unreachable were stopped by a partition, a cut, a disconnected or missing node, or the filter.
	Unreachable uint64
	// Overflowed did not fit into what may be on its way to one node.
	Overflowed uint64
}

// Network connects endpoints. Its methods may be called by several goroutines at once.
type Network struct {
	seed uint64

	mu     sync.Mutex
	faults Faults
	filter func(core.Message) bool
	// endpoints are those that stand for a node now; all are those that are not closed.
	endpoints map[core.NodeID]*Endpoint
	all       map[*Endpoint]struct{}
	links     map[direction]*link
	// groups says which side of the partition a node is on, 0 if none names it; nil without a partition.
	groups       map[core.NodeID]int
	cuts         map[direction]bool
	disconnected map[core.NodeID]bool
	// sequence numbers deliveries, so that those due at once keep their order.
	sequence uint64
	stats    Stats
	closed   bool

	// delivered is Stats.Delivered.
	delivered atomic.Uint64
}

// direction is a way from one node to another.
type direction struct{ from, to core.NodeID }

// link is the state of one direction.
type link struct {
	random *rand.Rand
	// last is when the last message that keeps its order is due.
	last time.Time
}

// New returns a network without faults and endpoints. The caller must Close it.
func New(seed uint64) *Network {
	return &Network{
		seed:         seed,
		endpoints:    make(map[core.NodeID]*Endpoint),
		all:          make(map[*Endpoint]struct{}),
		links:        make(map[direction]*link),
		cuts:         make(map[direction]bool),
		disconnected: make(map[core.NodeID]bool),
	}
}

// Endpoint returns a new endpoint for a node. If the node has one already, the new one takes its
// place, as after a crash: the old one sends and receives nothing from now on, and what was on its
// way to it is lost. Faults, partitions and Disconnect concern ids, so they hold for the new one too.
func (n *Network) Endpoint(id core.NodeID) *Endpoint {
	if id == core.None {
		panic("BUG: memnet: an endpoint for no node")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if old := n.endpoints[id]; old != nil {
		old.forget()
	}
	e := &Endpoint{net: n, id: id, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	if n.closed {
		e.closed = true
		return e
	}
	n.endpoints[id] = e
	n.all[e] = struct{}{}
	return e
}

// SetFaults replaces the faults for all messages sent from now on. SetFaults(Faults{}) takes them
// back. It panics on a probability outside of 0 to 1 and on delays that are negative or reversed.
func (n *Network) SetFaults(f Faults) {
	for _, p := range []float64{f.Drop, f.Duplicate, f.Reorder} {
		if !(p >= 0 && p <= 1) {
			panic(fmt.Sprintf("BUG: memnet: a probability of %v", p))
		}
	}
	if f.MinDelay < 0 || f.MaxDelay < f.MinDelay || f.ReorderDelay < 0 {
		panic(fmt.Sprintf("BUG: memnet: delays of %v to %v, reordering %v", f.MinDelay, f.MaxDelay, f.ReorderDelay))
	}
	if f.ReorderDelay == 0 {
		f.ReorderDelay = defaultReorderDelay
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = f
}

// SetFilter lets only those messages pass for which deliver returns true; nil takes the filter away.
// deliver is called by senders, several at once. It must neither change the message nor keep it,
// and must not call the Network.
func (n *Network) SetFilter(deliver func(core.Message) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.filter = deliver
}

// Partition lets messages pass only between nodes of the same group; the nodes that no group names
// are one more group. It replaces an earlier Partition, and messages that are on their way between
// groups are lost.
func (n *Network) Partition(groups ...[]core.NodeID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.groups = make(map[core.NodeID]int)
	for i, group := range groups {
		for _, id := range group {
			n.groups[id] = i + 1
		}
	}
}

// Cut stops messages in one direction, those on their way included. Cut both ways to separate two nodes.
func (n *Network) Cut(from, to core.NodeID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cuts[direction{from, to}] = true
}

// Heal takes Partition and every Cut back. Nodes that are disconnected stay so, and Faults stay set.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.groups = nil
	clear(n.cuts)
}

// Disconnect cuts a node off from all others, in both directions.
func (n *Network) Disconnect(id core.NodeID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.disconnected[id] = true
}

// Connect takes Disconnect back.
func (n *Network) Connect(id core.NodeID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.disconnected, id)
}

// Reachable says whether messages pass from one node to another, as far as Partition, Cut and
// Disconnect are concerned.
func (n *Network) Reachable(from, to core.NodeID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.reachable(direction{from, to})
}

func (n *Network) reachable(d direction) bool {
	switch {
	case d.from == d.to:
		return true
	case n.disconnected[d.from], n.disconnected[d.to], n.cuts[d]:
		return false
	}
	return n.groups[d.from] == n.groups[d.to]
}

// Stats returns the counts so far.
func (n *Network) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	stats := n.stats
	stats.Delivered = n.delivered.Load()
	return stats
}

// Close closes every endpoint, replaced ones included. No receive call runs after it returns. It
// must not be called by one.
func (n *Network) Close() error {
	n.mu.Lock()
	n.closed = true
	all := make([]*Endpoint, 0, len(n.all))
	for e := range n.all {
		all = append(all, e)
	}
	n.mu.Unlock()
	for _, e := range all {
		e.Close()
	}
	return nil
}

// send decides what becomes of a message, and puts it on its way. n.mu is held.
func (n *Network) send(d direction, message delivery, passes bool) {
	n.stats.Sent++
	n.stats.SentBytes += uint64(len(message.body))
	f := &n.faults
	l := n.link(d)
	// The same draws for every message, whatever becomes of it: a fault that is switched on or off
	// does not shift the fate of all messages behind.
	drop, duplicate, reorder := l.random.Float64() < f.Drop, l.random.Float64() < f.Duplicate, l.random.Float64() < f.Reorder
	delay := f.MinDelay + time.Duration(l.random.Float64()*float64(f.MaxDelay-f.MinDelay))
	held := time.Duration(l.random.Float64() * float64(f.ReorderDelay))
	again := time.Duration(l.random.Float64() * float64(f.ReorderDelay))

	to := n.endpoints[d.to]
	switch {
	case !passes || to == nil || !n.reachable(d):
		n.stats.Unreachable++
		return
	case drop:
		n.stats.Dropped++
		return
	}
	due := time.Now().Add(delay)
	if reorder {
		due = due.Add(held)
	} else {
		if due.Before(l.last) {
			due = l.last
		}
		l.last = due
	}
	message.due = due
	n.put(to, message)
	if duplicate {
		n.stats.Duplicated++
		message.due, message.body = due.Add(again), append([]byte(nil), message.body...)
		n.put(to, message)
	}
}

func (n *Network) link(d direction) *link {
	l := n.links[d]
	if l == nil {
		l = &link{random: rand.New(rand.NewPCG(n.seed, uint64(d.from)<<32^uint64(d.to)))}
		n.links[d] = l
	}
	return l
}

// put gives a delivery to its endpoint, if it fits. n.mu is held.
func (n *Network) put(to *Endpoint, d delivery) {
	if len(to.deliveries) >= queueMessages || len(to.deliveries) > 0 && to.bytes+len(d.body) > queueBytes {
		n.stats.Overflowed++
		return
	}
	n.sequence++
	d.sequence = n.sequence
	to.bytes += len(d.body)
	heap.Push(&to.deliveries, d)
	select {
	case to.wake <- struct{}{}:
	default:
	}
}

// take returns the next message that is due at e and its sender's instance, or how long to wait for it: -1 if there
// is none.
func (n *Network) take(e *Endpoint) (m core.Message, instance uint64, wait time.Duration) {
	n.mu.Lock()
	var body []byte
	for body == nil {
		if len(e.deliveries) == 0 {
			n.mu.Unlock()
			return nil, 0, -1
		}
		if wait := time.Until(e.deliveries[0].due); wait > 0 {
			n.mu.Unlock()
			return nil, 0, wait
		}
		d := heap.Pop(&e.deliveries).(delivery)
		e.bytes -= len(d.body)
		// A cable that is cut takes what is on it.
		if !n.reachable(direction{d.from, e.id}) {
			n.stats.Unreachable++
			continue
		}
		body, instance = d.body, d.instance
	}
	n.mu.Unlock()
	m, err := wire.DecodeMessage(body)
	if err != nil {
		panic(fmt.Sprintf("BUG: memnet: decoding what was encoded: %v", err))
	}
	return m, instance, 0
}
