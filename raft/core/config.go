package core

import (
	"errors"
	"fmt"
)

// Config is what a Core starts from: who it is, what it remembers and its limits. Zero limits take
// the defaults named beside them.
type Config struct {
	// ID is this node's. It may be missing from Configuration: such a node follows, and never stands.
	ID NodeID
	// Configuration is the latest one at or below max(HardState.Commit, Snapshot.Index), in log or snapshot,
	// or the membership with which a new cluster begins; those that may still be rolled back are in Tail.
	// ConfigurationIndex is the index that it came from, zero for a new cluster.
	Configuration      Configuration
	ConfigurationIndex uint64

	// HardState is the persisted one, or zero in a new node.
	HardState HardState
	// Snapshot is the newest durable snapshot, or zero. The node stands for no election before Applied says that the state machine
	// has loaded it, even if it was loaded before New.
	Snapshot SnapshotMeta
	// FirstIndex is the first index that the log on disk holds, or would hold next. Zero means the
	// first of Tail, or the one after Snapshot.
	FirstIndex uint64
	// Tail is the end of the log: all entries after max(HardState.Commit, Snapshot.Index) at least.
	Tail []Entry
	// Last is the position of the last entry, or of the snapshot if the log is empty.
	Last Position

	// ElectionTicks (default 10): a follower that hears nothing stands for election after a random
	// number of ticks in [ElectionTicks, 2*ElectionTicks); a leader that does not hear a quorum for
	// ElectionTicks steps down.
	ElectionTicks int
	// HeartbeatTicks (default 1) is the leader's heartbeat interval.
	HeartbeatTicks int

	// MaxEntryBytes (default 16 MiB) bounds one command.
	MaxEntryBytes int
	// MaxAppendBytes (default 1 MiB) bounds one AppendRequest, save that it always holds one entry.
	MaxAppendBytes int
	// MaxInflightBytes (default 16 MiB) and MaxInflightMessages (default 256) bound what is sent to
	// one peer and not yet answered.
	MaxInflightBytes    int
	MaxInflightMessages int
	// MaxUncommittedBytes (default 64 MiB) bounds what a leader takes on before it commits.
	MaxUncommittedBytes int
	// MaxTailBytes (default 64 MiB) bounds the log in memory, save for what is not committed or not
	// durable yet. Applied entries stay within it for lagging peers.
	MaxTailBytes int
	// MaxUnappliedBytes (default 64 MiB) bounds what is handed out in Effects.Apply and not yet
	// applied. While so much waits, a leader refuses proposals too.
	MaxUnappliedBytes int
	// SnapshotChunkBytes (default 1 MiB) is the size of a snapshot's pieces on the wire.
	SnapshotChunkBytes int
	// MaxWaitingReads (default 65536) bounds the reads that wait for confirmation.
	MaxWaitingReads int

	// Instance names this node's disk: see Member.Instance. Zero: the network does not tell, and disks are not
	// told apart.
	Instance uint64
	// Incarnation differs at each start of the node, so that answers to reads of an earlier life are not
	// taken for answers to this one's.
	Incarnation uint64
	// LeaseMillis, if not zero, lets a leader serve reads without a round for so long after the sending of a
	// round that a quorum answered. It must be shorter than ElectionTicks-2 ticks of the fastest voter's clock
	// (a tick may be late, and the next one on time), and set on every node or on none.
	LeaseMillis int64

	// Seed drives the core's own random source, which only draws election timeouts. Nodes may share
	// a seed: the ID is mixed in.
	Seed uint64
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

// withDefaults returns the configuration with zero values replaced.
func (c Config) withDefaults() Config {
	def := func(value *int, fallback int) {
		if *value == 0 {
			*value = fallback
		}
	}
	def(&c.ElectionTicks, 10)
	def(&c.HeartbeatTicks, 1)
	def(&c.MaxEntryBytes, 16*mib)
	def(&c.MaxAppendBytes, mib)
	def(&c.MaxInflightBytes, 16*mib)
	def(&c.MaxInflightMessages, 256)
	def(&c.MaxUncommittedBytes, 64*mib)
	def(&c.MaxTailBytes, 64*mib)
	def(&c.MaxUnappliedBytes, 64*mib)
	def(&c.SnapshotChunkBytes, mib)
	def(&c.MaxWaitingReads, 64*kib)
	if c.FirstIndex == 0 {
		c.FirstIndex = c.Snapshot.Index + 1
		if len(c.Tail) > 0 {
			c.FirstIndex = c.Tail[0].Index
		}
	}
	return c
}

// validate checks limits and the persisted state. An error names what does not fit together.
func (c *Config) validate() error {
	if c.ID == None {
		return errors.New("core: Config.ID is not set")
	}
	if err := c.Configuration.validate(); err != nil {
		return fmt.Errorf("core: Config.Configuration: %w", err)
	}
	if err := c.Snapshot.Configuration.validate(); err != nil {
		return fmt.Errorf("core: Config.Snapshot: %w", err)
	}
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"HeartbeatTicks", c.HeartbeatTicks},
		{"MaxEntryBytes", c.MaxEntryBytes},
		{"MaxAppendBytes", c.MaxAppendBytes},
		{"MaxInflightBytes", c.MaxInflightBytes},
		{"MaxInflightMessages", c.MaxInflightMessages},
		{"MaxUncommittedBytes", c.MaxUncommittedBytes},
		{"MaxTailBytes", c.MaxTailBytes},
		{"MaxUnappliedBytes", c.MaxUnappliedBytes},
		{"SnapshotChunkBytes", c.SnapshotChunkBytes},
		{"MaxWaitingReads", c.MaxWaitingReads},
	} {
		if limit.value < 0 {
			return fmt.Errorf("core: Config.%s is %d, must be positive", limit.name, limit.value)
		}
	}
	if c.ElectionTicks <= c.HeartbeatTicks {
		return fmt.Errorf("core: Config.ElectionTicks is %d, must exceed HeartbeatTicks, which is %d", c.ElectionTicks, c.HeartbeatTicks)
	}
	if c.LeaseMillis < 0 {
		return fmt.Errorf("core: Config.LeaseMillis is %d, must not be negative", c.LeaseMillis)
	}
	return c.validateLog()
}

// validateLog checks that hard state, snapshot and log belong together.
func (c *Config) validateLog() error {
	floor := max(c.HardState.Commit, c.Snapshot.Index)
	switch {
	case c.HardState.Commit > c.Last.Index:
		return fmt.Errorf("core: commit index %d lies beyond the last entry %d", c.HardState.Commit, c.Last.Index)
	case c.Snapshot.Index > c.Last.Index:
		return fmt.Errorf("core: snapshot %d lies beyond the last entry %d", c.Snapshot.Index, c.Last.Index)
	case c.HardState.Term < c.Last.Term:
		return fmt.Errorf("core: term %d is older than the last entry's term %d", c.HardState.Term, c.Last.Term)
	case c.FirstIndex > c.Snapshot.Index+1:
		return fmt.Errorf("core: the log begins at %d and leaves a gap after snapshot %d", c.FirstIndex, c.Snapshot.Index)
	case c.ConfigurationIndex > floor:
		return fmt.Errorf("core: configuration %d lies beyond %d, up to which entries are known to be committed", c.ConfigurationIndex, floor)
	}
	if len(c.Tail) == 0 {
		if c.Last.Index > floor {
			return fmt.Errorf("core: the tail is empty, but entries %d to %d are not known to be committed", floor+1, c.Last.Index)
		}
		return nil
	}
	if first := c.Tail[0].Index; first == 0 || first > floor+1 {
		return fmt.Errorf("core: the tail begins at %d and leaves a gap after %d", first, floor)
	}
	s, err := newSpan(c.HardState.Term, Position{Index: c.Tail[0].Index - 1}, c.Tail)
	if err != nil {
		return err
	}
	if s.last() != c.Last {
		return fmt.Errorf("core: the tail ends at %v, the log at %v", s.last(), c.Last)
	}
	return nil
}
