// Package replica is one copy of the service without goroutines, sockets or timers: it joins the state machine
// (fsm), consensus (raft), the log (wal) and the snapshots (snapshot), which know nothing of each other.
//
// A Replica is driven from outside. raft hands it committed entries (Apply) and changes of standing; a clock calls Tick;
// clients' batches run as Requests, which begin, are woken, and resume. Nothing here blocks, sleeps or reads
// another clock than Options.Clock, so the same code serves a process (package node) and a simulation that runs
// a whole cluster in one goroutine.
//
// The way of a write: Request.Begin encodes a pipeline's writes once and proposes them with a ticket; raft appends
// and replicates them; Apply runs them in log order and writes each reply into the waiting request's batch; one
// wake-up ends it.
//
// The way of a read: Request.Begin asks raft to confirm a read index; once the state machine has caught up with it, one
// wake-up lets Request.Resume read on the caller's goroutine.
package replica
