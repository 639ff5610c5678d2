package node

import (
	"time"

	"redoubt/fsm"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// Status implements resp.Backend.
func (n *Node) Status() resp.Status {
	status := n.replica.Status()
	status.Members = n.members()
	return status
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
			Role:       roleOf(m, configuration.Joint()),
			Connected:  m.ID == n.replica.ID() || n.network != nil && n.network.Connected(m.ID),
			MatchIndex: match[m.ID],
		})
	}
	return members
}

// roleOf returns a member's part; joint says that its configuration is the joint one of a change under way.
func roleOf(m core.Member, joint bool) resp.MemberRole {
	switch {
	case m.Voter && joint && !m.OldVoter:
		return resp.Joining
	case m.Voter:
		return resp.Voter
	case m.OldVoter:
		return resp.Leaving
	case m.Promote:
		return resp.Joining
	}
	return resp.Learner
}

// WAIT looks at the replicas' progress every waitInterval, and the longer it waits the more seldom, down to every
// maxWaitInterval: each look takes the loop's time, and a node that is down can make many clients wait for long.
const (
	waitInterval    = 2 * time.Millisecond
	maxWaitInterval = 64 * time.Millisecond
)

// WaitReplicas implements resp.Backend.
func (n *Node) WaitReplicas(replicas int, timeout time.Duration, cancel <-chan struct{}) int {
	target := n.replica.Index()
	var expired <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	pause := waitInterval
	look := time.NewTimer(pause)
	defer look.Stop()
	for {
		reached := 0
		for _, p := range n.raft.Progress() {
			if p.ID != n.replica.ID() && p.Match >= target {
				reached++
			}
		}
		if reached >= replicas {
			return reached
		}
		select {
		case <-look.C:
			pause = min(pause+pause/4, maxWaitInterval)
			look.Reset(pause)
		case <-expired:
			return reached
		case <-cancel:
			return reached
		case <-n.raft.Done():
			return reached
		}
	}
}

// BeginSnapshot implements resp.Backend.
func (n *Node) BeginSnapshot(schedule bool) (started bool, err error) {
	return n.replica.BeginSnapshot(schedule)
}

// CountKeysInSlot implements resp.SlotReader.
func (n *Node) CountKeysInSlot(slot int) int { return n.replica.CountKeysInSlot(slot) }

// KeysInSlot implements resp.SlotReader.
func (n *Node) KeysInSlot(slot, limit int, w *fsm.Writer) { n.replica.KeysInSlot(slot, limit, w) }
