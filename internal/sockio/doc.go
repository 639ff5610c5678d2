// Package sockio reads and writes sockets with system calls that the Go runtime does not hear of.
//
// A call on a socket that does not block ends within microseconds. Telling the runtime of each of them costs little by
// itself, but wakes its monitor thread (sysmon) in a process that was idle a moment ago, which then looks every few
// tens of microseconds whether a call has got stuck: in a node that handles one small message at a time, that was a sixth of its
// processor time. Where there is nothing to read, the runtime's poller waits as it does for any connection.
package sockio

import "errors"

// ErrWouldBlock is returned by TryRead if nothing has come.
var ErrWouldBlock = errors.New("sockio: nothing to read")
