package raft

import "redoubt/raft/core"

// readQueue is bounded by the core: one request for each peer and one for the state machine.
type readQueue = queue[readJob]

// readJob is a request for old entries or for a piece of a snapshot.
type readJob struct {
	log      *core.ReadLog
	snapshot *core.ReadSnapshot
}

// readDisk reads something that the core no longer holds in memory, beside the writes.
func (r *Raft) readDisk() {
	jobs := r.reads.waiting()
	if len(jobs) == 0 {
		return
	}
	var err error
	if job := jobs[0]; job.log != nil {
		err = r.readLog(*job.log)
	} else {
		err = r.readSnapshot(*job.snapshot)
	}
	if err != nil {
		r.fail(err) // a damaged log is noticed, never passed on
		return
	}
	r.reads.done(1)
}

func (r *Raft) readLog(request core.ReadLog) error {
	prevTerm, entries, err := r.persister.Entries(request.From, request.To, request.MaxBytes)
	if err != nil {
		return err
	}
	r.inbox.addInput(core.LogRead{Request: request, PrevTerm: prevTerm, Entries: entries})
	r.hurry()
	return nil
}

func (r *Raft) readSnapshot(request core.ReadSnapshot) error {
	meta, size, data, err := r.persister.ReadSnapshot(request.Index, request.Offset, request.MaxBytes)
	if err != nil {
		return err
	}
	r.inbox.addInput(core.SnapshotRead{Request: request, Meta: meta, Size: size, Data: data})
	r.hurry()
	return nil
}
