package resp

import "redoubt/fsm"

// saveCommands are about the snapshots of this node.
func saveCommands() []*local {
	return []*local{
		{row("bgsave", -1, fsm.FlagAdmin|fsm.FlagNoScript|fsm.FlagNoAsyncLoading, "server", "1.0.0", "@admin @slow @dangerous",
			"Has this node take a snapshot."), false, bgsave, nil},
		{row("lastsave", 1, flagsAnyState|fsm.FlagFast, "server", "1.0.0", "@admin @fast @dangerous",
			"Tells when this node's last snapshot was taken."), false, lastSave, nil},
	}
}

func bgsave(c *conn, words [][]byte, w *fsm.Writer) {
	schedule := len(words) == 2 && equalFold(words[1], "schedule")
	if len(words) > 1 && !schedule {
		w.Error(errSyntax)
		return
	}
	started, err := c.server.backend.BeginSnapshot(schedule)
	switch {
	case err != nil:
		w.Error(err.Error())
	case started:
		w.Simple("Background saving started")
	default:
		w.Simple("Background saving scheduled")
	}
}

func lastSave(c *conn, words [][]byte, w *fsm.Writer) {
	w.Int(c.server.backend.Status().LastSnapshotTime)
}
