package resp

import (
	"strconv"
	"time"

	"redoubt/fsm"
)

// replicationCommands tell about replication, or wait for it.
func replicationCommands() []*local {
	return []*local{
		{row("role", 1, flagsConnection&^(fsm.FlagNoAuth|fsm.FlagAllowBusy), "server", "2.8.12", "@admin @fast @dangerous",
			"Tells this node's place in the replication."), false, role, nil},
		{row("wait", 3, fsm.FlagNoScript, "generic", "3.0.0", "@slow @connection",
			"Waits until writes are on other nodes."), false, wait, nil},
	}
}

func role(c *conn, words [][]byte, w *fsm.Writer) {
	v := c.server.view(c.listener)
	if v.status.leads() {
		replicas := v.replicas()
		w.Array(3)
		w.BulkString("master")
		w.Int(int64(v.status.CommitIndex))
		w.Array(len(replicas))
		for _, n := range replicas {
			w.Array(3)
			w.BulkString(n.host)
			w.BulkString(strconv.Itoa(n.port))
			w.BulkString(strconv.FormatUint(n.offset, 10))
		}
		return
	}
	primary, state := v.primary(), "connect"
	if primary.online {
		state = "connected"
	}
	w.Array(5)
	w.BulkString("slave")
	w.BulkString(primary.host)
	w.Int(int64(primary.port))
	w.BulkString(state)
	w.Int(int64(v.status.AppliedIndex))
}

func wait(c *conn, words [][]byte, w *fsm.Writer) {
	replicas, ok := parseInteger(words[1])
	if !ok {
		w.Error(errNotInteger)
		return
	}
	millis, ok := parseInteger(words[2])
	switch {
	case !ok || millis > int64(1<<63-1)/int64(time.Millisecond):
		w.Error("ERR timeout is not an integer or out of range")
		return
	case millis < 0:
		w.Error("ERR timeout is negative")
		return
	}
	status := c.server.backend.Status()
	if !status.leads() {
		w.Error("ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.")
		return
	}
	if c.beginWait() {
		defer c.endWait()
		n := c.server.backend.WaitReplicas(int(replicas), time.Duration(millis)*time.Millisecond, c.lifetime.Done())
		w.Int(int64(n))
	}
}

// beginWait sends the replies before the one of a command that may take long, so that it does not hold them back.
// Without success the connection ends. The command must give up when c.lifetime ends, which it does when the client leaves,
// and call endWait.
func (c *conn) beginWait() bool {
	if c.flush() != nil {
		c.ending = true
		return false
	}
	c.mark = 0
	c.blocked.Store(true)
	return true
}

// endWait ends what beginWait began.
func (c *conn) endWait() { c.blocked.Store(false) }
