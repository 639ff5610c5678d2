package replica

import (
	"fmt"
	"strings"

	"redoubt/raft"
)

// Why a node is refused. The refused one is told, and knows by these words that nothing it can do by itself will help.
const (
	removedReason   = "was removed from the cluster"
	otherDiskReason = "speaks from another disk than the one that the cluster knows"
)

// Admit tells whether a node that speaks from the disk of the given instance may take part, by the membership that is
// applied here. What it refuses stays refused: ids are never reused, and the instance of a member never changes. So a
// replica that lags behind refuses nobody wrongly.
func (r *Replica) Admit(id raft.NodeID, instance uint64) error {
	configuration := r.configuration.Load()
	member, ok := configuration.Member(id)
	switch {
	case !ok && id <= configuration.HighestID:
		return fmt.Errorf("node %d %s", id, removedReason)
	case ok && member.Instance != 0 && member.Instance != instance:
		return fmt.Errorf("node %d %s", id, otherDiskReason)
	}
	return nil
}

// RefusedForGood tells whether the reason for which a peer refused this node is one that will not pass.
func RefusedForGood(reason string) bool {
	return strings.HasSuffix(reason, removedReason) || strings.HasSuffix(reason, otherDiskReason)
}
