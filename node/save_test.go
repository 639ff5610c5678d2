package node

import "testing"

// Snapshots that clients ask every node for, one upon another and beside those that are due, harm nothing that was acknowledged.
func TestBgsaveUnderLoad(t *testing.T) {
	const rounds = 4
	c := startCluster(t, 3, func(o *Options) { o.SnapshotLogEntries = 3000 })
	c.leader().expect("OK", "SET", "k", "v")
	c.settle() // a node that has applied nothing has nothing to save
	load := c.underLoad(4, func(load []*appender) {
		for range rounds {
			served(t, enough, load...)
			for _, n := range c.nodes {
				applied := n.node.replica.Index()
				n.do("BGSAVE") // an error while one is under way, as it may be all the time: the log calls for snapshots too
				if answer := n.do("BGSAVE", "SCHEDULE"); answer.err != nil {
					t.Errorf("node %d does not schedule a snapshot: %v", n.id, answer.err)
				}
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
	for _, n := range c.nodes {
		eventually(t, "a node that rests begins the snapshot that it is asked for", func() bool {
			return n.do("BGSAVE").value == "Background saving started"
		})
	}
}
