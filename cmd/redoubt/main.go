// Command redoubt is a Redis-protocol cache server, replicated by Raft, and the tools that belong to it.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	if err := rootCommand().Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "redoubt: %v\n", err)
		os.Exit(1)
	}
}

// rootCommand returns the command tree. Errors are printed once, by main, on one line.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "redoubt",
		Short:         "A Redis-protocol cache that keeps every acknowledged write",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		serverCommand(),
		clusterCommand(),
		configCommand(),
		healthCommand(),
		walCommand(),
		snapshotCommand(),
		versionCommand(),
	)
	return root
}
