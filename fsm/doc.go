// Package fsm is the state machine that every replica runs: a Redis keyspace, and the
// sessions of its clients, to which committed commands are applied, in log order, with the same outcome everywhere.
//
// It is pure. Time comes in through Advance (the log time that the leader stamped on an entry) and
// through Read (the reader's clock, which never changes anything). There is no goroutine, disk,
// network or random source in here, and nothing depends on map iteration order. After the same log
// prefix two machines have the same state, down to the bytes of their canonical encoding
// (View.WriteTo) and so to their Digest.
//
// The way of a write: DecodeBatch takes the payload of a log entry apart, Advance moves log time and
// removes due keys, Apply looks the command up in the one table (Lookup) and runs it against the
// keyspace, and the reply goes into a Writer. ApplyOnce does that for a command of a session, unless the
// session has run it already: then the reply that it keeps is given again.
//
// The keys are blocks of bytes, found by handles through a tree of pages (page.go, record.go, fsm/slab): no pointer a key,
// and no map.
//
// Locking is the caller's: Apply, Advance, View and Release need the machine exclusively; Read and
// the other methods may run beside each other. A View's WriteTo may run beside anything.
package fsm
