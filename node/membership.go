package node

import (
	"context"
	"fmt"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

const (
	// changeRetry is the pause before a change that came at a bad moment is tried again, and changePatience how long
	// that goes on: the leader makes changes of its own, which take a commit each.
	changeRetry    = 50 * time.Millisecond
	changePatience = 5 * time.Second
)

// ChangeMembership implements resp.Backend.
func (n *Node) ChangeMembership(ctx context.Context, change resp.MemberChange) (id uint64, err error) {
	wanted := raft.Change{
		ID: raft.NodeID(change.ID), Address: change.Address, Instance: change.Instance, Promote: change.Promote,
	}
	switch change.Kind {
	case resp.AddMember:
		if n.network == nil {
			return 0, resp.ReplyError("ERR this node has no listener for other nodes")
		}
		wanted.Kind = core.AddMember
	case resp.PromoteMember:
		wanted.Kind = core.PromoteMember
	case resp.RemoveMember:
		wanted.Kind = core.RemoveMember
	case resp.MoveMember:
		wanted.Kind = core.MoveMember
	default:
		panic(fmt.Sprintf("BUG: node: unknown change %d of the membership", change.Kind))
	}
	limit := time.Now().Add(changePatience)
	for {
		result, err := n.askForChange(ctx, wanted)
		if err != nil {
			return 0, err
		}
		if !transient(result.Refusal) || time.Now().After(limit) {
			return uint64(result.Member), changeError(result)
		}
		select {
		case <-time.After(changeRetry):
		case <-ctx.Done():
			return 0, changeError(result) // nothing was done
		}
	}
}

// askForChange asks raft once and waits for the outcome.
func (n *Node) askForChange(ctx context.Context, change raft.Change) (raft.ChangeResult, error) {
	answer := make(chan raft.ChangeResult, 1)
	n.raft.ChangeMembership(change, func(result raft.ChangeResult) { answer <- result })
	select {
	case result := <-answer:
		return result, nil
	case <-ctx.Done():
		return raft.ChangeResult{}, resp.ErrUncertain
	}
}

// transient tells whether a change was refused for something that passes by itself.
func transient(refusal core.Refusal) bool {
	return refusal == core.ChangePending || refusal == core.Transferring || refusal == core.Forming
}

// changeError returns the reply to a change that was refused, or nil.
func changeError(result raft.ChangeResult) error {
	reply := func(format string, values ...any) error { return resp.ReplyError(fmt.Sprintf(format, values...)) }
	switch result.Refusal {
	case core.Accepted:
		return nil
	case core.Unknown:
		return resp.ErrUncertain
	case core.ChangePending:
		return reply("TRYAGAIN Another membership change is under way")
	case core.Transferring:
		return reply("TRYAGAIN Leadership is being transferred")
	case core.Forming:
		return reply("TRYAGAIN The cluster is forming: not all of its first nodes have been heard yet")
	case core.NotMember:
		return reply("ERR node %d is not a member", result.Member)
	case core.AlreadyMember:
		return reply("ERR node %d is a member already", result.Member)
	case core.IDUsed:
		return reply("ERR id %d was given to a node before; ids are never reused", result.Member)
	case core.NotCaughtUp:
		return reply("ERR node %d has not caught up", result.Member)
	case core.LastVoter:
		return reply("ERR node %d is the last one that votes", result.Member)
	case core.TooLarge:
		return reply("ERR the cluster has as many members as it can have")
	case core.NoMajority:
		return reply("ERR too few of the nodes that would vote were heard lately: the change could not commit")
	case core.Malformed:
		return reply("ERR the change makes no sense: an id or an address is missing or malformed")
	case core.NotLeader:
		return resp.ErrNotLeader
	default:
		return reply("ERR the change was refused (%d)", result.Refusal)
	}
}

// TransferLeadership implements resp.Backend.
func (n *Node) TransferLeadership(ctx context.Context, to uint64) error {
	successor := raft.NodeID(to)
	if n.raft.Standing().Role != core.Leader {
		return resp.ErrNotLeader
	}
	switch member, ok := n.raft.Configuration().Member(successor); {
	case !ok:
		return resp.ReplyError(fmt.Sprintf("ERR node %d is not a member", to))
	case !member.Voter:
		return resp.ReplyError(fmt.Sprintf("ERR node %d does not vote", to))
	}
	leader, err := n.transfer(ctx, successor)
	switch {
	case leader == successor:
		return nil
	case err != nil:
		return resp.ErrUncertain
	case leader == n.ID():
		return resp.ReplyError(fmt.Sprintf("ERR node %d did not take over in time", to))
	default:
		return resp.ReplyError(fmt.Sprintf("ERR node %d was elected instead", leader))
	}
}

// transfer hands leadership over and returns who leads in the end: this node, if the successor does not come up
// within two election timeouts. The error is that of ctx.
func (n *Node) transfer(ctx context.Context, successor raft.NodeID) (leader raft.NodeID, err error) {
	n.raft.TransferLeadership(successor)
	limit := time.After(2 * n.options.Election)
	for {
		changed := n.standing.next()
		standing := n.raft.Standing()
		if standing.Leader == successor || standing.Leader != core.None && standing.Role != core.Leader {
			return standing.Leader, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return core.None, ctx.Err()
		case <-limit:
			if standing.Role == core.Leader {
				n.raft.TransferLeadership(n.ID()) // takes it back
				return n.raft.Standing().Leader, nil
			}
			limit = nil // there will be a leader, or ctx ends
		case <-n.raft.Done():
			return core.None, raft.ErrStopped
		}
	}
}
