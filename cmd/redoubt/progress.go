package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"redoubt/node"
	"redoubt/resp"
)

// progressInterval is how often a node that does not vote yet looks how far it is.
const progressInterval = 2 * time.Second

// reportProgress logs how far a node has caught up, until it votes or ctx ends. A node that votes already says nothing.
func reportProgress(ctx context.Context, n *node.Node, logger *slog.Logger) {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	said := ""
	for {
		status := n.Status()
		role := ownRole(status)
		if role == resp.Voter {
			if said != "" {
				logger.Info("caught up: this node votes now", "node", status.NodeID)
			}
			return
		}
		if text := describeProgress(ctx, status, role); text != said {
			logger.Info(text, "node", status.NodeID)
			said = text
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// ownRole returns the node's role as far as it knows: a new member's log does not name it yet.
func ownRole(status resp.Status) resp.MemberRole {
	for _, m := range status.Members {
		if m.ID == status.NodeID {
			return m.Role
		}
	}
	return resp.Joining
}

// describeProgress says how far the node has caught up, by what the leader knows.
func describeProgress(ctx context.Context, status resp.Status, role resp.MemberRole) string {
	at := slices.IndexFunc(status.Members, func(m resp.Member) bool { return m.ID == status.LeaderID && len(m.Clients) > 0 })
	if at < 0 {
		return "catching up: waiting for the leader"
	}
	ctx, cancel := context.WithTimeout(ctx, progressInterval)
	defer cancel()
	leader := dialMember(status.Members[at].Clients[0])
	defer leader.Close()
	reply, err := leader.Do(ctx, "RAFT", "NODES").Result()
	if err != nil {
		return "catching up: the leader does not say how far"
	}
	var own, whole int64
	for _, row := range parseMembers(reply) {
		if row.leader {
			whole = row.match
		}
		if row.id == int64(status.NodeID) {
			own = row.match
		}
	}
	percent := min(100, 100*own/max(whole, 1))
	if role == resp.Learner && percent == 100 {
		return "caught up: this node is a learner until RAFT PROMOTE"
	}
	return fmt.Sprintf("catching up: %d %%", percent)
}
