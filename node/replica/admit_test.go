package replica

import (
	"testing"

	"redoubt/raft/core"
)

func TestAdmitRefusesRemovedNodesAndOtherDisks(t *testing.T) {
	r := &Replica{}
	r.configuration.Store(&core.Configuration{
		Members: []core.Member{
			{ID: 1, Voter: true, Instance: 11}, {ID: 2, Voter: true}, {ID: 4, Voter: true, Instance: 44},
		},
		HighestID: 5,
	})
	cases := []struct {
		what     string
		id       core.NodeID
		instance uint64
		admitted bool
	}{
		{"a member from its disk", 1, 11, true},
		{"a member from another disk", 1, 12, false},
		{"a member from no disk", 1, 0, false},
		{"a member whose disk is not recorded yet", 2, 22, true},
		{"a removed node", 3, 33, false},
		{"the node with the highest id so far, removed", 5, 55, false},
		{"a node that is taken in just now", 6, 66, true},
	}
	for _, c := range cases {
		err := r.Admit(c.id, c.instance)
		if (err == nil) != c.admitted {
			t.Errorf("%s: %v, want admitted %t", c.what, err, c.admitted)
		}
		if err != nil && !RefusedForGood(err.Error()) {
			t.Errorf("%s: the refused node does not know that %q is final", c.what, err)
		}
	}
	if RefusedForGood(`cluster id "a", this node's is "b"`) {
		t.Error("a mistake of the operator ends a node")
	}
}
