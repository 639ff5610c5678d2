package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"redoubt/conf"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the effective settings and where each came from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := conf.Load(cmd.Flags())
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, setting := range config.Effective() {
				fmt.Fprintf(table, "%s\t%s\t%s\n", setting.Name, setting.Value, setting.Origin)
			}
			return table.Flush()
		},
	}
	conf.Flags(cmd.Flags())
	return cmd
}
