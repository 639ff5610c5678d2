package node

import (
	"encoding/json"
	"sync"

	"redoubt/raft"
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

// maxHelloClients bounds the listeners that a peer may announce.
const maxHelloClients = 16

func newDirectory(self raft.NodeID, clients []string) *directory {
	return &directory{clients: map[raft.NodeID][]string{self: clients}}
}

// encodeHello returns the handshake's bytes for a node's announced addresses.
func encodeHello(clients []string) ([]byte, error) { return json.Marshal(hello{Clients: clients}) }

// learn takes a peer's handshake. What cannot be read changes nothing.
func (d *directory) learn(id raft.NodeID, message []byte) error {
	var h hello
	if err := json.Unmarshal(message, &h); err != nil {
		return err
	}
	if len(h.Clients) > maxHelloClients {
		h.Clients = h.Clients[:maxHelloClients]
	}
	d.mu.Lock()
	defer d.mu.Unlock()
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
