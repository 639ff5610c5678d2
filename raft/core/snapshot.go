package core

import "hash/crc32"

// incoming is a snapshot on its way to this node.
type incoming struct {
	meta SnapshotMeta
	from NodeID
	size int64
	// next is the offset that is wanted next.
	next int64
	// installing: the driver is replacing log and state. Nothing is appended or applied meanwhile.
	installing bool
	// asked: the InstallSnapshot effect is out.
	asked bool
}

// Checksum returns the CRC32C of a snapshot chunk's data.
func Checksum(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }

// pumpSnapshot reads the next piece for a peer, unless one is out.
func (c *Core) pumpSnapshot(p *peer) {
	if p.sending.waiting || c.askedSnapshot(p.id) {
		return
	}
	r := ReadSnapshot{
		Peer: p.id, Term: c.term,
		Index: p.sending.index, Offset: p.sending.offset,
		MaxBytes: c.config.SnapshotChunkBytes,
	}
	c.askedSnapshots = append(c.askedSnapshots, r)
	c.out.ReadSnapshot = append(c.out.ReadSnapshot, r)
}

// askedSnapshot tells whether a piece is being read for a peer.
func (c *Core) askedSnapshot(id NodeID) bool {
	for i := range c.askedSnapshots {
		if c.askedSnapshots[i].Peer == id {
			return true
		}
	}
	return false
}

// snapshotRead sends a piece of a snapshot.
func (c *Core) snapshotRead(in SnapshotRead) {
	at := -1
	for i := range c.askedSnapshots {
		if c.askedSnapshots[i] == in.Request {
			at = i
		}
	}
	if at < 0 {
		bug("SnapshotRead %+v was not asked for", in.Request)
	}
	c.askedSnapshots = append(c.askedSnapshots[:at], c.askedSnapshots[at+1:]...)
	p := c.peer(in.Request.Peer)
	if c.role != Leader || p == nil || in.Request.Term != c.term || p.state != Snapshotting ||
		in.Request.Index != p.sending.index || in.Request.Offset != p.sending.offset {
		return // the world has moved on since
	}
	p.heardAt = c.ticks
	p.sending.waiting = true
	if in.Meta.Index == 0 {
		return // there is none yet; repair asks again
	}
	if in.Meta.Index != p.sending.index {
		p.sending.index, p.sending.offset = in.Meta.Index, 0
	}
	c.send(SnapshotChunk{
		Envelope: c.envelope(p.id),
		Meta:     in.Meta,
		Size:     in.Size,
		Offset:   p.sending.offset,
		Data:     in.Data,
		Checksum: Checksum(in.Data),
		Round:    c.round,
	})
}

// leadSnapshotReply goes on with a transfer from where the peer is.
func (c *Core) leadSnapshotReply(m SnapshotReply) {
	p := c.heard(m.From, m.Round)
	if p == nil || p.id == c.config.ID {
		return
	}
	if m.Installed {
		if m.Index > c.log.last().Index {
			c.illegal++
			return
		}
		p.heardAt = c.ticks
		if m.Index > p.match {
			p.match = m.Index
			c.lead.matched = true
		}
		switch {
		case p.state == Snapshotting && (m.Index >= p.sending.index || p.match+1 >= c.firstIndex),
			p.state != Snapshotting && p.next <= p.match: // a late answer to what was sent before
			p.replicate(p.match + 1)
		}
		c.summon()
		return
	}
	if p.state != Snapshotting || m.Index != p.sending.index {
		return
	}
	p.heardAt = c.ticks
	// The same offset again is a repeated answer, or a chunk that was refused: the repair timer
	// tells them apart, so that one lost chunk does not double all that follow.
	if m.Next != p.sending.offset && m.Next >= 0 {
		p.sending.offset, p.sending.waiting = m.Next, false
	}
}

// followSnapshot takes a piece of a snapshot from the leader (Raft figure 13).
func (c *Core) followSnapshot(m SnapshotChunk) {
	if !c.follow(m.From) {
		return
	}
	if m.Meta.Index == 0 || m.Meta.Index > maxIndex || m.Meta.Term > m.Term || m.Offset < 0 || m.Size < 0 ||
		int64(len(m.Data)) > m.Size-m.Offset || m.Meta.Configuration.validate() != nil {
		c.illegal++
		return
	}
	in := &c.incoming
	if in.installing {
		return // answered when it is done
	}
	if term, known := c.log.term(m.Meta.Index); m.Meta.Index <= c.commit || (known && term == m.Meta.Term) {
		// The log covers the snapshot and keeps what follows it (Raft figure 13, step 6).
		c.commitTo(m.Meta.Index)
		*in = incoming{}
		c.sendDurable(SnapshotReply{Envelope: c.envelope(m.From), Index: m.Meta.Index, Installed: true, Round: m.Round})
		return
	}
	if in.meta.Position != m.Meta.Position || in.from != m.From || in.size != m.Size {
		// Another leader's image of the same state may have other bytes.
		*in = incoming{meta: m.Meta, from: m.From, size: m.Size}
	}
	if m.Offset == in.next && Checksum(m.Data) == m.Checksum && (len(m.Data) > 0 || m.Size == 0) {
		c.out.WriteSnapshot = append(c.out.WriteSnapshot, WriteSnapshot{Meta: in.meta, Offset: m.Offset, Data: m.Data})
		in.next += int64(len(m.Data))
		if in.next == in.size {
			in.installing = true
			return
		}
	}
	c.sendInTerm(SnapshotReply{Envelope: c.envelope(m.From), Index: m.Meta.Index, Next: in.next, Round: m.Round})
}

// beginInstall asks to install a complete image once no earlier write is under way: the log is
// replaced, and a late write must not land in the new one.
func (c *Core) beginInstall() {
	in := &c.incoming
	if !in.installing || in.asked || !c.disk.settled() || c.disk.unsaved != 0 {
		return
	}
	in.asked = true
	c.out.InstallSnapshot = &InstallSnapshot{Meta: in.meta, Size: in.size}
}

// snapshotInstalled goes on from a snapshot that has taken the place of log and state.
func (c *Core) snapshotInstalled(in SnapshotInstalled) {
	if !c.incoming.asked || in.Index != c.incoming.meta.Index {
		bug("SnapshotInstalled %d, but the install of %d is asked for: %t", in.Index, c.incoming.meta.Index, c.incoming.asked)
	}
	meta, from := c.incoming.meta, c.incoming.from
	c.incoming = incoming{}
	if c.leader != None {
		from = c.leader
	}
	if !in.OK {
		c.sendInTerm(SnapshotReply{Envelope: c.envelope(from), Index: meta.Index})
		return
	}
	if c.commit > meta.Index {
		bug("snapshot %d was installed over a log committed up to %d", meta.Index, c.commit)
	}
	c.log.reset(meta)
	c.disk.pending = c.disk.pending[:0]
	c.disk.durable = meta.Index
	c.commit = meta.Index
	c.apply = application{delivered: meta.Index, applied: c.apply.applied}
	c.snapshot, c.firstIndex = meta, meta.Index+1
	c.memberships = memberships{{index: meta.Index, configuration: meta.Configuration}}
	c.rebuildPeers()
	c.sendDurable(SnapshotReply{Envelope: c.envelope(from), Index: meta.Index, Installed: true})
}

// snapshotTaken takes in that this node has a newer snapshot of its own.
func (c *Core) snapshotTaken(in SnapshotTaken) {
	if in.Meta.Index > c.apply.applied {
		bug("SnapshotTaken at %d, applied up to %d", in.Meta.Index, c.apply.applied)
	}
	if in.Meta.Index >= c.snapshot.Index {
		c.snapshot = in.Meta
	}
	c.firstIndex = max(c.firstIndex, in.FirstIndex)
}
