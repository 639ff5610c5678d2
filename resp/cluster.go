package resp

import (
	"fmt"
	"math"
	"strings"

	"redoubt/fsm"
)

// slotCount is the number of hash slots.
const slotCount = 16384

// clusterCommands are CLUSTER and its subcommands.
func clusterCommands() []*local {
	const reads, admin = "@slow", "@admin @slow @dangerous"
	const adminFlags = fsm.FlagAdmin | fsm.FlagStale
	sub := func(name string, arity int, flags fsm.Flags, since, categories, summary string, run func(*conn, [][]byte, *fsm.Writer)) *local {
		return &local{command: row("cluster|"+name, arity, flags, "cluster", since, categories, summary), run: run}
	}
	return []*local{{
		command: row("cluster", -2, 0, "cluster", "3.0.0", "@slow", "Contains the commands about the cluster."),
		subs: []*local{
			sub("slots", 2, fsm.FlagStale, "3.0.0", reads, "Tells which nodes serve which slots.", clusterSlots),
			sub("shards", 2, fsm.FlagStale, "7.0.0", reads, "Tells the slots and nodes of each shard.", clusterShards),
			sub("nodes", 2, fsm.FlagStale, "3.0.0", reads, "Describes the nodes, a line each.", clusterNodes),
			sub("info", 2, fsm.FlagStale, "3.0.0", reads, "Tells the state of the cluster.", clusterInfo),
			sub("myid", 2, fsm.FlagStale, "3.0.0", reads, "Tells this node's id.", clusterMyID),
			sub("keyslot", 3, fsm.FlagStale, "3.0.0", reads, "Tells a key's slot.", clusterKeySlot),
			sub("countkeysinslot", 3, fsm.FlagStale, "3.0.0", reads, "Counts the keys of a slot.", clusterCountKeysInSlot),
			sub("getkeysinslot", 4, fsm.FlagStale, "3.0.0", reads, "Lists keys of a slot.", clusterGetKeysInSlot),
			sub("replicas", 3, adminFlags, "5.0.0", admin, "Describes the replicas of a node.", clusterReplicas),
			sub("slaves", 3, adminFlags, "3.0.0", admin, "Describes the replicas of a node.", clusterReplicas),
			sub("help", 2, flagsAnyState, "5.0.0", reads, "Describes the subcommands.", clusterHelp),
		},
	}}
}

func clusterSlots(c *conn, words [][]byte, w *fsm.Writer) {
	v := c.server.view(c.listener)
	if v.leader < 0 {
		w.Array(0)
		return
	}
	replicas := v.replicas()
	w.Array(1)
	w.Array(3 + len(replicas))
	w.Int(0)
	w.Int(slotCount - 1)
	for _, n := range append([]viewNode{v.nodes[v.leader]}, replicas...) {
		w.Array(4)
		w.BulkString(n.host)
		w.Int(int64(n.port))
		w.BulkString(n.id)
		w.Map(0)
	}
}

func clusterShards(c *conn, words [][]byte, w *fsm.Writer) {
	v := c.server.view(c.listener)
	nodes := v.replicas()
	w.Array(1)
	w.Map(2)
	w.BulkString("slots")
	if v.leader < 0 {
		w.Array(0)
	} else {
		nodes = append([]viewNode{v.nodes[v.leader]}, nodes...)
		w.Array(2)
		w.Int(0)
		w.Int(slotCount - 1)
	}
	w.BulkString("nodes")
	w.Array(len(nodes))
	for i, n := range nodes {
		role, health := "replica", "online"
		if i == 0 && v.leader >= 0 {
			role = "master"
		}
		switch {
		case !n.online:
			health = "fail"
		case n.self && v.status.Loading:
			health = "loading"
		}
		w.Map(7)
		w.BulkString("id")
		w.BulkString(n.id)
		w.BulkString("port")
		w.Int(int64(n.port))
		w.BulkString("ip")
		w.BulkString(n.host)
		w.BulkString("endpoint")
		w.BulkString(n.host)
		w.BulkString("role")
		w.BulkString(role)
		w.BulkString("replication-offset")
		w.Int(int64(n.offset))
		w.BulkString("health")
		w.BulkString(health)
	}
}

func clusterNodes(c *conn, words [][]byte, w *fsm.Writer) {
	v := c.server.view(c.listener)
	var lines strings.Builder
	for i := range v.nodes {
		lines.WriteString(v.line(i))
		lines.WriteByte('\n')
	}
	w.Verbatim("txt", lines.String())
}

func clusterInfo(c *conn, words [][]byte, w *fsm.Writer) {
	v := c.server.view(c.listener)
	state, slots, size := "fail", 0, 0
	if v.leader >= 0 {
		state, slots, size = "ok", slotCount, 1
	}
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "%s:%v\r\n", name, value) }
	line("cluster_state", state)
	line("cluster_slots_assigned", slots)
	line("cluster_slots_ok", slots)
	line("cluster_slots_pfail", 0)
	line("cluster_slots_fail", 0)
	line("cluster_known_nodes", len(v.status.Members))
	line("cluster_size", size)
	line("cluster_current_epoch", v.status.Term)
	line("cluster_my_epoch", v.status.Term)
	line("cluster_stats_messages_sent", 0)
	line("cluster_stats_messages_received", 0)
	line("total_cluster_links_buffer_limit_exceeded", 0)
	w.Verbatim("txt", b.String())
}

func clusterMyID(c *conn, words [][]byte, w *fsm.Writer) {
	status := c.server.backend.Status()
	w.BulkString(ClusterNodeID(status.ClusterID, status.NodeID))
}

func clusterKeySlot(c *conn, words [][]byte, w *fsm.Writer) { w.Int(int64(fsm.Slot(words[2]))) }

func clusterCountKeysInSlot(c *conn, words [][]byte, w *fsm.Writer) {
	switch slot, ok := parseInteger(words[2]); {
	case !ok:
		w.Error(errNotInteger)
	case slot < 0 || slot >= slotCount:
		w.Error("ERR Invalid slot")
	case c.server.slots == nil:
		w.Error(errNoSlotReader)
	default:
		w.Int(int64(c.server.slots.CountKeysInSlot(int(slot))))
	}
}

func clusterGetKeysInSlot(c *conn, words [][]byte, w *fsm.Writer) {
	slot, ok := parseInteger(words[2])
	limit, limitOK := parseInteger(words[3])
	switch {
	case !ok || !limitOK:
		w.Error(errNotInteger)
	case slot < 0 || slot >= slotCount || limit < 0:
		w.Error("ERR Invalid slot or number of keys")
	case c.server.slots == nil:
		w.Error(errNoSlotReader)
	default:
		c.server.slots.KeysInSlot(int(slot), int(min(limit, math.MaxInt32)), w)
	}
}

const errNoSlotReader = "ERR This node cannot list the keys of a slot"

func clusterReplicas(c *conn, words [][]byte, w *fsm.Writer) {
	v := c.server.view(c.listener)
	asked := -1
	for i := range v.nodes {
		if equalFold(words[2], v.nodes[i].id) {
			asked = i
		}
	}
	switch {
	case asked < 0:
		w.Error("ERR Unknown node " + quotable(words[2], maxQuoted))
		return
	case asked != v.leader:
		w.Error("ERR The specified node is not a master")
		return
	}
	w.Array(len(v.nodes) - 1)
	for i := range v.nodes {
		if i != v.leader {
			w.BulkString(v.line(i))
		}
	}
}

func clusterHelp(c *conn, words [][]byte, w *fsm.Writer) {
	help(w, "CLUSTER",
		"COUNTKEYSINSLOT <slot>",
		"    Count the keys of a slot.",
		"GETKEYSINSLOT <slot> <count>",
		"    List up to <count> keys of a slot.",
		"INFO",
		"    Tell the state of the cluster.",
		"KEYSLOT <key>",
		"    Tell the slot of a key.",
		"MYID",
		"    Tell the id of this node.",
		"NODES",
		"    Describe the nodes, a line each:",
		"    <id> <host:port@bus-port> <flags> <primary> 0 0 <term> <link> <slots>",
		"REPLICAS <node-id>",
		"    Describe the replicas of a node.",
		"SHARDS",
		"    Tell the slots and the nodes of each shard.",
		"SLOTS",
		"    Tell which nodes serve which slots: the leader first, its replicas after it.",
	)
}
