package memnet

import (
	"container/heap"
	"errors"
	"fmt"
	"time"

	"redoubt/raft/core"
	"redoubt/raft/wire"
)

// Endpoint is one node's end of a Network. It implements raft.Network.
type Endpoint struct {
	net *Network
	id  core.NodeID
	// instance is the disk from which the node speaks.
	instance uint64
	// wake has room for one token, which says that a delivery came or that the endpoint was closed.
	wake chan struct{}
	// ended is closed when the delivering goroutine has returned.
	ended chan struct{}

	// What follows is guarded by net.mu.

	deliveries deliveries
	// bytes is the length of all bodies in deliveries.
	bytes           int
	started, closed bool
}

// WithInstance tells the peers from which disk the node speaks (see raft.WithInstance), and returns the endpoint. It
// must be called before Start. Without it the instance is zero: not told.
func (e *Endpoint) WithInstance(instance uint64) *Endpoint {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	e.instance = instance
	return e
}

// Start begins delivery: receive is called for each message that arrives, with its sender's instance, one call
// at a time, by one goroutine. It owns the message. What arrived before Start is kept for it, within limits.
func (e *Endpoint) Start(receive func(m core.Message, instance uint64)) error {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	if e.closed {
		return errors.New("memnet: Start after Close")
	}
	if e.started {
		return errors.New("memnet: started twice")
	}
	e.started = true
	go e.deliver(receive)
	return nil
}

// deliver runs until the endpoint is closed.
func (e *Endpoint) deliver(receive func(m core.Message, instance uint64)) {
	defer close(e.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !e.isClosed() {
		m, instance, wait := e.net.take(e)
		if m != nil {
			receive(m, instance)
			e.net.delivered.Add(1)
			continue
		}
		if wait < 0 {
			<-e.wake
			continue
		}
		timer.Reset(wait)
		select {
		case <-e.wake:
		case <-timer.C:
		}
	}
}

func (e *Endpoint) isClosed() bool {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	return e.closed
}

// Send puts messages on their way to Head().To. It never blocks, and keeps nothing of them. It
// panics if a message says that it is from another node.
func (e *Endpoint) Send(messages []core.Message) {
	e.net.mu.Lock()
	filter := e.net.filter
	e.net.mu.Unlock()
	for _, m := range messages {
		head := m.Head()
		if head.From != e.id {
			panic(fmt.Sprintf("BUG: memnet: node %d sends a %T of node %d", e.id, m, head.From))
		}
		passes := filter == nil || filter(m)
		body := wire.AppendMessage(make([]byte, 0, wire.SizeBound(m)), m)
		e.net.mu.Lock()
		// A closed or replaced endpoint is a dead node's.
		if e.net.endpoints[e.id] == e {
			e.net.send(direction{e.id, head.To}, delivery{from: e.id, instance: e.instance, body: body}, passes)
		}
		e.net.mu.Unlock()
	}
}

// Close takes the node off the network; what is on its way to it is lost. No receive call runs after
// it returns, and receive must not call it.
func (e *Endpoint) Close() error {
	e.net.mu.Lock()
	started := e.started
	if !e.closed {
		e.closed = true
		e.forget()
		delete(e.net.all, e)
		if e.net.endpoints[e.id] == e {
			delete(e.net.endpoints, e.id)
		}
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}
	e.net.mu.Unlock()
	if started {
		<-e.ended
	}
	return nil
}

// forget loses what is on its way to the endpoint. net.mu is held.
func (e *Endpoint) forget() {
	e.net.stats.Unreachable += uint64(len(e.deliveries))
	e.deliveries, e.bytes = nil, 0
}

// delivery is an encoded message on its way.
type delivery struct {
	due      time.Time
	sequence uint64
	from     core.NodeID
	instance uint64
	body     []byte
}

// deliveries is a heap by time, and by order of sending at the same time.
type deliveries []delivery

var _ heap.Interface = (*deliveries)(nil)

func (d deliveries) Len() int { return len(d) }
func (d deliveries) Less(i, j int) bool {
	if !d[i].due.Equal(d[j].due) {
		return d[i].due.Before(d[j].due)
	}
	return d[i].sequence < d[j].sequence
}
func (d deliveries) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *deliveries) Push(x any)   { *d = append(*d, x.(delivery)) }
func (d *deliveries) Pop() any {
	last := len(*d) - 1
	x := (*d)[last]
	(*d)[last] = delivery{}
	*d = (*d)[:last]
	return x
}
