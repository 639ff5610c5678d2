package raft

import (
	"fmt"
	"slices"
	"sync"

	"redoubt/raft/core"
)

// MemoryPersister keeps a node's durable state in memory: for tests, experiments and services that can afford to
// lose a whole node. Copy gives what a node would find after a crash at that instant.
type MemoryPersister struct {
	mu       sync.Mutex
	state    core.HardState
	entries  []core.Entry // consecutive
	base     core.Position
	image    memoryImage
	incoming memoryImage
}

type memoryImage struct {
	meta SnapshotMeta
	data []byte
}

// NewMemoryPersister returns an empty one.
func NewMemoryPersister() *MemoryPersister { return &MemoryPersister{} }

// Copy returns an independent persister with the same content.
func (p *MemoryPersister) Copy() *MemoryPersister {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &MemoryPersister{state: p.state, entries: slices.Clone(p.entries), base: p.base, image: p.image}
}

// SaveSnapshot keeps the service's state as of meta; then tell Raft.SnapshotTaken. The data must not
// be changed afterwards.
func (p *MemoryPersister) SaveSnapshot(meta SnapshotMeta, data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.image = memoryImage{meta, data}
}

// Snapshot returns the newest snapshot; meta.Index is zero if there is none.
func (p *MemoryPersister) Snapshot() (meta SnapshotMeta, data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.image.meta, p.image.data
}

// Load implements Persister.
func (p *MemoryPersister) Load() (State, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := State{
		HardState:          p.state,
		Snapshot:           p.image.meta,
		FirstIndex:         p.base.Index + 1,
		Tail:               slices.Clone(p.entries),
		Last:               p.last(),
		Configuration:      p.image.meta.Configuration,
		ConfigurationIndex: p.image.meta.Index,
	}
	for _, entry := range p.entries {
		if entry.Kind != core.EntryConfiguration || entry.Index <= state.ConfigurationIndex || entry.Index > p.state.Commit {
			continue
		}
		configuration, err := core.DecodeConfiguration(entry.Data)
		if err != nil {
			return State{}, fmt.Errorf("entry %d: %w", entry.Index, err)
		}
		state.Configuration, state.ConfigurationIndex = configuration, entry.Index
	}
	return state, nil
}

func (p *MemoryPersister) last() core.Position {
	if n := len(p.entries); n > 0 {
		return core.Position{Index: p.entries[n-1].Index, Term: p.entries[n-1].Term}
	}
	return p.base
}

// Save implements Persister.
func (p *MemoryPersister) Save(state core.HardState, entries []core.Entry, _ bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = state
	if len(entries) == 0 {
		return nil
	}
	first := entries[0].Index
	if first <= p.base.Index || first > p.last().Index+1 {
		return fmt.Errorf("entry %d does not continue a log of %d to %d", first, p.base.Index+1, p.last().Index)
	}
	keep := first - p.base.Index - 1
	p.entries = append(p.entries[:keep:keep], entries...)
	return nil
}

// Entries implements Persister.
func (p *MemoryPersister) Entries(from, to uint64, maxBytes int) (prevTerm uint64, entries []core.Entry, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if from <= p.base.Index || to > p.last().Index {
		return 0, nil, nil
	}
	prevTerm = p.base.Term
	if from-1 > p.base.Index {
		prevTerm = p.entries[from-1-p.base.Index-1].Term
	}
	size := 0
	for i := from; i <= to; i++ {
		entry := p.entries[i-p.base.Index-1]
		size += len(entry.Data)
		if len(entries) > 0 && size > maxBytes {
			break
		}
		entries = append(entries, entry)
	}
	return prevTerm, entries, nil
}

// Compact implements Persister.
func (p *MemoryPersister) Compact(index uint64) (first uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if index > p.base.Index && index <= p.last().Index {
		n := index - p.base.Index
		p.base = core.Position{Index: index, Term: p.entries[n-1].Term}
		p.entries = slices.Clone(p.entries[n:])
	}
	return p.base.Index + 1, nil
}

// ReadSnapshot implements Persister.
func (p *MemoryPersister) ReadSnapshot(index uint64, offset int64, maxBytes int) (SnapshotMeta, int64, []byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if index != p.image.meta.Index {
		offset = 0
	}
	size := int64(len(p.image.data))
	offset = min(offset, size)
	end := min(offset+int64(maxBytes), size)
	return p.image.meta, size, p.image.data[offset:end], nil
}

// WriteSnapshot implements Persister.
func (p *MemoryPersister) WriteSnapshot(piece core.WriteSnapshot) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if piece.Offset == 0 {
		p.incoming = memoryImage{meta: piece.Meta}
	}
	if piece.Offset != int64(len(p.incoming.data)) || piece.Meta.Position != p.incoming.meta.Position {
		return fmt.Errorf("snapshot %d: piece at %d does not follow %d", piece.Meta.Index, piece.Offset, len(p.incoming.data))
	}
	p.incoming.data = append(p.incoming.data, piece.Data...)
	return nil
}

// InstallSnapshot implements Persister.
func (p *MemoryPersister) InstallSnapshot(install core.InstallSnapshot) (ok bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.incoming.meta.Position != install.Meta.Position || int64(len(p.incoming.data)) != install.Size {
		return false, nil
	}
	p.image, p.incoming = p.incoming, memoryImage{}
	p.base, p.entries = install.Meta.Position, nil
	return true, nil
}
