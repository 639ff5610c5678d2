package node

import (
	"time"

	"redoubt/raft"
	"redoubt/resp"
)

// Status implements resp.Backend.
func (n *Node) Status() resp.Status {
	standing := n.raft.Standing()
	n.machine.RLock()
	stats, logTime := n.machine.Stats(), n.machine.LogTime()
	n.machine.RUnlock()
	return resp.Status{
		ClusterID:        n.options.ClusterID,
		NodeID:           uint64(n.options.ID),
		Role:             standing.Role.String(),
		Term:             standing.Term,
		LeaderID:         uint64(standing.Leader),
		CommitIndex:      standing.CommitIndex,
		AppliedIndex:     n.gate.applied.Load(),
		LastIndex:        standing.LastIndex,
		SnapshotIndex:    n.snapshots.index.Load(),
		Members:          n.members(),
		Keys:             stats.Keys,
		Expires:          stats.Expires,
		LogTime:          logTime,
		SnapshotRunning:  n.snapshots.running.Load(),
		LastSnapshotTime: n.snapshots.lastAt.Load(),
		LastSnapshotOK:   n.snapshots.lastOK.Load(),
		Loading:          n.loading(),
		ExpiredKeys:      stats.ExpiredKeys,
		DatasetBytes:     stats.DatasetBytes,
	}
}

// members describes every node of the configuration, as this node sees it.
func (n *Node) members() []resp.Member {
	match := make(map[raft.NodeID]uint64)
	for _, p := range n.raft.Progress() {
		match[p.ID] = p.Match
	}
	configuration := n.raft.Configuration()
	members := make([]resp.Member, 0, len(configuration.Members))
	for _, m := range configuration.Members {
		members = append(members, resp.Member{
			ID:         uint64(m.ID),
			Peer:       m.Address,
			Clients:    n.directory.all(m.ID),
			Voter:      m.Voter,
			Connected:  m.ID == n.options.ID || n.network != nil && n.network.Connected(m.ID),
			MatchIndex: match[m.ID],
		})
	}
	return members
}

// waitInterval is how often WAIT looks at the replicas' progress.
const waitInterval = 2 * time.Millisecond

// WaitReplicas implements resp.Backend.
func (n *Node) WaitReplicas(replicas int, timeout time.Duration, cancel <-chan struct{}) int {
	target := n.gate.applied.Load()
	var expired <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	ticker := time.NewTicker(waitInterval)
	defer ticker.Stop()
	for {
		reached := 0
		for _, p := range n.raft.Progress() {
			if p.ID != n.options.ID && p.Match >= target {
				reached++
			}
		}
		if reached >= replicas {
			return reached
		}
		select {
		case <-ticker.C:
		case <-expired:
			return reached
		case <-cancel:
			return reached
		case <-n.raft.Done():
			return reached
		}
	}
}

// CountKeysInSlot implements resp.SlotReader.
func (n *Node) CountKeysInSlot(slot int) int {
	n.machine.RLock()
	defer n.machine.RUnlock()
	return n.machine.CountKeysInSlot(slot)
}

// KeysInSlot implements resp.SlotReader.
func (n *Node) KeysInSlot(slot, limit int) [][]byte {
	n.machine.RLock()
	defer n.machine.RUnlock()
	return n.machine.KeysInSlot(slot, limit)
}
