package raft_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
)

// follower is a node's disk and network, and keeps the order in which entries reach the disk and the service.
type follower struct {
	*raft.MemoryPersister
	receive func(core.Message, uint64)
	replies chan core.AppendReply

	mu     sync.Mutex
	events []event
}

// event is that an entry is about to be written, or to be applied.
type event struct {
	applied bool
	index   uint64
}

func (f *follower) note(applied bool, index uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, event{applied, index})
}

func (f *follower) Save(state core.HardState, entries []core.Entry, sync bool) error {
	if len(entries) > 0 {
		f.note(false, entries[len(entries)-1].Index)
	}
	return f.MemoryPersister.Save(state, entries, sync)
}

func (f *follower) apply(message raft.ApplyMsg) {
	f.note(true, message.Entries[len(message.Entries)-1].Index)
}

func (f *follower) Start(receive func(core.Message, uint64)) error {
	f.receive = receive
	return nil
}

func (f *follower) Send(messages []core.Message) {
	for _, message := range messages {
		if reply, ok := message.(core.AppendReply); ok {
			f.replies <- reply
		}
	}
}

func (f *follower) Close() error { return nil }

// A follower hands new entries to its disk before it applies what the same message says is committed: the leader waits for the disk.
func TestTheDiskGoesFirst(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // on several, both go at once
	f := &follower{MemoryPersister: raft.NewMemoryPersister(), replies: make(chan core.AppendReply, 16)}
	peers := []raft.Peer{{ID: 1}, {ID: 2}, {ID: 3}}
	const long = time.Hour
	r, err := raft.Make(peers, 1, f, nil, raft.WithApply(f.apply), raft.WithNetwork(f), raft.WithTimeouts(long, 2*long))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	const last = 200
	for index := uint64(1); index <= last; index++ {
		request := core.AppendRequest{
			Envelope: core.Envelope{From: 2, To: 1, Term: 1},
			Entries:  []core.Entry{{Index: index, Term: 1, Kind: core.EntryCommand}},
			Commit:   index - 1,
		}
		if index > 1 {
			request.Prev = core.Position{Index: index - 1, Term: 1}
		}
		f.receive(request, 0)
		if reply := <-f.replies; reply.Match != index {
			t.Fatalf("after entry %d the follower acknowledged up to %d", index, reply.Match)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	written, late := uint64(0), 0
	for _, e := range f.events {
		switch {
		case !e.applied:
			written = e.index
		case e.index == written: // the entry after it was told with the commit, and is not written yet
			late++
		}
	}
	t.Logf("%d of %d entries were applied before the next one was written", late, last)
	if late > last/20 {
		t.Errorf("%d of %d entries were applied before the next one was written", late, last)
	}
}
