package resp

import (
	"strconv"

	"redoubt/fsm"
)

// AppendMoved writes the redirect to the node that serves a slot: addr is the "host:port" that
// node announces for the listener that the client came in by.
func AppendMoved(w *fsm.Writer, slot int, addr string) {
	w.Error("MOVED " + strconv.Itoa(slot) + " " + addr)
}

// AppendClusterDown writes the refusal for when no leader is known. Nothing was done.
func AppendClusterDown(w *fsm.Writer) {
	w.Error("CLUSTERDOWN The cluster is down")
}

// AppendUncertain writes the reply to a write that was proposed and whose outcome is unknown.
func AppendUncertain(w *fsm.Writer) {
	w.Error("UNCERTAIN leadership was lost before the outcome was known; the write may or may not have been applied")
}
