package core_test

import (
	"fmt"

	"redoubt/raft/core"
)

// A driver in its smallest form: one voter, whose disk is a variable and whose state machine prints.
func ExampleCore() {
	c, err := core.New(core.Config{
		ID:            1,
		Configuration: core.Configuration{Members: []core.Member{{ID: 1, Voter: true}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var disk []core.Entry
	var step func(core.Input)
	step = func(input core.Input) {
		effects := c.Step(input)
		for _, entry := range effects.Apply {
			if entry.Kind == core.EntryCommand {
				fmt.Printf("apply %d: %s\n", entry.Index, entry.Data)
			}
		}
		if n := len(effects.Apply); n > 0 {
			step(core.Applied{Index: effects.Apply[n-1].Index})
		}
		if p := effects.Persist; p != nil {
			disk = append(disk, p.Entries...) // then sync, and only then send p.Then
			step(core.Persisted{Seq: p.Seq})
		}
	}
	for mono := int64(0); c.Status().Role != core.Leader; mono += 50 {
		step(core.Tick{Mono: mono, Wall: 1_700_000_000_000 + mono})
	}
	step(core.Propose{Mono: 1000, Commands: [][]byte{[]byte("set greeting hello"), []byte("append greeting world")}})
	fmt.Println("on disk:", len(disk), "committed:", c.CommitIndex())
	// Output:
	// apply 2: set greeting hello
	// apply 3: append greeting world
	// on disk: 3 committed: 3
}
