package sim

import (
	"path"
	"slices"

	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/snapshot"
	"redoubt/wal"
)

// The disk itself knows what a loss of power would leave, so that the order of a snapshot (bytes, name, directory, then the
// cut of the log) is seen as it happens, and not only where a crash comes between. The checks look at files, not at what
// the code under test says of them.

// imageFile is the file of an image.
type imageFile struct {
	path        string
	index, term uint64
}

// imageIn takes a path for that of an image; ok is false for any other.
func imageIn(name string) (image imageFile, ok bool) {
	if path.Dir(name) != snapshotDir {
		return image, false
	}
	index, term, ok := snapshot.ParseName(path.Base(name))
	return imageFile{name, index, term}, ok
}

// images returns the finished images on a disk, oldest first.
func (d *disk) images() []imageFile {
	var images []imageFile
	for _, name := range d.files("snapshot", "") {
		if image, ok := imageIn(name); ok {
			images = append(images, image)
		}
	}
	return images
}

// durableImages returns those that a loss of power would leave as they are.
func (d *disk) durableImages() []imageFile {
	var durable []imageFile
	for _, image := range d.images() {
		if d.fs.Durable(image.path) {
			durable = append(durable, image)
		}
	}
	return durable
}

// operates takes in an operation that a disk is about to carry out.
func (c *checker) operates(m *machine, op vfs.Op) {
	switch op.Kind {
	case vfs.OpRename:
		if _, ok := imageIn(op.To); ok && !m.disk.fs.Synced(op.Path) {
			c.w.violate(m.name(), "%s gets its name before its bytes are durable", op.To)
		}
	case vfs.OpRemove:
		if image, ok := imageIn(op.Path); ok {
			c.removesImage(m, image)
		}
	}
	if meta := m.process.installing; meta.Index > 0 && op.Kind.Mutates() && path.Dir(op.Path) == walDir && !m.disk.holdsImage(meta.Position) {
		c.w.violate(m.name(), "the log is touched before the image at index %d, which takes its place, is durable", meta.Index)
	}
}

// removesImage: the newest two images stay, so that one damaged image does not leave a node without any.
func (c *checker) removesImage(m *machine, old imageFile) {
	newer := 0
	for _, image := range m.disk.durableImages() {
		if image.index > old.index {
			newer++
		}
	}
	if newer < 2 {
		c.w.violate(m.name(), "%s is removed; %d newer images are durable, two must be", old.path, newer)
	}
}

// holdsImage tells whether the image of a position is durable.
func (d *disk) holdsImage(of core.Position) bool {
	return slices.ContainsFunc(d.durableImages(), func(image imageFile) bool {
		return image.index == of.Index && image.term == of.Term
	})
}

// newestImage returns the index of the newest durable image, or zero.
func (d *disk) newestImage() uint64 {
	images := d.durableImages()
	if len(images) == 0 {
		return 0
	}
	return images[len(images)-1].index
}

// begins takes in where a node's log begins now: what it does not hold any more, a durable image does.
func (c *checker) begins(m *machine, first uint64) {
	if first <= 1 {
		return
	}
	if newest := m.disk.newestImage(); newest+1 < first {
		c.w.violate(m.name(), "its log begins at %d; the newest durable image is of index %d", first, newest)
	}
}

// cut takes in that a node has let the beginning of its log go: what is left continues the older of two images, too, which
// is what is left when the newer one is damaged (SCENARIOS 26, 42).
func (c *checker) cut(m *machine, before, first uint64) {
	c.begins(m, first)
	images := m.disk.durableImages()
	if n := len(images); first > before && (n < 2 || first > images[n-2].index+1) {
		c.w.violate(m.name(), "its log is cut up to %d; it must continue the older of two images; durable are %d, the newest at index %d", first, n, m.disk.newestImage())
	}
}

// offered takes in the log and the image with which a node starts: nothing is missing between them.
func (c *checker) offered(m *machine, state raft.State) {
	c.begins(m, state.FirstIndex)
	image := state.Snapshot.Position
	if image.Index > 0 && !m.disk.holdsImage(image) {
		c.w.violate(m.name(), "it starts from an image at index %d that a loss of power would take away", image.Index)
	}
	if state.FirstIndex > state.Snapshot.Index+1 {
		c.w.violate(m.name(), "it starts from an image at index %d with a log that begins at %d", state.Snapshot.Index, state.FirstIndex)
	}
}

// audit looks for a committed entry on the disks themselves, as they would be after a loss of power at this very instant
// (P1). The shadows say what the disks were told; this does not believe them either. It takes long, so it is done for one
// in so many entries.
func (c *checker) audit(at core.Position) {
	if c.w.plan.auditEvery == 0 || at.Index%uint64(c.w.plan.auditEvery) != 0 {
		return
	}
	for _, m := range c.w.machines {
		if m.id == 0 || m.damaged() || at.Index <= m.disk.shadow.base.Index || !m.disk.shadow.holds(at) {
			continue
		}
		left := m.disk.fs.CrashClone(vfs.CrashOptions{Loss: vfs.LoseAll})
		left.SetCapacity(0)
		log, err := wal.Open(left, dataDir+"/wal", wal.Options{SegmentBytes: c.w.plan.segmentBytes})
		if err != nil {
			c.w.violate(m.name(), "after a loss of power at this instant its log could not be read: %v", err)
			return
		}
		if term, ok := log.Term(at.Index); log.First() <= at.Index && (!ok || term != at.Term) {
			c.w.violate(m.name(), "entry %d of term %d is committed and counts it in; after a loss of power its log would end at %d", at.Index, at.Term, log.Last().Index)
		}
		_ = log.Close()
	}
}

// takesWrite takes in that a node proposes what a client writes. It has room for that, and for the elections and expiries to
// come: the next segment of its log was there when it last wrote, or is there now (SCENARIOS 41).
func (c *checker) takesWrite(p *process) {
	if p.saved && !p.roomAhead && !p.m.disk.roomAhead() {
		c.w.violate(p.m.name(), "it takes a write, although its disk has no room for the next segment of the log")
	}
}

// roomAhead tells whether the next segment of the log is reserved.
func (d *disk) roomAhead() bool { return len(d.files("wal", ".tmp")) > 0 }
