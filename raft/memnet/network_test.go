package memnet_test

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/raft/memnet"
)

var _ raft.Network = (*memnet.Endpoint)(nil)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func next(t *testing.T, promise string, c <-chan core.Message) core.Message {
	t.Helper()
	select {
	case m := <-c:
		return m
	case <-time.After(patience):
		t.Fatalf("not within %v: %s", patience, promise)
		return nil
	}
}

func within(t *testing.T, promise string, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, promise)
		}
	}
}

func newNetwork(t *testing.T, seed uint64) *memnet.Network {
	before := runtime.NumGoroutine()
	n := memnet.New(seed)
	t.Cleanup(func() {
		n.Close()
		within(t, "every goroutine ends with Close", func() bool { return runtime.NumGoroutine() <= before })
	})
	return n
}

// started returns a started endpoint and what arrives there.
func started(t *testing.T, n *memnet.Network, id core.NodeID) (*memnet.Endpoint, <-chan core.Message) {
	t.Helper()
	e := n.Endpoint(id)
	arrived := make(chan core.Message, 1<<14)
	if err := e.Start(func(m core.Message, _ uint64) { arrived <- m }); err != nil {
		t.Fatal(err)
	}
	return e, arrived
}

func numbered(from, to core.NodeID, number uint64) core.Message {
	return core.HeartbeatRequest{Envelope: core.Envelope{From: from, To: to, Term: 1}, Round: number}
}

// settled waits until nothing is on its way.
func settled(t *testing.T, n *memnet.Network) {
	t.Helper()
	within(t, "every message is delivered or lost", func() bool {
		s := n.Stats()
		return s.Sent+s.Duplicated == s.Delivered+s.Dropped+s.Unreachable+s.Overflowed
	})
}

// collect returns the numbers of what has arrived.
func collect(c <-chan core.Message, count uint64) []uint64 {
	var numbers []uint64
	for range count {
		numbers = append(numbers, (<-c).(core.HeartbeatRequest).Round)
	}
	return numbers
}

func TestWithoutFaultsEverythingArrivesInOrder(t *testing.T) {
	n := newNetwork(t, 1)
	one, _ := started(t, n, 1)
	_, arrived := started(t, n, 2)
	for i := range uint64(5000) {
		one.Send([]core.Message{numbered(1, 2, i)})
	}
	for i := range uint64(5000) {
		if got := next(t, "every message arrives", arrived); got != numbered(1, 2, i) {
			t.Fatalf("message %d is %+v", i, got)
		}
	}
	if s := n.Stats(); s.Sent != 5000 || s.SentBytes < 5*5000 || s.SentBytes > 20*5000 {
		t.Errorf("5000 small messages are counted as %d with %d bytes", s.Sent, s.SentBytes)
	}
}

func TestDelayKeepsTheOrder(t *testing.T) {
	n := newNetwork(t, 2)
	one, _ := started(t, n, 1)
	_, arrived := started(t, n, 2)
	n.SetFaults(memnet.Faults{MinDelay: 5 * time.Millisecond, MaxDelay: 15 * time.Millisecond})
	begun := time.Now()
	for i := range uint64(500) {
		one.Send([]core.Message{numbered(1, 2, i)})
	}
	for i := range uint64(500) {
		if got := next(t, "a delayed message arrives", arrived); got != numbered(1, 2, i) {
			t.Fatalf("message %d is %+v", i, got)
		}
		if i == 0 && time.Since(begun) < 5*time.Millisecond {
			t.Errorf("a message arrived after %v, before MinDelay", time.Since(begun))
		}
	}
}

func TestReorderDropAndDuplicate(t *testing.T) {
	const count = 2000
	for _, c := range []struct {
		name   string
		faults memnet.Faults
		check  func(numbers []uint64, s memnet.Stats) bool
	}{
		{"reorder", memnet.Faults{Reorder: 0.2, ReorderDelay: 5 * time.Millisecond}, func(numbers []uint64, s memnet.Stats) bool {
			return len(numbers) == count && !slices.IsSorted(numbers)
		}},
		{"drop", memnet.Faults{Drop: 0.25}, func(numbers []uint64, s memnet.Stats) bool {
			return slices.IsSorted(numbers) && s.Dropped > count/5 && s.Dropped < count/3
		}},
		{"drop all", memnet.Faults{Drop: 1}, func(numbers []uint64, s memnet.Stats) bool {
			return len(numbers) == 0 && s.Dropped == count
		}},
		{"duplicate all", memnet.Faults{Duplicate: 1, ReorderDelay: time.Millisecond}, func(numbers []uint64, s memnet.Stats) bool {
			slices.Sort(numbers)
			return len(numbers) == 2*count && len(slices.Compact(numbers)) == count && s.Duplicated == count
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNetwork(t, 3)
			one, _ := started(t, n, 1)
			_, arrived := started(t, n, 2)
			n.SetFaults(c.faults)
			for i := range uint64(count) {
				one.Send([]core.Message{numbered(1, 2, i)})
			}
			settled(t, n)
			s := n.Stats()
			if numbers := collect(arrived, s.Delivered); !c.check(numbers, s) {
				t.Errorf("the fault did not show: %+v", s)
			}
		})
	}
}

// fates returns which of a stream of messages arrive, and how often.
func fates(t *testing.T, seed uint64) map[uint64]int {
	n := newNetwork(t, seed)
	one, _ := started(t, n, 1)
	_, arrived := started(t, n, 2)
	three, _ := started(t, n, 3)
	n.SetFaults(memnet.Faults{Drop: 0.3, Duplicate: 0.3})
	// Another link's traffic has no part in this one's fate.
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range uint64(seed%3) * 100 {
			three.Send([]core.Message{numbered(3, 1, i)})
		}
	})
	for i := range uint64(500) {
		one.Send([]core.Message{numbered(1, 2, i)})
	}
	wg.Wait()
	settled(t, n)
	times := map[uint64]int{}
	for len(arrived) > 0 {
		times[(<-arrived).(core.HeartbeatRequest).Round]++
	}
	return times
}

func TestFateFollowsFromTheSeed(t *testing.T) {
	a, b, c := fates(t, 7), fates(t, 7), fates(t, 8)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed made different choices")
	}
	if reflect.DeepEqual(a, c) {
		t.Error("different seeds made the same choices")
	}
}

func TestPartitionCutAndDisconnect(t *testing.T) {
	n := newNetwork(t, 4)
	ids := []core.NodeID{1, 2, 3, 4}
	endpoints := map[core.NodeID]*memnet.Endpoint{}
	heard := map[core.NodeID]<-chan core.Message{}
	for _, id := range ids {
		endpoints[id], heard[id] = started(t, n, id)
	}
	number := uint64(0)
	expect := func(when string, want map[string]bool) {
		t.Helper()
		number++
		for _, from := range ids {
			for _, to := range ids {
				if from != to {
					endpoints[from].Send([]core.Message{numbered(from, to, number)})
				}
			}
		}
		settled(t, n)
		got := map[string]bool{}
		for _, to := range ids {
			for len(heard[to]) > 0 {
				got[fmt.Sprintf("%d>%d", (<-heard[to]).Head().From, to)] = true
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: messages passed %v, want %v", when, got, want)
		}
		for _, from := range ids {
			for _, to := range ids {
				if from != to && n.Reachable(from, to) != want[fmt.Sprintf("%d>%d", from, to)] {
					t.Errorf("%s: Reachable(%d, %d) is %v", when, from, to, n.Reachable(from, to))
				}
			}
		}
	}
	ways := func(not ...string) map[string]bool {
		all := map[string]bool{}
		for _, from := range ids {
			for _, to := range ids {
				if way := fmt.Sprintf("%d>%d", from, to); from != to && !slices.Contains(not, way) {
					all[way] = true
				}
			}
		}
		return all
	}
	expect("at first", ways())
	n.Partition([]core.NodeID{1, 2}, []core.NodeID{3})
	expect("partitioned, node 4 named by no group", map[string]bool{"1>2": true, "2>1": true})
	n.Partition([]core.NodeID{1})
	expect("partitioned anew", ways("1>2", "1>3", "1>4", "2>1", "3>1", "4>1"))
	n.Heal()
	n.Cut(1, 2)
	expect("one way cut", ways("1>2"))
	n.Disconnect(3)
	expect("node 3 disconnected too", ways("1>2", "1>3", "2>3", "4>3", "3>1", "3>2", "3>4"))
	n.Heal()
	expect("healed, node 3 still disconnected", ways("1>3", "2>3", "4>3", "3>1", "3>2", "3>4"))
	n.Connect(3)
	expect("all taken back", ways())
}

func TestFilterStopsWhatItDoesNotPass(t *testing.T) {
	n := newNetwork(t, 11)
	one, _ := started(t, n, 1)
	_, arrived := started(t, n, 2)
	n.SetFilter(func(m core.Message) bool {
		_, vote := m.(core.VoteRequest)
		return !vote
	})
	vote := core.VoteRequest{Envelope: core.Envelope{From: 1, To: 2}}
	one.Send([]core.Message{vote, numbered(1, 2, 1)})
	if got := next(t, "what the filter passes arrives", arrived); got != numbered(1, 2, 1) {
		t.Errorf("got %+v through the filter", got)
	}
	n.SetFilter(nil)
	one.Send([]core.Message{vote})
	if got := next(t, "everything arrives without a filter", arrived); got != vote {
		t.Errorf("got %+v", got)
	}
}

func TestCutTakesWhatIsOnTheWay(t *testing.T) {
	n := newNetwork(t, 5)
	one, _ := started(t, n, 1)
	_, arrived := started(t, n, 2)
	n.SetFaults(memnet.Faults{MinDelay: 500 * time.Millisecond, MaxDelay: 500 * time.Millisecond})
	one.Send([]core.Message{numbered(1, 2, 1)})
	n.Cut(1, 2)
	settled(t, n)
	if len(arrived) != 0 {
		t.Error("a message passed a link that was cut while it was on its way")
	}
}

// Nodes must not share memory: not with the sender, nor among copies.
func TestMessagesAreCopies(t *testing.T) {
	n := newNetwork(t, 6)
	one, _ := started(t, n, 1)
	_, arrived := started(t, n, 2)
	n.SetFaults(memnet.Faults{Duplicate: 1})
	data := []byte("original")
	sent := core.AppendRequest{Envelope: core.Envelope{From: 1, To: 2}, Entries: []core.Entry{
		{Index: 1, Term: 1, Kind: core.EntryCommand, Data: data}}}
	one.Send([]core.Message{sent})
	copy(data, "changed!")
	sent.Entries[0].Term = 9
	first := next(t, "the message arrives", arrived).(core.AppendRequest)
	second := next(t, "its duplicate arrives", arrived).(core.AppendRequest)
	if e := first.Entries[0]; string(e.Data) != "original" || e.Term != 1 {
		t.Errorf("the sender's later change shows: %+v", e)
	}
	copy(first.Entries[0].Data, "received")
	if string(second.Entries[0].Data) != "original" || string(data) != "changed!" {
		t.Error("the receiver's change of one copy shows in another")
	}
}

func TestWhatIsOnTheWayIsBounded(t *testing.T) {
	n := newNetwork(t, 7)
	one, _ := started(t, n, 1)
	two := n.Endpoint(2)
	const sent = 1 << 15
	for i := range uint64(sent) {
		one.Send([]core.Message{numbered(1, 2, i)})
	}
	s := n.Stats()
	if s.Overflowed == 0 {
		t.Fatalf("%d messages wait for a node that does not read: %+v", sent, s)
	}
	var received atomic.Uint64
	two.Start(func(core.Message, uint64) { received.Add(1) })
	within(t, "what fitted is kept for a later Start", func() bool { return received.Load() == sent-s.Overflowed })
}

func TestNewEndpointReplacesACrashedNodes(t *testing.T) {
	n := newNetwork(t, 8)
	one, arrivedAtOne := started(t, n, 1)
	old, arrivedAtOld := started(t, n, 2)
	_, arrived := started(t, n, 2)
	one.Send([]core.Message{numbered(1, 2, 1)})
	next(t, "the new endpoint receives", arrived)
	old.Send([]core.Message{numbered(2, 1, 2)})
	settled(t, n)
	if len(arrivedAtOld) != 0 || len(arrivedAtOne) != 0 {
		t.Error("the old endpoint is still on the network")
	}
	// Closing the old one late does no harm to the new.
	old.Close()
	one.Send([]core.Message{numbered(1, 2, 3)})
	next(t, "the new endpoint receives after the old one is closed", arrived)
}

func TestClosedEndpoint(t *testing.T) {
	n := newNetwork(t, 9)
	one, _ := started(t, n, 1)
	entered, leave := make(chan struct{}), make(chan struct{})
	var inside atomic.Bool
	two := n.Endpoint(2)
	two.Start(func(core.Message, uint64) {
		inside.Store(true)
		entered <- struct{}{}
		<-leave
		inside.Store(false)
	})
	one.Send([]core.Message{numbered(1, 2, 1), numbered(1, 2, 2)})
	<-entered
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		two.Close()
		if inside.Load() {
			t.Error("Close returned while a message was being received")
		}
	}()
	within(t, "what is on its way to a closed node is lost", func() bool { return n.Stats().Unreachable == 1 })
	close(leave)
	<-closed
	one.Send([]core.Message{numbered(1, 2, 3)})
	two.Send([]core.Message{numbered(2, 1, 4)})
	if err := two.Start(func(core.Message, uint64) {}); err == nil {
		t.Error("Start after Close succeeded")
	}
	if err := two.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	n.Close()
	if err := n.Endpoint(5).Start(func(core.Message, uint64) {}); err == nil {
		t.Error("an endpoint of a closed network started")
	}
}

// For the race detector: everything at once.
func TestEverythingAtOnce(t *testing.T) {
	n := newNetwork(t, 10)
	n.SetFaults(memnet.Faults{MaxDelay: time.Millisecond, Drop: 0.1, Duplicate: 0.1, Reorder: 0.1})
	var wg sync.WaitGroup
	for id := core.NodeID(1); id <= 3; id++ {
		wg.Go(func() {
			for range 5 {
				e := n.Endpoint(id)
				e.Start(func(m core.Message, _ uint64) { _ = m.Head() })
				for i := range uint64(200) {
					e.Send([]core.Message{numbered(id, id%3+1, i)})
				}
				e.Close()
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			n.Partition([]core.NodeID{1}, []core.NodeID{2, 3})
			n.Cut(2, 3)
			n.Disconnect(1)
			n.Heal()
			n.Connect(1)
			n.Stats()
		}
	})
	wg.Wait()
}

func TestTheSendersInstanceArrives(t *testing.T) {
	n := newNetwork(t, 1)
	instances := make(chan uint64, 2)
	if err := n.Endpoint(2).Start(func(_ core.Message, instance uint64) { instances <- instance }); err != nil {
		t.Fatal(err)
	}
	n.Endpoint(1).WithInstance(7).Send([]core.Message{numbered(1, 2, 1)})
	if got := <-instances; got != 7 {
		t.Errorf("a message came with instance %d, want its sender's, 7", got)
	}
	// The next endpoint stands for a node that has lost its disk.
	n.Endpoint(1).Send([]core.Message{numbered(1, 2, 2)})
	if got := <-instances; got != 0 {
		t.Errorf("a message came with instance %d, want none told", got)
	}
}
