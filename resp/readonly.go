package resp

import "redoubt/fsm"

// replicaReads says what becomes of a connection's reads on a node that follows.
type replicaReads uint8

const (
	// readsRedirected: they are sent to the leader, as without READONLY.
	readsRedirected replicaReads = iota
	// readsConfigured: they are served as the setting replica-reads says at the time.
	readsConfigured
	// readsStale: they are served from the applied state, which may be behind.
	readsStale
	// readsLinearizable: they are served once the node has asked the leader how far to apply.
	readsLinearizable
)

// readOnlyCommands say how a connection reads on a node that follows.
func readOnlyCommands() []*local {
	const flags, categories = flagsAnyState | fsm.FlagFast, "@fast @connection"
	return []*local{
		{row("readonly", -1, flags, "cluster", "3.0.0", categories, "Lets a node that is not the leader answer this connection's reads."),
			false, readonly, nil},
		{row("readwrite", 1, flags, "cluster", "3.0.0", categories, "Undoes READONLY."),
			false, readwrite, nil},
	}
}

func readonly(c *conn, words [][]byte, w *fsm.Writer) {
	reads := readsConfigured
	switch {
	case len(words) == 1:
	case len(words) == 2 && equalFold(words[1], "stale"):
		reads = readsStale
	case len(words) == 2 && equalFold(words[1], "linearizable"):
		reads = readsLinearizable
	default:
		w.Error(errSyntax)
		return
	}
	c.setReplicaReads(reads)
	w.Simple("OK")
}

func readwrite(c *conn, words [][]byte, w *fsm.Writer) {
	c.setReplicaReads(readsRedirected)
	w.Simple("OK")
}

func (c *conn) setReplicaReads(reads replicaReads) {
	c.replicaReads = reads
	c.batch.ReadOnly = reads != readsRedirected
	c.readOnly.Store(c.batch.ReadOnly)
}

// linearizable reports whether the connection's reads on a node that follows must not be stale.
func (c *conn) linearizable() bool {
	return c.replicaReads == readsLinearizable || c.replicaReads == readsConfigured && c.server.settings.linearizable.Load()
}
