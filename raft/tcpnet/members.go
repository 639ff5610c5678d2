package tcpnet

import (
	"slices"
	"time"

	"redoubt/raft/core"
)

// SetPeers replaces the addresses to dial. Connections to peers that keep their address stay as they
// are; what is queued for a peer that is gone is dropped. Connections that peers made to this node
// are not touched.
func (n *Network) SetPeers(addresses map[core.NodeID]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known = make(map[core.NodeID][]string, len(addresses))
	for id, address := range addresses {
		n.stay(id)
		n.know(id, address)
	}
	n.refresh()
}

// SetMembers follows the membership of the cluster (raft.MembershipNetwork): every member but this node is a peer, and
// this node tells its own recorded address to whom it connects. Where Options.Peers names another address for a
// member, as after an operator has edited it while the cluster was down, the two are dialled in turn; the handshake
// tells whether the right node answers.
//
// A node that is no longer a member stays connected for Options.RemovedGrace, so that the leader can tell it that its removal
// has committed, and a member that learns of it late can still vote for whoever must commit it. Then its
// connections, in both directions, are closed. Whether it may connect anew is for Options.Admit to say.
func (n *Network) SetMembers(members []core.Member) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	before := n.known
	n.known = make(map[core.NodeID][]string, len(members))
	for _, m := range members {
		n.stay(m.ID)
		n.know(m.ID, m.Address)
		n.know(m.ID, n.options.Peers[m.ID])
		if len(n.known[m.ID]) == 0 {
			n.known[m.ID] = before[m.ID] // nobody knows better
		}
	}
	for id, addresses := range before {
		if _, member := n.known[id]; !member {
			n.known[id] = addresses
			if id != n.options.Self {
				n.removeLater(id)
			}
		}
	}
	n.refresh()
}

// know adds an address at which a node may be found. n.mu is held.
func (n *Network) know(id core.NodeID, address string) {
	if address != "" && !slices.Contains(n.known[id], address) {
		n.known[id] = append(n.known[id], address)
	}
}

// learn takes in the address that a connected node has told of itself, in place of an earlier one; it is forgotten with the
// connection (an empty address). So a node that is behind, or has just joined, can answer a leader of which its configuration does
// not know yet, or not where it is now.
func (n *Network) learn(id core.NodeID, address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.learned[id] = address
	if address == "" {
		delete(n.learned, id)
	}
	n.refresh()
}

// ownAddress is where this node can be reached, or empty if nobody has said so. n.mu is held.
func (n *Network) ownAddress() string {
	if known := n.known[n.options.Self]; len(known) > 0 {
		return known[0]
	}
	return ""
}

// refresh makes exactly those nodes peers that have an address, save this one. n.mu is held.
func (n *Network) refresh() {
	if n.closed {
		return
	}
	old := *n.peers.Load()
	peers := make(map[core.NodeID]*peer, len(n.known))
	for id, addresses := range n.known {
		if told := n.learned[id]; told != "" && !slices.Contains(addresses, told) {
			addresses = append(slices.Clip(addresses), told)
		}
		n.keepPeer(peers, old, id, addresses)
	}
	for id, address := range n.learned {
		if peers[id] == nil {
			n.keepPeer(peers, old, id, []string{address})
		}
	}
	n.peers.Store(&peers)
	for id, p := range old {
		if peers[id] != p {
			p.stop()
		}
	}
}

// keepPeer puts a node among the peers: as it was if its first address is still the same, and anew otherwise. n.mu is held.
func (n *Network) keepPeer(peers, old map[core.NodeID]*peer, id core.NodeID, addresses []string) {
	if id == n.options.Self || len(addresses) == 0 {
		return
	}
	if p := old[id]; p != nil && (*p.addresses.Load())[0] == addresses[0] {
		p.addresses.Store(&addresses)
		peers[id] = p
		return
	}
	p := newPeer(n, id, addresses)
	peers[id] = p
	if n.started {
		n.wg.Go(p.run)
	}
}

// removeLater ends a former member's connections after the grace. n.mu is held.
func (n *Network) removeLater(id core.NodeID) {
	if n.leaving[id] != nil {
		return
	}
	n.wg.Add(1)
	var timer *time.Timer
	timer = time.AfterFunc(n.options.RemovedGrace, func() {
		defer n.wg.Done()
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.leaving[id] == timer {
			delete(n.leaving, id)
			n.remove(id)
		}
	})
	n.leaving[id] = timer
}

// stay takes removeLater back. n.mu is held.
func (n *Network) stay(id core.NodeID) {
	if timer := n.leaving[id]; timer != nil {
		delete(n.leaving, id)
		if timer.Stop() {
			n.wg.Done()
		}
	}
}

// remove closes the connections with a node, in both directions. n.mu is held.
func (n *Network) remove(id core.NodeID) {
	delete(n.known, id)
	delete(n.learned, id)
	n.refresh()
	if s := n.senders[id]; s != nil && s.current != nil {
		s.current.cancel()
	}
	n.log.Info("connections of a former member closed", "peer", uint64(id))
}

// Peers returns the addresses that are dialled, by node.
func (n *Network) Peers() map[core.NodeID]string {
	addresses := make(map[core.NodeID]string)
	for id, p := range *n.peers.Load() {
		addresses[id] = (*p.addresses.Load())[0]
	}
	return addresses
}
