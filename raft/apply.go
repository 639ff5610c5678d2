package raft

import "slices"

// ApplyMsg is what a node hands to its service, in log order: a batch of committed entries, or a snapshot to load.
type ApplyMsg struct {
	// Entries are consecutive committed entries of all kinds. Those of kind EntryCommand are the
	// service's; the others only move the index and the log time.
	Entries []Committed
	// Snapshot, when not nil, asks the service to replace its state with the persister's snapshot
	// at Snapshot.Index; for elections meanwhile see Make. If the persister has a newer one by then, the service loads that one instead, and
	// passes over whatever comes after it that its state covers already.
	Snapshot *SnapshotMeta
}

// last returns the index that the service has applied when it has taken the message in.
func (m *ApplyMsg) last() uint64 {
	if m.Snapshot != nil {
		return m.Snapshot.Index
	}
	return m.Entries[len(m.Entries)-1].Index
}

// Committed is an entry that every node will apply at the same index.
type Committed struct {
	Entry
	// Ticket is what Propose was given, if the entry was proposed on this node in this leadership; else nil.
	Ticket Ticket
}

// applyQueue is bounded by the core's limits on what is proposed and not yet applied.
type applyQueue = queue[applyJob]

type applyJob struct {
	entries  []Committed
	snapshot *SnapshotMeta
}

// channelDelivery delivers to a channel, until the node stops.
func (r *Raft) channelDelivery(applyCh chan<- ApplyMsg) func(ApplyMsg) bool {
	return func(message ApplyMsg) bool {
		select {
		case applyCh <- message:
			return true
		case <-r.stopping:
			return false
		}
	}
}

// functionDelivery delivers by a call.
func functionDelivery(apply func(ApplyMsg)) func(ApplyMsg) bool {
	return func(message ApplyMsg) bool {
		apply(message)
		return true
	}
}

// deliver hands the oldest message over, so that a slow service never holds up the loop.
func (r *Raft) deliver() {
	r.gather()
	if len(r.undelivered) == 0 {
		return
	}
	message := r.undelivered[0]
	if !r.delivery(message) {
		return // the node stops, and drops it
	}
	r.undelivered[0] = ApplyMsg{}
	r.undelivered = r.undelivered[1:]
	r.inbox.addApplied(message.last())
	r.hurry()
	if len(r.undelivered) > 0 {
		r.bells[ApplyWorker].ring()
	}
}

// gather turns waiting jobs into as few messages as their order allows.
func (r *Raft) gather() {
	jobs := r.applies.waiting()
	for _, job := range jobs {
		last := len(r.undelivered) - 1
		switch {
		case job.snapshot != nil:
			r.supersede()
			r.undelivered = append(r.undelivered, ApplyMsg{Snapshot: job.snapshot})
		case last >= 0 && r.undelivered[last].Snapshot == nil:
			r.undelivered[last].Entries = append(r.undelivered[last].Entries, job.entries...)
		default:
			r.undelivered = append(r.undelivered, ApplyMsg{Entries: job.entries})
		}
	}
	r.applies.done(len(jobs))
}

// supersede drops a snapshot that still waits, and what follows it, for a newer one: the persister keeps only the
// newest few, so the older one may be gone when a slow service comes for it.
func (r *Raft) supersede() {
	at := slices.IndexFunc(r.undelivered, func(m ApplyMsg) bool { return m.Snapshot != nil })
	if at < 0 {
		return
	}
	dropTickets(r.undelivered[at:])
	clear(r.undelivered[at:])
	r.undelivered = r.undelivered[:at]
}

// dropUndelivered tells waiting proposers that the node stopped first. No worker runs any more.
func (r *Raft) dropUndelivered() {
	r.gather()
	dropTickets(r.undelivered)
	r.undelivered = nil
}

// dropTickets gives up the tickets of entries that are committed and will not be delivered.
func dropTickets(messages []ApplyMsg) {
	for _, message := range messages {
		for _, c := range message.Entries {
			if c.Ticket != nil {
				c.Ticket.Dropped(ErrUncertain)
			}
		}
	}
}
