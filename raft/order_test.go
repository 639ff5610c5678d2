package raft_test

import (
	"fmt"
	"testing"

	"redoubt/raft"
	"redoubt/raft/core"
)

// witness is a node's disk and network at once, and sees what is said before it is durable.
type witness struct {
	*citizen
	*raft.MemoryPersister
	t *testing.T
	// match is the highest index that was acknowledged to a leader in term; granted the newest term in which a vote was given.
	match, term, granted uint64
	acknowledged         int
}

func (w *witness) Send(messages []core.Message) {
	for _, message := range messages {
		switch m := message.(type) {
		case core.AppendReply:
			w.match, w.term = m.Match, m.Term
			w.acknowledged++
		case core.VoteReply:
			if m.Granted {
				w.granted = max(w.granted, m.Term)
			}
		}
	}
	w.citizen.Send(messages)
}

func (w *witness) Save(state core.HardState, entries []core.Entry, sync bool) error {
	if len(entries) > 0 && w.term == state.Term && w.match >= entries[0].Index {
		w.t.Errorf("node %d acknowledged entry %d before it wrote entry %d", w.id, w.match, entries[0].Index)
	}
	if old, _ := w.Load(); w.granted >= state.Term && state.Term > old.HardState.Term {
		w.t.Errorf("node %d gave its vote in term %d before it wrote the term", w.id, w.granted)
	}
	if old, _ := w.Load(); !sync && (len(entries) > 0 || state.Term != old.HardState.Term || state.Vote != old.HardState.Vote) {
		w.t.Errorf("node %d saved more than a commit index without a sync", w.id)
	}
	return w.MemoryPersister.Save(state, entries, sync)
}

// What attests something leaves only when that is durable (thesis §10.2.1; P1).
func TestNothingIsSaidBeforeItIsDurable(t *testing.T) {
	w := newWorld(3)
	var witnesses []*witness
	for _, c := range w.nodes {
		seer := &witness{citizen: c, MemoryPersister: raft.NewMemoryPersister(), t: t}
		c.persister = seer
		witnesses = append(witnesses, seer)
		if err := c.begin(raft.WithNetwork(seer)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		word := fmt.Sprint("word ", i)
		leader := w.leader()
		leader.raft.Propose([]byte(word), &outcome{})
		w.applied(word)
		leader.cut = true
		w.leader()
		leader.cut = false
		w.until(func() bool { return leader.raft.Standing().Role == core.Follower })
	}
	var acknowledged int
	var granted uint64
	for _, seer := range witnesses {
		acknowledged += seer.acknowledged
		granted = max(granted, seer.granted)
	}
	if acknowledged < 10 || granted < 2 {
		t.Errorf("%d appends were acknowledged, the last vote was given in term %d: the test saw nothing", acknowledged, granted)
	}
}

// A read that comes while a round is under way cannot be confirmed by it: the leader may have been deposed, and
// another have committed something, between the two (thesis §6.4).
func TestAReadJoinsNoRoundThatHasBegun(t *testing.T) {
	s := newScene(t, false)
	var early, late confirmations
	s.node.raft.Confirm(&early, false)
	s.turn() // the others are asked
	s.node.raft.Confirm(&late, false)
	s.turn()
	for _, c := range s.others() {
		c.manual.Run(raft.LoopWorker)
	}
	s.turn() // and have answered
	if early.n != 1 || late.n != 0 {
		t.Errorf("after one round the read before it has %d answers and the one after its beginning %d, want 1 and 0", early.n, late.n)
	}
	s.settle()
	if late.n != 1 {
		t.Errorf("the later read has %d answers in the end, want 1", late.n)
	}
}

// named is a ticket that knows its command.
type named struct {
	outcome
	command string
}

func TestEveryEntryComesWithItsOwnTicket(t *testing.T) {
	var came int
	apply := func(message raft.ApplyMsg) {
		for _, e := range message.Entries {
			if ticket, ok := e.Ticket.(*named); ok {
				came++
				if ticket.command != string(e.Data) {
					t.Errorf("entry %q came with the ticket of %q", e.Data, ticket.command)
				}
			}
		}
	}
	s := newScene(t, false, raft.WithApply(apply))
	for i := range 30 {
		ticket := &named{command: fmt.Sprint("command ", i)}
		s.node.raft.Propose([]byte(ticket.command), ticket)
		if i%7 == 0 {
			s.turn()
		}
	}
	s.settle()
	if came != 30 {
		t.Errorf("%d of 30 commands came with a ticket", came)
	}
}
