package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// version is the released version of Redoubt.
const version = "0.1.0"

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "redoubt", version)
			return err
		},
	}
}
