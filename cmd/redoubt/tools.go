package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"redoubt/internal/vfs"
	"redoubt/node/replica"
	"redoubt/snapshot"
	"redoubt/wal"
)

func walCommand() *cobra.Command {
	group := &cobra.Command{Use: "wal", Short: "Look into a log (of a node that is stopped)", Args: cobra.NoArgs}
	group.AddCommand(
		&cobra.Command{
			Use:   "dump DIR",
			Short: "Print each record of the log in DIR on one line",
			Args:  cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return wal.Dump(vfs.NewOS(), args[0], cmd.OutOrStdout(), replica.DescribePayload)
			},
		},
		&cobra.Command{
			Use:   "verify DIR",
			Short: "Check every record of the log in DIR; change nothing",
			Args:  cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				report, err := wal.Verify(vfs.NewOS(), args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(),
					"ok: %d records in %d segments (%06d to %06d, %d bytes); entries %d to %d, last term %d; torn tail %d bytes\n",
					report.Records, report.Segments, report.FirstSegment, report.LastSegment, report.Bytes,
					report.Start.Index+1, report.Last.Index, report.Last.Term, report.TornBytes)
				return err
			},
		},
	)
	return group
}

func snapshotCommand() *cobra.Command {
	group := &cobra.Command{Use: "snapshot", Short: "Look into a snapshot image", Args: cobra.NoArgs}
	group.AddCommand(&cobra.Command{
		Use:   "inspect FILE",
		Short: "Print what an image holds and verify it from end to end",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return snapshot.Inspect(vfs.NewOS(), args[0], cmd.OutOrStdout(), replica.DescribeImageMetadata)
		},
	})
	return group
}
