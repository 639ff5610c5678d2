package node

import (
	"encoding/json"
	"maps"
	"sync"

	"redoubt/raft"
	"redoubt/raft/core"
)

// directory knows at which addresses each node announces itself to clients, one per listener. Nodes
// tell each other in the handshake of their connections, so that a leader's addresses are known to a follower
// before its first message arrives.
type directory struct {
	mu      sync.RWMutex
	clients map[raft.NodeID][]string
}

// hello is what a node says of itself in the handshake.
type hello struct {
	// Clients are the announced addresses, in the order of the listeners.
	Clients []string `json:"clients"`
}

const (
	// maxHelloClients bounds the listeners that a peer may announce.
	maxHelloClients = 16
	// maxKnownNodes bounds the nodes that are known: all members, and some that a new member is yet to learn of.
	maxKnownNodes = core.MaxMembers + 64
)

func newDirectory() *directory {
	return &directory{clients: make(map[raft.NodeID][]string)}
}

// set takes a node's announced addresses, which must not be changed any more.
func (d *directory) set(id raft.NodeID, clients []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clients[id] = clients
}

// encodeHello returns the handshake's bytes for a node's announced addresses.
func encodeHello(clients []string) ([]byte, error) { return json.Marshal(hello{Clients: clients}) }

// learn takes a peer's handshake. What cannot be read changes nothing. When too many are known, those are forgotten that
// isMember does not tell to be members.
func (d *directory) learn(id raft.NodeID, message []byte, isMember func(raft.NodeID) bool) error {
	var h hello
	if err := json.Unmarshal(message, &h); err != nil {
		return err
	}
	if len(h.Clients) > maxHelloClients {
		h.Clients = h.Clients[:maxHelloClients]
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.clients[id]; !known && len(d.clients) >= maxKnownNodes {
		maps.DeleteFunc(d.clients, func(other raft.NodeID, _ []string) bool { return !isMember(other) })
	}
	d.clients[id] = h.Clients
	return nil
}

// client returns a node's address for clients that came by the given listener, or "" if it is not known. A node with
// fewer listeners is named by its first.
func (d *directory) client(id raft.NodeID, listener int) string {
	addresses := d.all(id)
	if len(addresses) == 0 {
		return ""
	}
	if listener < 0 || listener >= len(addresses) {
		listener = 0
	}
	return addresses[listener]
}

// all returns a node's announced addresses; the slice is never changed.
func (d *directory) all(id raft.NodeID) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.clients[id]
}
