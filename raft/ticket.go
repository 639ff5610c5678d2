package raft

import "redoubt/raft/core"

// Ticket follows a proposal on the node that made it. It comes back in ApplyMsg beside the committed entry,
// or is told that it never will.
type Ticket interface {
	// Dropped is called, at most once, if the entry will not come with this ticket: reason is
	// ErrUncertain if the command may yet be committed, any other error if it certainly was not. It is called by one
	// of the node's workers, or by Propose itself, and must not block.
	Dropped(reason error)
}

// Positioned is a Ticket that also wants to know where its entry stands as soon as it is in the leader's log.
type Positioned interface {
	Ticket
	// Appended is called from the node's loop and must not block.
	Appended(at core.Position)
}

// startTicket serves Start.
type startTicket struct{ answer chan core.Position }

func (t *startTicket) Appended(at core.Position) { t.answer <- at }

// Dropped answers Start if the proposal was refused; after Appended the buffer has been filled, and nobody asks.
func (t *startTicket) Dropped(error) {
	select {
	case t.answer <- core.Position{}:
	default:
	}
}

// ticketQueue holds the tickets of proposals that are in the log and not yet known to be committed,
// oldest first. It belongs to the loop.
type ticketQueue struct {
	queue []pendingTicket
	head  int
}

type pendingTicket struct {
	at     core.Position
	ticket Ticket
}

func (q *ticketQueue) push(at core.Position, t Ticket) {
	q.queue = append(q.queue, pendingTicket{at, t})
}

// take returns the ticket of the entry at a position, if one waits. Entries come in log order, so
// whatever waits for an earlier index was replaced by another leader's entry.
func (q *ticketQueue) take(at core.Position) Ticket {
	for q.head < len(q.queue) {
		front := q.queue[q.head]
		if front.at.Index > at.Index {
			return nil
		}
		q.queue[q.head] = pendingTicket{}
		q.head++
		q.shrink()
		if front.at == at {
			return front.ticket
		}
		front.ticket.Dropped(ErrUncertain)
	}
	return nil
}

// dropAll gives every ticket up: the node no longer learns what became of its proposals.
func (q *ticketQueue) dropAll(reason error) {
	for _, waiting := range q.queue[q.head:] {
		waiting.ticket.Dropped(reason)
	}
	clear(q.queue)
	q.queue, q.head = q.queue[:0], 0
}

// shrink moves the queue to the front of its array once half of it is spent.
func (q *ticketQueue) shrink() {
	if q.head == len(q.queue) {
		q.queue, q.head = q.queue[:0], 0
		return
	}
	if q.head > 1024 && q.head*2 > len(q.queue) {
		n := copy(q.queue, q.queue[q.head:])
		clear(q.queue[n:])
		q.queue, q.head = q.queue[:n], 0
	}
}
