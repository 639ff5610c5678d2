package node

import (
	"sync"

	"redoubt/node/replica"
	"redoubt/resp"
)

// Execute implements resp.Backend.
func (n *Node) Execute(b *resp.Batch) (done int) {
	q := n.requests.get()
	defer n.requests.put(q)
	done, ok := q.Begin(b)
	for !ok {
		<-q.woken
		done, ok = q.Resume()
	}
	return done
}

// NewTask implements resp.Starter.
func (n *Node) NewTask(woken func()) resp.Task { return n.replica.NewRequest(woken) }

// Hold implements resp.Starter.
func (n *Node) Hold() { n.raft.Hold() }

// Release implements resp.Starter.
func (n *Node) Release() { n.raft.Release() }

// Lull implements resp.Starter.
func (n *Node) Lull() bool { return n.raft.Lull() }

// request is a replica.Request that a goroutine waits for.
type request struct {
	*replica.Request
	woken chan struct{} // capacity 1: each wait is ended once
}

// requestPool keeps requests for reuse. One serves one connection at a time.
type requestPool struct {
	replica *replica.Replica
	pool    sync.Pool
}

func (p *requestPool) get() *request {
	if q, ok := p.pool.Get().(*request); ok {
		return q
	}
	q := &request{woken: make(chan struct{}, 1)}
	q.Request = p.replica.NewRequest(func() { q.woken <- struct{}{} })
	return q
}

func (p *requestPool) put(q *request) { p.pool.Put(q) }
