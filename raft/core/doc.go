// Package core decides: it is the Raft consensus algorithm as a pure state machine.
//
// A Core takes one Input at a time and returns the Effects that its driver must carry out:
//
//	effects := c.Step(input)
//
// The core has no goroutine, clock, disk, network, global random source or map order: the same
// inputs give the same effects, to the byte. Time comes in as Tick, durability as Persisted, the
// network as Receive. The types of Effects carry the order that safety demands: Send may leave at
// once, Persist.Then only after that Persist is durable. A driver that breaks the order trips an
// assert, which panics with "BUG: ". What a peer sends never panics.
//
// A node may start from a snapshot, or be sent one. Until the state machine has loaded it, which the driver says by Applied,
// the node votes and stores, but stands for no election.
//
// Where to read: Step in core.go, the role × kind table in dispatch.go, then election.go,
// replication.go and log.go. References are to the Raft paper ("Raft §5.2") and to Ongaro's
// dissertation ("thesis §6.4").
package core
