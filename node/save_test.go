package node

import "testing"

// Snapshots that clients ask every node for, one upon another and beside those that are due, harm nothing that was acknowledged.
func TestBgsaveUnderLoad(t *testing.T) {
	const rounds = 4
	// Not so few entries that a snapshot is due all the time: on a fast machine none would be taken that somebody asked for.
	c := startCluster(t, 3, func(o *Options) { o.SnapshotLogEntries = 3000 })
	c.leader()
	load := c.underLoad(4, func() {
		for range rounds {
			for _, n := range c.nodes {
				applied := n.node.replica.Index()
				eventually(t, "a node begins the snapshot that it is asked for", func() bool {
					return n.do("BGSAVE").value == "Background saving started" // an error while one is under way
				})
				n.do("BGSAVE", "SCHEDULE")
				eventually(t, "the snapshot is taken", func() bool {
					return n.node.Status().SnapshotIndex >= applied
				})
				if status := n.node.Status(); !status.LastSnapshotOK || status.LastSnapshotTime == 0 {
					t.Errorf("node %d tells of its snapshots: %+v", n.id, status)
				}
			}
		}
		for _, n := range c.nodes {
			n.crash()
		}
		for _, n := range c.nodes {
			n.start()
		}
	})
	c.verify(load)
}
