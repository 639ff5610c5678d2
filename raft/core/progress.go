package core

// PeerState is how a leader feeds a peer.
type PeerState uint8

// The states of a peer.
const (
	// Probing: where the peer's log matches is not known; one request is out at a time.
	Probing PeerState = iota
	// Replicating: requests are sent ahead of their replies, within the window.
	Replicating
	// Snapshotting: the peer needs entries that the log no longer holds.
	Snapshotting
)

// Progress is what a leader knows of one peer.
type Progress struct {
	ID NodeID
	// State is how the peer is fed.
	State PeerState
	// Match is the highest index that the peer is known to hold durably.
	Match uint64
	// Next is the index of the next entry to send.
	Next uint64
	// InflightMessages and InflightBytes were sent and are not yet answered.
	InflightMessages int
	InflightBytes    int
	// Active tells whether the peer was heard since the last check of the quorum.
	Active bool
}

// peer is what a node keeps of one member of the configuration, itself included.
type peer struct {
	id              NodeID
	voter, oldVoter bool
	// promote and instance are the member's.
	promote  bool
	instance uint64

	// granted and wall are the member's vote in the election under way.
	granted bool
	wall    int64

	// The rest is meaningful while leading.

	state PeerState
	match uint64
	next  uint64
	// active: heard since the last check of the quorum.
	active bool
	// aliveAt is the tick at which the peer was last heard, or zero.
	aliveAt uint64
	// round is the highest read round that the peer has echoed, asked the highest that it was asked for.
	round, asked uint64
	// heardAt is the tick of the last answer about the log, or of the last request of a silent
	// spell: what repair waits on.
	heardAt uint64
	// heard is the instance of the disk from which the peer was last heard.
	heard uint64
	// probed: a probe is out.
	probed bool
	// rejected: the last probe was refused, so that the next carries no entries.
	rejected bool
	// backoff grows while a divergence lies before the memory, where terms are not known.
	backoff uint64
	window  window
	sending outgoing
}

// outgoing is the state of a snapshot on its way to a peer.
type outgoing struct {
	// index names the snapshot, zero before the first piece was read.
	index  uint64
	offset int64
	// waiting: a chunk is out.
	waiting bool
}

// reset prepares a peer for a new leadership.
func (p *peer) reset(next, tick uint64) {
	*p = peer{
		id: p.id, voter: p.voter, oldVoter: p.oldVoter, promote: p.promote, instance: p.instance,
		next: next, heardAt: tick, window: p.window,
	}
	p.window.clear()
}

// probe goes back to finding out where the logs match, from next-1.
func (p *peer) probe(next uint64) {
	p.state = Probing
	p.next = max(next, p.match+1)
	p.probed = false
	p.window.clear()
	p.sending = outgoing{}
}

// replicate goes on to send ahead.
func (p *peer) replicate(next uint64) {
	p.state = Replicating
	p.next = max(next, p.match+1)
	p.probed, p.rejected = false, false
	p.backoff = 0
	p.window.clear()
	p.sending = outgoing{}
}

// snapshot begins to send a snapshot.
func (p *peer) snapshot() {
	p.state = Snapshotting
	p.probed, p.rejected = false, false
	p.backoff = 0
	p.window.clear()
	p.sending = outgoing{}
}

// progress returns the peer as drivers see it.
func (p *peer) progress() Progress {
	return Progress{
		ID: p.id, State: p.state, Match: p.match, Next: p.next,
		InflightMessages: p.window.count, InflightBytes: p.window.bytes, Active: p.active,
	}
}

// window holds the appends to a peer that are out, oldest first, in a ring that grows up to the
// message limit.
type window struct {
	ring  []flight
	head  int
	count int
	bytes int
}

// flight is one append that is out.
type flight struct {
	last  uint64
	bytes int
}

// room tells whether another append may leave. One always may, however large it is.
func (w *window) room(maxMessages, maxBytes int) bool {
	return w.count == 0 || (w.count < maxMessages && w.bytes < maxBytes)
}

// add records an append that ends at last.
func (w *window) add(last uint64, bytes int) {
	if w.count == len(w.ring) {
		grown := make([]flight, max(8, 2*len(w.ring)))
		for i := range w.count {
			grown[i] = w.ring[(w.head+i)%len(w.ring)]
		}
		w.ring, w.head = grown, 0
	}
	w.ring[(w.head+w.count)%len(w.ring)] = flight{last: last, bytes: bytes}
	w.count++
	w.bytes += bytes
}

// free forgets the appends that a match at index answers.
func (w *window) free(index uint64) {
	for w.count > 0 && w.ring[w.head].last <= index {
		w.bytes -= w.ring[w.head].bytes
		w.head = (w.head + 1) % len(w.ring)
		w.count--
	}
}

// clear forgets them all.
func (w *window) clear() { w.head, w.count, w.bytes = 0, 0, 0 }
