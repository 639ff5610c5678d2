// Command redoubt is a Redis-protocol cache server, replicated by Raft, and the tools that belong to it.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	if err := rootCommand().Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "redoubt: %v\n", err)
		os.Exit(codeOf(err))
	}
}

// Exit codes. Who starts servers need not try again what was refused.
const (
	exitRefused = 1 // a setting, a port, a data directory that cannot be used; or a tool that failed
	exitFailed  = 2 // a node that ran could not go on (a panic has this code too)
)

// fatalError is why a running node could not go on.
type fatalError struct{ error }

func (e fatalError) Error() string { return "FATAL: " + e.error.Error() }
func (e fatalError) Unwrap() error { return e.error }

func codeOf(err error) int {
	var fatal fatalError
	if errors.As(err, &fatal) {
		return exitFailed
	}
	return exitRefused
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
