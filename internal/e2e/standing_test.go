//go:build e2e || compose

package e2e

import (
	"fmt"
	"strconv"
)

// standing is what a node says of itself in INFO raft.
type standing struct {
	role                  string
	term, leader          uint64
	commit, applied, last uint64
	snapshot              uint64
}

// standingAt asks the node at a client address.
func standingAt(address string) (standing, error) {
	fields, err := info(address, "raft")
	if err != nil {
		return standing{}, err
	}
	s := standing{role: fields["raft_role"]}
	for name, number := range map[string]*uint64{
		"raft_term":           &s.term,
		"raft_leader_id":      &s.leader,
		"raft_commit_index":   &s.commit,
		"raft_applied_index":  &s.applied,
		"raft_last_index":     &s.last,
		"raft_snapshot_index": &s.snapshot,
	} {
		if *number, err = strconv.ParseUint(fields[name], 10, 64); err != nil {
			return standing{}, fmt.Errorf("INFO raft of %s: %s: %w", address, name, err)
		}
	}
	return s, nil
}
