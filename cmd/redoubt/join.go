package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"redoubt/conf"
	"redoubt/internal/vfs"
	"redoubt/node"
	"redoubt/node/replica"
	"redoubt/raft"
)

const (
	// joinPause is how long a node that was not taken in waits before it asks again, and movedPause before it asks whom
	// it was sent to: nodes can send it to each other while leadership moves.
	joinPause  = time.Second
	movedPause = 100 * time.Millisecond
)

// settle makes the settings those of the node that the data directory belongs to. A new directory whose node is to join
// a cluster is taken in first, however long that takes.
func settle(ctx context.Context, config *conf.Config, logger *slog.Logger) error {
	identity, err := replica.Identify(vfs.NewOS(), config.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(config.Join) > 0:
		return join(ctx, config, logger)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	if len(config.Join) > 0 {
		logger.Info("ignoring --join: the data directory is a member's", "node", identity.NodeID, "dir", config.Dir)
	}
	if !config.NodeIDGiven {
		config.NodeID = uint64(identity.NodeID)
	}
	named := slices.ContainsFunc(config.Peers, func(p conf.Peer) bool { return p.ID == config.NodeID })
	if identity.Joined || !named {
		config.Peers = nil // its log knows the members
	}
	return nil
}

// join has a cluster take a new directory in. It may be interrupted at any time, and then goes on where it was.
func join(ctx context.Context, config *conf.Config, logger *slog.Logger) error {
	joining, err := node.BeginJoin(vfs.NewOS(), config.Dir, config.ClusterID)
	if err != nil {
		return err
	}
	given, err := apply(ctx, application{config: config, instance: joining.Instance()}, logger)
	if err == nil {
		err = joining.Complete(raft.NodeID(given.id), given.peers)
	}
	if err := errors.Join(err, joining.Close()); err != nil {
		return err
	}
	config.NodeID = given.id
	logger.Info("taken in", "node", given.id, "cluster", config.ClusterID, "dir", config.Dir)
	return nil
}

// apply asks the members in turn, or whom they name as their leader, until one takes this node in or says that none will.
func apply(ctx context.Context, a application, logger *slog.Logger) (membership, error) {
	address := ""
	for turn := 0; ; {
		if address == "" {
			address = a.config.Join[turn%len(a.config.Join)]
			turn++
		}
		logger.Info("asking to be taken in", "member", address)
		given, err := a.ask(ctx, address)
		pause := joinPause
		var moved movedError
		var final finalError
		switch {
		case err == nil:
			return given, nil
		case errors.As(err, &final):
			return membership{}, fmt.Errorf("%s does not take this node in: %w", address, err)
		case errors.As(err, &moved):
			address, pause = moved.leader, movedPause
		default:
			logger.Warn("not taken in yet, asking again", "member", address, "reason", err, "in", pause)
			address = ""
		}
		select {
		case <-ctx.Done():
			return membership{}, errors.New("stopped before the cluster took this node in; start it again to go on")
		case <-time.After(pause):
		}
	}
}
