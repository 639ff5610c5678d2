package raft

import (
	"errors"
	"fmt"
	"time"

	"redoubt/raft/core"
)

// diskQueue is bounded by the core: by uncommitted bytes on a leader, by the leader's window on a follower.
type diskQueue = queue[diskJob]

// diskJob is one of: an increment to persist, a piece of a snapshot, a snapshot to install, a
// snapshot of our own after which the log may be cut.
type diskJob struct {
	persist *core.Persist
	piece   *core.WriteSnapshot
	install *core.InstallSnapshot
	compact *SnapshotMeta
}

// writeDisk does the next job, or the next few that can share one sync. A failure is final (P7): nothing is
// acknowledged after it. A full disk is tried again.
func (r *Raft) writeDisk() (again time.Duration) {
	jobs := r.disk.waiting()
	if len(jobs) == 0 {
		return 0
	}
	done, err := r.doDiskJobs(jobs)
	switch {
	case jobs[0].persist != nil && errors.Is(err, ErrDiskFull):
		return fullRetryInterval
	case err != nil:
		r.fail(err)
		return 0
	}
	r.disk.done(done)
	return 0
}

// doDiskJobs does the first job, or the first few if they can share one sync, and returns how many.
func (r *Raft) doDiskJobs(jobs []diskJob) (done int, err error) {
	switch job := jobs[0]; {
	case job.persist != nil:
		return r.persist(jobs)
	case job.piece != nil:
		if err := r.persister.WriteSnapshot(*job.piece); err != nil {
			// Not final: the piece is lost, and so the image will be refused and sent anew.
			r.log.Warn("raft could not keep a piece of a snapshot", "error", err)
		}
	case job.install != nil:
		return 1, r.install(*job.install)
	case job.compact != nil:
		return 1, r.compact(*job.compact)
	}
	return 1, nil
}

// persist merges consecutive increments into one write and one sync, then lets go what waited for it.
func (r *Raft) persist(jobs []diskJob) (done int, err error) {
	var last *core.Persist
	var sync bool
	entries, bytes := r.gathered[:0], 0
	for _, job := range jobs {
		p := job.persist
		if p == nil || (len(entries) > 0 && len(p.Entries) > 0 && p.Entries[0].Index != entries[len(entries)-1].Index+1) {
			break // something else comes first, or the increment replaces part of what we gathered
		}
		for i := range p.Entries {
			bytes += len(p.Entries[i].Data)
		}
		if done > 0 && bytes > maxGatheredBytes {
			break
		}
		entries = append(entries, p.Entries...)
		sync = sync || p.Sync
		last = p
		done++
	}
	err = r.save(last.HardState, entries, sync)
	clear(entries)
	if cap(entries) <= maxGathered {
		r.gathered = entries[:0]
	}
	if err != nil {
		return 0, fmt.Errorf("raft: save: %w", err)
	}
	for _, job := range jobs[:done] {
		r.send(job.persist.Then)
	}
	r.inbox.addPersisted(last.Seq)
	r.hurry()
	return done, nil
}

const (
	// maxGathered bounds the scratch space that the disk worker keeps, in entries.
	maxGathered = 16 << 10
	// maxGatheredBytes bounds what is merged into one write: a persister may hold it in memory twice, and
	// may refuse a write beyond some size. One increment may be larger.
	maxGatheredBytes = 64 << 20
)

// fullRetryInterval is how often a full disk is tried again.
const fullRetryInterval = 100 * time.Millisecond

// save writes an increment. While the disk is full it is tried again: new proposals are refused meanwhile, reads
// and heartbeats go on, and what is under way completes when there is room. A leader that falls behind its own
// commit index by that can serve nobody, and is taken for one whose disk hangs.
func (r *Raft) save(state core.HardState, entries []core.Entry, sync bool) error {
	err := r.persister.Save(state, entries, sync)
	if !errors.Is(err, ErrDiskFull) {
		if r.diskFull.Swap(false) {
			r.log.Info("raft: there is room for the log again")
		}
		return err
	}
	if !r.diskFull.Swap(true) {
		r.log.Error("raft: the disk is full; writes are refused", "error", err)
	}
	// Once others have committed what there is no room for here, silence lets one of them lead.
	if len(entries) == 0 || entries[0].Index > r.standing.Load().CommitIndex {
		r.inbox.addInput(core.DiskFull{})
		r.hurry()
	}
	return err
}

// install makes an incoming snapshot durable and queues it for the state machine before the core lets
// any later entry follow.
func (r *Raft) install(install core.InstallSnapshot) error {
	ok, err := r.persister.InstallSnapshot(install)
	if err != nil {
		return fmt.Errorf("raft: install snapshot at index %d: %w", install.Meta.Index, err)
	}
	if ok {
		r.applies.push(applyJob{snapshot: &install.Meta})
	} else {
		r.log.Warn("raft refused a damaged snapshot", "index", install.Meta.Index)
	}
	r.inbox.addInput(core.SnapshotInstalled{Index: install.Meta.Index, OK: ok})
	r.hurry()
	return nil
}

func (r *Raft) compact(meta SnapshotMeta) error {
	first, err := r.persister.Compact(meta.Index)
	if err != nil {
		return fmt.Errorf("raft: compact to index %d: %w", meta.Index, err)
	}
	// The service has applied what it took a snapshot of, even if the deliverer has not yet said so. Told in
	// this order: a snapshot that was installed just now comes before both.
	r.inbox.addInput(core.Applied{Index: meta.Index})
	r.inbox.addInput(core.SnapshotTaken{Meta: meta, FirstIndex: first})
	r.hurry()
	return nil
}
