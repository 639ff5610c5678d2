package resp

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"strconv"
)

// ClusterNodeID returns a node's id in Redis's form, 40 hex digits, made from the id of the
// cluster and the node's own. It stays the same for as long as these do.
func ClusterNodeID(clusterID string, nodeID uint64) string {
	sum := sha256.Sum256([]byte("node " + clusterID + " " + strconv.FormatUint(nodeID, 10)))
	return hex.EncodeToString(sum[:20])
}

// leads reports whether this node is the leader.
func (s *Status) leads() bool { return s.Role == "leader" }

// view is the cluster as Redis's cluster commands show it: the leader is the primary of all slots and the
// other nodes are its replicas.
type view struct {
	status Status
	nodes  []viewNode
	// leader is the place of the leader in nodes, or -1 if none is known, or its address is not.
	leader int
}

// viewNode is a node that clients can be told about: one whose address is known.
type viewNode struct {
	member *Member
	id     string
	// host and port are announced for the listener that the asking client came in by. bus is the port for
	// Raft traffic.
	host      string
	port, bus int
	self      bool
	online    bool
	offset    uint64
}

// view returns the cluster for a client of a listener.
func (s *Server) view(listener int) *view {
	v := &view{status: s.backend.Status(), leader: -1}
	for i := range v.status.Members {
		m := &v.status.Members[i]
		n := viewNode{member: m, id: ClusterNodeID(v.status.ClusterID, m.ID), self: m.ID == v.status.NodeID}
		n.online = m.Connected || n.self
		n.offset = m.MatchIndex
		if n.self {
			n.offset = v.status.AppliedIndex
		}
		var addr string
		switch {
		case listener < len(m.Clients):
			addr = m.Clients[listener]
		case n.self:
			addr = s.opts.Listeners[listener].Announce
		}
		var ok bool
		if n.host, n.port, ok = splitAddr(addr); !ok {
			continue
		}
		_, n.bus, _ = splitAddr(m.Peer)
		if m.ID == v.status.LeaderID && m.ID != 0 {
			v.leader = len(v.nodes)
		}
		v.nodes = append(v.nodes, n)
	}
	return v
}

// splitAddr takes a "host:port" apart. ok is false if it is none.
func splitAddr(addr string) (host string, port int, ok bool) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, false
	}
	n, err := strconv.ParseUint(text, 10, 16)
	return host, int(n), err == nil
}

// primary returns the leader, or a node without host and port that is not online if none is known.
func (v *view) primary() viewNode {
	if v.leader < 0 {
		return viewNode{}
	}
	return v.nodes[v.leader]
}

// replicas returns the nodes that follow the leader.
func (v *view) replicas() []viewNode {
	var nodes []viewNode
	for i, n := range v.nodes {
		if i != v.leader {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// line returns a node's line in CLUSTER NODES. There is no gossip here, so the times of pings are
// zero, and the epoch is the term.
func (v *view) line(i int) string {
	n := &v.nodes[i]
	flags, primary, link, slots := "slave", "-", "connected", ""
	if i == v.leader {
		flags, slots = "master", " 0-16383"
	} else if v.leader >= 0 {
		primary = v.nodes[v.leader].id
	}
	if n.self {
		flags = "myself," + flags
	}
	if !n.online {
		link = "disconnected"
	}
	return n.id + " " + net.JoinHostPort(n.host, strconv.Itoa(n.port)) + "@" + strconv.Itoa(n.bus) + " " + flags + " " + primary +
		" 0 0 " + strconv.FormatUint(v.status.Term, 10) + " " + link + slots
}
