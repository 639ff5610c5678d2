package replica

import (
	"redoubt/fsm"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// ID returns the replica's id, which is its directory's.
func (r *Replica) ID() raft.NodeID { return r.storage.identity.NodeID }

// Instance returns the identity of the data directory.
func (r *Replica) Instance() uint64 { return r.storage.identity.Instance }

// Identity returns what the data directory says of itself.
func (r *Replica) Identity() Identity { return r.storage.identity }

// MaxEntryBytes returns the bound on one log entry.
func (r *Replica) MaxEntryBytes() int { return r.options.MaxEntryBytes }

// Index returns the index of the last entry that is applied and may be read.
func (r *Replica) Index() uint64 { return r.gate.applied.Load() }

// FirstIndex returns the first index that the log on disk holds, or will hold next.
func (r *Replica) FirstIndex() uint64 { return r.storage.log.First() }

// WaitingReads returns how many confirmed reads wait for the state machine.
func (r *Replica) WaitingReads() int { return r.gate.len() }

// Configuration returns the membership as of the last applied entry. It must not be changed.
func (r *Replica) Configuration() core.Configuration { return *r.configuration.Load() }

// LogTime returns log time in milliseconds since the Unix epoch.
func (r *Replica) LogTime() int64 {
	r.machine.RLock()
	defer r.machine.RUnlock()
	return r.machine.LogTime()
}

// NextDeadline returns the earliest deadline that the state holds, in milliseconds since the Unix epoch, or math.MaxInt64.
func (r *Replica) NextDeadline() int64 {
	r.machine.RLock()
	defer r.machine.RUnlock()
	return r.machine.NextDeadline()
}

// Digest returns the digest of the state and the index it stands at. It takes long.
func (r *Replica) Digest() (index uint64, digest [32]byte) {
	r.machine.Lock()
	defer r.machine.Unlock()
	return r.machine.Index(), r.machine.Digest()
}

// Status returns the replica's standing, without the members, who are the network's to know.
func (r *Replica) Status() resp.Status {
	standing := r.raft.Load().Standing()
	r.machine.RLock()
	stats, logTime := r.machine.Stats(), r.machine.LogTime()
	r.machine.RUnlock()
	return resp.Status{
		ClusterID:        r.options.ClusterID,
		NodeID:           uint64(r.ID()),
		Role:             standing.Role.String(),
		Term:             standing.Term,
		LeaderID:         uint64(standing.Leader),
		CommitIndex:      standing.CommitIndex,
		AppliedIndex:     r.Index(),
		LastIndex:        standing.LastIndex,
		SnapshotIndex:    r.snapshots.index.Load(),
		Keys:             stats.Keys,
		Expires:          stats.Expires,
		LogTime:          logTime,
		SnapshotRunning:  r.snapshots.busy(),
		LastSnapshotTime: r.snapshots.lastAt.Load(),
		LastSnapshotOK:   r.snapshots.lastOK.Load(),
		Loading:          r.loading(),
		ExpiredKeys:      stats.ExpiredKeys,
		DatasetBytes:     stats.DatasetBytes,
		Sessions:         stats.Sessions,
		ForwardedReads:   r.forwardedReads.Load(),
	}
}

// CountKeysInSlot implements resp.SlotReader.
func (r *Replica) CountKeysInSlot(slot int) int {
	r.machine.RLock()
	defer r.machine.RUnlock()
	return r.machine.CountKeysInSlot(slot)
}

// KeysInSlot implements resp.SlotReader.
func (r *Replica) KeysInSlot(slot, limit int, w *fsm.Writer) {
	r.machine.RLock()
	defer r.machine.RUnlock()
	r.machine.KeysInSlot(slot, limit, w)
}
