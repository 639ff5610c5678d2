package raft

// ApplyMsg is what a node hands to its service, in log order: a batch of committed entries, or a snapshot to load.
type ApplyMsg struct {
	// Entries are consecutive committed entries of all kinds. Those of kind EntryCommand are the
	// service's; the others only move the index and the log time.
	Entries []Committed
	// Snapshot, when not nil, asks the service to replace its state with the persister's snapshot
	// at Snapshot.Index.
	Snapshot *SnapshotMeta
}

// Committed is an entry that every node will apply at the same index.
type Committed struct {
	Entry
	// Ticket is what Propose was given, if the entry was proposed on this node in this leadership; else nil.
	Ticket Ticket
}

// applyQueue is bounded by the core's limits on what is proposed and not yet applied.
type applyQueue = queue[applyJob]

func newApplyQueue() *applyQueue { return newQueue[applyJob]() }

type applyJob struct {
	entries  []Committed
	snapshot *SnapshotMeta
}

// runApply delivers to applyCh, so that a slow service never holds up the loop.
func (r *Raft) runApply(applyCh chan<- ApplyMsg) {
	defer r.workers.Done()
	var jobs []applyJob
	for {
		jobs = r.applies.take(jobs)
		if jobs == nil {
			return
		}
		messages := mergeApplyJobs(jobs)
		for i, message := range messages {
			select {
			case applyCh <- message:
			case <-r.stopping:
				dropUndelivered(messages[i:])
				return
			}
			if n := len(message.Entries); n > 0 {
				r.inbox.addApplied(message.Entries[n-1].Index)
			}
		}
	}
}

// mergeApplyJobs turns waiting jobs into as few messages as their order allows.
func mergeApplyJobs(jobs []applyJob) []ApplyMsg {
	var messages []ApplyMsg
	for _, job := range jobs {
		last := len(messages) - 1
		switch {
		case job.snapshot != nil:
			messages = append(messages, ApplyMsg{Snapshot: job.snapshot})
		case last >= 0 && messages[last].Snapshot == nil:
			messages[last].Entries = append(messages[last].Entries, job.entries...)
		default:
			messages = append(messages, ApplyMsg{Entries: job.entries})
		}
	}
	return messages
}

// dropUndelivered tells waiting proposers that the node stopped first.
func dropUndelivered(messages []ApplyMsg) {
	for _, message := range messages {
		for _, c := range message.Entries {
			if c.Ticket != nil {
				c.Ticket.Dropped(ErrUncertain)
			}
		}
	}
}
