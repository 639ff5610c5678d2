// Package node is one replica: it joins the front end (resp), the state machine (fsm), consensus
// (raft), the log (wal) and the snapshots (snapshot), which know nothing of each other.
//
// The way of a write: Execute encodes a pipeline's writes once and proposes them with a ticket; the
// raft loop appends and replicates them; the applier runs them in log order and writes each reply into the
// waiting connection's buffer; one wake-up ends it.
//
// The way of a read: Execute joins a read round, waits until the state machine has caught up with the read
// index, and reads on the connection's own goroutine.
package node
