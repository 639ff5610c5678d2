package replica

import (
	"testing"

	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
)

// A configuration that may still be rolled back must leave the one before it in sight: Load hands over the newest that
// is known to be committed, wherever it stands in the log, and leaves later ones to the tail.
func TestLoadLeavesWhatMayBeRolledBackToTheTail(t *testing.T) {
	members := func(n int) []byte {
		var c core.Configuration
		for i := range n {
			c.Members = append(c.Members, core.Member{ID: core.NodeID(i + 1), Voter: true})
		}
		return core.AppendConfiguration(nil, c)
	}
	entries := []core.Entry{
		{Index: 1, Term: 1, Kind: core.EntryNoop},
		{Index: 2, Term: 1, Kind: core.EntryConfiguration, Data: members(3)},
		{Index: 3, Term: 1, Kind: core.EntryNoop},
		{Index: 4, Term: 1, Kind: core.EntryConfiguration, Data: members(4)},
	}
	for _, test := range []struct {
		commit, index uint64
		members       int
	}{{1, 0, 0}, {2, 2, 3}, {3, 2, 3}, {4, 4, 4}} {
		memory := raft.NewMemoryPersister()
		o := testOptions(vfs.NewMem())
		disk, _, err := openStorage(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []raft.Persister{memory, disk} {
			if err := p.Save(core.HardState{Term: 1, Commit: test.commit}, entries, true); err != nil {
				t.Fatal(err)
			}
		}
		if err := disk.Close(); err != nil {
			t.Fatal(err)
		}
		if disk, _, err = openStorage(o); err != nil {
			t.Fatal(err)
		}
		for name, p := range map[string]raft.Persister{"memory": memory, "disk": disk} {
			state, err := p.Load()
			if err != nil {
				t.Fatal(err)
			}
			if got := len(state.Configuration.Members); got != test.members || state.ConfigurationIndex != test.index {
				t.Errorf("%s, committed up to %d: %d members from %d, want %d from %d", name, test.commit, got, state.ConfigurationIndex, test.members, test.index)
			}
			c, err := core.New(core.Config{
				ID: 1, Configuration: state.Configuration, ConfigurationIndex: state.ConfigurationIndex, HardState: state.HardState,
				FirstIndex: state.FirstIndex, Tail: state.Tail, Last: state.Last,
			})
			if err != nil {
				t.Fatalf("%s, committed up to %d: %v", name, test.commit, err)
			}
			if c.ConfigurationIndex() != 4 || len(c.Configuration().Members) != 4 {
				t.Errorf("%s, committed up to %d: goes by the configuration of %d, want that of 4", name, test.commit, c.ConfigurationIndex())
			}
		}
		if err := disk.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
