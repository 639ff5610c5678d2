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
// # Workers
//
// One loop owns the core and never blocks. Beside it, one worker writes the disk in order (and
// sends what had to wait for it), one reads old log and snapshots for lagging peers, and one
// delivers to the service. A slow disk, peer or service so delays itself only.
//
// Each worker is a step that does one piece of what waits for it. Make gives each a goroutine that waits for
// work and calls it. MakeManual leaves the waiting to a scheduler, so that a whole cluster, services included, can
// run in one goroutine and virtual time, and a run that failed can be repeated.
//
// # What is promised
//
// A command that reached the service with some index reaches every node's with that index. A
// proposal ends in exactly one of three ways: applied, refused before anything was done
// (ErrNotLeader, ErrOverloaded, ErrDiskFull, ErrTooLarge, ErrStopped), or ErrUncertain when this node lost
// leadership, or stopped, before it knew.
package raft
