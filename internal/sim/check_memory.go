package sim

import (
	"path"
	"strconv"
	"strings"
)

// What a node holds in memory is bounded whatever its peers, its disk and its clients do (SCENARIOS 21, P6). The driver's
// own bounds are repeated here on purpose: a bound that was lifted by mistake must not lift its check.
const (
	maxQueuedMessages = 4096
	maxQueuedJobs     = 4096
	// entrySlack is about what an entry and an append cost beside the commands in them, in bytes.
	entrySlack = 1024
)

// measure looks at a node's queues, its window to each peer, and the log that it has in memory.
func (c *checker) measure(p *process) {
	name, limits := p.m.name(), &p.m.w.plan.limits
	queued := p.manual.Queued()
	if queued.Messages > maxQueuedMessages {
		c.w.violate(name, "%d messages wait for the loop, at most %d may", queued.Messages, maxQueuedMessages)
	}
	if jobs := max(queued.DiskJobs, queued.Reads, queued.Applies); jobs > maxQueuedJobs {
		c.w.violate(name, "%d jobs wait for a worker, at most %d may: %+v", jobs, maxQueuedJobs, queued)
	}
	largest := limits.EntryBytes + entrySlack
	for _, peer := range p.raft.Progress() {
		c.counts(p, peer)
		if peer.InflightMessages > limits.InflightMessages {
			c.w.violate(name, "%d messages are under way to node %d, at most %d may be", peer.InflightMessages, peer.ID, limits.InflightMessages)
		}
		if most := limits.InflightBytes + limits.AppendBytes + largest; peer.InflightBytes > most {
			c.w.violate(name, "%d bytes are under way to node %d, at most %d may be", peer.InflightBytes, peer.ID, most)
		}
	}
	most := limits.TailBytes + limits.UncommittedBytes + limits.InflightBytes + limits.AppendBytes + largest
	if tail := p.manual.Core().TailBytes(); tail > most {
		c.w.violate(name, "%d bytes of log are in memory, at most %d may be", tail, most)
	}
	if reads := p.replica.WaitingReads(); reads > len(p.exchanges) {
		c.w.violate(name, "%d reads wait, and %d clients", reads, len(p.exchanges))
	}
}

// measureDisk bounds the log on disk of a node that is well and has come to rest: with two images, no more of it stays
// below the older one than the next snapshot would have let go (a crash may have come between an image and the cut).
func (c *checker) measureDisk(p *process) {
	plan, d := &c.w.plan, p.m.disk
	images, segments := d.images(), d.files("wal", ".wal")
	if len(images) < 2 {
		return
	}
	older := images[len(images)-2].index
	below := int64(0)
	for i := 0; i+1 < len(segments); i++ {
		if firstIn(segments[i+1]) <= older+1 {
			below += d.size(segments[i])
		}
	}
	if most := 4*(plan.snapshotLogBytes+int64(plan.maxEntryBytes)) + 6*plan.segmentBytes; below > most {
		c.w.violate(p.m.name(), "%d bytes of its log lie below the older of its images, at %d; at most %d may stay", below, older, most)
	}
}

// measureDue: what is long due does not stay in memory for ever, once the cluster is at rest.
func (c *checker) measureDue(p *process) {
	const late = 1000 // milliseconds of log time
	if deadline, now := p.replica.NextDeadline(), p.replica.LogTime(); deadline < now-late {
		c.w.violate(p.m.name(), "it still holds what was due %d ms ago", now-deadline)
	}
}

// firstIn returns the index of the first entry of a segment of the log, by its file's name: its second number.
func firstIn(name string) uint64 {
	_, first, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".wal"), "-")
	n, _ := strconv.ParseUint(first, 10, 64)
	return n
}
