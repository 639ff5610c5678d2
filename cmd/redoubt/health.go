package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"redoubt/conf"
)

// healthTimeout bounds the whole check.
const healthTimeout = 2 * time.Second

func healthCommand() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Exit with 0 if the node serves and knows a leader (for container health checks)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if address == "" {
				config, err := conf.Load(cmd.Flags())
				if err != nil {
					return err
				}
				address = reachable(config.Listeners[0].Listen)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), healthTimeout)
			defer cancel()
			return checkHealth(ctx, address)
		},
	}
	conf.Flags(cmd.Flags())
	cmd.Flags().StringVar(&address, "addr", "", "the node's `host:port` (default: its first listener, on this machine)")
	return cmd
}

// reachable turns a listening address into one that this machine can connect to.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}

// quiet drops what the client library would print beside our error.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func checkHealth(ctx context.Context, address string) error {
	redis.SetLogger(quiet{}) // the one line that we print says it all
	client := redis.NewClient(&redis.Options{Addr: address, MaxRetries: -1, ContextTimeoutEnabled: true})
	defer client.Close()
	info, err := client.ClusterInfo(ctx).Result()
	if err != nil {
		return fmt.Errorf("unhealthy: %s: %w", address, err)
	}
	if !strings.Contains(info, "cluster_state:ok") {
		return fmt.Errorf("unhealthy: %s knows no leader", address)
	}
	return nil
}
