package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"redoubt/conf"
	"redoubt/internal/vfs"
	"redoubt/node"
	"redoubt/raft"
	"redoubt/resp"
)

// politeness bounds how long a server hands over and finishes commands before it ends.
const politeness = 10 * time.Second

func serverCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run one node",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := conf.Load(cmd.Flags())
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second signal ends the process at once
			return serve(ctx, config)
		},
	}
	conf.Flags(cmd.Flags())
	return cmd
}

// serve runs a node until ctx ends, a client asks for SHUTDOWN, or the node cannot go on.
func serve(ctx context.Context, config conf.Config) error {
	ctx, shutdown := context.WithCancel(ctx)
	defer shutdown()
	logger := newLogger(config)
	if err := settle(ctx, &config, logger); err != nil {
		return err
	}
	options, err := nodeOptions(config, logger, shutdown)
	if err != nil {
		return err
	}
	p := processorsOfProcess(config.Processors)
	options.HeavyWork = p.heavyWork
	n, err := node.Start(options)
	if err != nil {
		return errors.Join(err, closeListeners(options))
	}
	logger.Info("ready to accept connections", "node", config.NodeID, "clients", announced(config),
		"peers", config.PeerListen, "dir", config.Dir, "pid", os.Getpid(), "processors", p.usual)
	go limitOnceLoaded(ctx, n, p)
	go reportProgress(ctx, n, logger)
	if err := n.Wait(ctx); errors.Is(err, node.ErrRefused) {
		return fmt.Errorf("%w; to take part again it must join anew, with --join and an empty directory", err)
	} else if err != nil {
		// Nothing more may be acknowledged, so there is nobody to be polite to.
		return fatalError{err}
	}
	logger.Info("stopping")
	polite, cancel := context.WithTimeout(context.Background(), politeness)
	defer cancel()
	return n.Stop(polite)
}

func newLogger(config conf.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: config.LogLevel}
	if config.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

// nodeOptions opens the listeners and turns settings into what a node needs.
func nodeOptions(config conf.Config, logger *slog.Logger, shutdown func()) (node.Options, error) {
	options := node.Options{
		ID:                 raft.NodeID(config.NodeID),
		ClusterID:          config.ClusterID,
		FS:                 vfs.NewOS(),
		Dir:                config.Dir,
		Heartbeat:          config.HeartbeatInterval,
		Election:           config.ElectionTimeout,
		MaxEntryBytes:      int(config.MaxEntryBytes),
		LeaseReads:         config.LeaseReads,
		SegmentBytes:       config.WALSegmentBytes,
		SnapshotLogBytes:   config.SnapshotLogBytes,
		SnapshotLogEntries: int64(config.SnapshotLogEntries),
		Logger:             logger,
		Limits: raft.Limits{
			InflightBytes:    int(config.RaftMaxInflightBytes),
			UncommittedBytes: int(config.RaftMaxUncommittedBytes),
			TailBytes:        int(config.RaftLogCacheBytes),
		},
		RESP: resp.Options{
			Logger:     logger,
			Version:    version,
			Parameters: parameters(config),
			Shutdown:   func(bool) { shutdown() },

			LinearizableReplicas: config.LinearizableReplicas,
			Limits: resp.Limits{
				MaxClients:    config.MaxClients,
				ClientCeiling: clientCeiling(config, logger),
				IdleTimeout:   config.Timeout,
				KeepAlive:     keepAlive(config),
				MaxBulk:       config.ProtoMaxBulkLen,
				MaxQuery:      config.ClientQueryBufferLimit,
			},
		},
	}
	for _, peer := range config.Peers {
		options.Peers = append(options.Peers, raft.Peer{ID: raft.NodeID(peer.ID), Address: peer.Address})
	}
	return options, openListeners(config, &options)
}

// keepAlive returns the front end's setting, in which never is a negative time.
func keepAlive(config conf.Config) time.Duration {
	if config.TCPKeepAlive == 0 {
		return -1
	}
	return config.TCPKeepAlive
}

// openListeners takes all ports, or none.
func openListeners(config conf.Config, options *node.Options) error {
	for _, l := range config.Listeners {
		listener, err := net.Listen("tcp", l.Listen)
		if err != nil {
			return errors.Join(err, closeListeners(*options))
		}
		options.RESP.Listeners = append(options.RESP.Listeners,
			resp.Listener{Listener: listener, Name: l.Name, Announce: l.Announce})
	}
	listener, err := net.Listen("tcp", config.PeerListen)
	if err != nil {
		return errors.Join(err, closeListeners(*options))
	}
	options.PeerListener = listener
	return nil
}

// closeListeners gives the ports back when a start has failed. Listeners that are closed already do no harm.
func closeListeners(options node.Options) error {
	var errs []error
	for _, l := range options.RESP.Listeners {
		errs = append(errs, l.Close())
	}
	if options.PeerListener != nil {
		errs = append(errs, options.PeerListener.Close())
	}
	errs = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, net.ErrClosed) })
	return errors.Join(errs...)
}

func announced(config conf.Config) []string {
	var addresses []string
	for _, l := range config.Listeners {
		addresses = append(addresses, l.Announce)
	}
	return addresses
}

// served are the settings that the front end shows, and changes, itself.
var served = []string{
	"maxclients", "timeout", "tcp-keepalive", "proto-max-bulk-len", "client-query-buffer-limit",
	"replica-reads",
}

// parameters shows the other settings to CONFIG GET. They are fixed while the node runs.
func parameters(config conf.Config) []resp.Parameter {
	var shown []resp.Parameter
	for _, setting := range config.Effective() {
		if setting.Name == "node-id" {
			setting.Value = strconv.FormatUint(config.NodeID, 10) // which the directory or the cluster may have given
		}
		if !slices.Contains(served, setting.Name) {
			shown = append(shown, resp.Parameter{Name: setting.Name, Get: func() string { return setting.Value }})
		}
	}
	return shown
}
