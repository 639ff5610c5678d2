// Package resp is the front end: it speaks the Redis protocol with clients and hands their commands
// to a replica.
//
// # The way of a command
//
// A reactor serves many connections (reactor.go, hosted.go); on systems without one, and for the time of a command that
// waits or takes long, a connection has a goroutine (conn.go). Either reads what has arrived, and a guard (guard.go)
// finds the whole commands in it without trusting any length that a client claims. redcon splits a
// checked command into its words. Each command is then one of these (dispatch.go):
//
//   - keyed: it belongs to the state machine, and joins the batch for the replica (Backend). ONCE is an envelope around such a
//     command, and gives it a session and a sequence (queue.go);
//   - local: it is answered here. Its reply joins the batch as a literal, so that replies keep the
//     order of their commands;
//   - a barrier: a local command whose answer depends on what came before it, or which changes the
//     connection. What is before it runs first.
//
// So the commands that one client sent together reach the replica as one batch, which makes
// one proposal of them, and their replies leave with one write. There is no goroutine, channel or
// lock operation per command.
//
// # Limits
//
// Whatever a client sends costs at most a fixed multiple of the bytes it really sent, up to a limit
// per connection and a budget for all connections together (limits.go). A client that does not
// read its replies is not read from either, and is dropped in the end.
package resp
