package node

import (
	"redoubt/internal/vfs"
	"redoubt/node/replica"
)

// BeginJoin prepares a new data directory for a cluster that exists: see replica.BeginJoin.
func BeginJoin(fsys vfs.FS, dir, clusterID string) (*replica.Join, error) {
	return replica.BeginJoin(fsys, dir, clusterID, newInstance)
}
