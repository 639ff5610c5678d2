// Package raft replicates a log of commands over a cluster of nodes, so that every node applies the
// same commands in the same order, and none that was acknowledged is lost while a majority lives.
//
// It drives the pure core of redoubt/raft/core with a clock, a disk and a network:
//
//	applyCh := make(chan raft.ApplyMsg)
//	r, err := raft.Make(peers, me, persister, applyCh, raft.WithNetwork(network))
//	index, term, isLeader := r.Start(command)
//	for message := range applyCh { … }
//
// A Persister is the node's durable memory (MemoryPersister for tests and experiments). A Network
// carries messages: redoubt/raft/tcpnet over TCP, redoubt/raft/memnet in memory, with delay,
// reordering, duplication, loss and partitions.
//
// # Goroutines
//
// One loop owns the core and never blocks. Beside it, one goroutine writes the disk in order (and
// sends what had to wait for it), one reads old log and snapshots for lagging peers, and one
// delivers to applyCh. A slow disk, peer or state machine so delays itself only.
//
// # What is promised
//
// A command that reached applyCh with some index reaches every node's applyCh with that index. A
// proposal ends in exactly one of three ways: applied, refused before anything was done
// (ErrNotLeader, ErrOverloaded, ErrTooLarge, ErrStopped), or ErrUncertain when this node lost
// leadership, or stopped, before it knew.
package raft
