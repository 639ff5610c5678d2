package tcpnet_test

import (
	"bytes"
	"fmt"
	"net"
	"reflect"
	"testing"
	"time"

	"redoubt/raft/core"
	"redoubt/raft/tcpnet"
)

func TestEveryKindArrivesAsItWasSent(t *testing.T) {
	noGoroutinesLeft(t)
	one, two, toOne, toTwo := pair(t)
	for _, way := range []struct {
		from, to *tcpnet.Network
		e        core.Envelope
		arrivals <-chan core.Message
	}{
		{one, two, core.Envelope{From: 1, To: 2, Term: 3}, toTwo},
		{two, one, core.Envelope{From: 2, To: 1, Term: 3}, toOne},
	} {
		p := core.Position{Index: 7, Term: 2}
		sent := []core.Message{
			core.PreVoteRequest{Envelope: way.e, Last: p},
			core.PreVoteReply{Envelope: way.e, Granted: true, Current: 9},
			core.VoteRequest{Envelope: way.e, Last: p, Transfer: true},
			core.VoteReply{Envelope: way.e, Granted: true, Wall: 1234},
			core.AppendRequest{Envelope: way.e, Prev: p, Commit: 5, Round: 6, Entries: []core.Entry{
				{Index: 8, Term: 3, Kind: core.EntryNoop, Time: 1},
				{Index: 9, Term: 3, Kind: core.EntryCommand, Time: 2, Data: []byte("set a b")},
			}},
			core.AppendReply{Envelope: way.e, Match: 9, Round: 6},
			core.AppendReject{Envelope: way.e, Prev: p, Hint: core.Position{Index: 1, Term: 1}, Round: 6},
			core.HeartbeatRequest{Envelope: way.e, Commit: 9, Round: 7},
			core.HeartbeatReply{Envelope: way.e, Round: 7},
			core.SnapshotChunk{Envelope: way.e, Meta: core.SnapshotMeta{Position: p, Configuration: core.Configuration{
				Members: []core.Member{{ID: 1, Address: "a:1", Voter: true}}}}, Size: 5, Offset: 1, Data: []byte("data"), Checksum: 8, Round: 9},
			core.SnapshotReply{Envelope: way.e, Index: 7, Next: 5, Round: 9},
			core.TimeoutNow{Envelope: way.e},
		}
		way.from.Send(sent)
		for _, want := range sent {
			if got := next(t, fmt.Sprintf("a %T arrives", want), way.arrivals); !reflect.DeepEqual(got, want) {
				t.Errorf("%T changed on the way:\n got %+v\nwant %+v", want, got, want)
			}
		}
	}
	within(t, "what was sent is counted", func() bool {
		peer := one.Stats().Peers[2]
		return peer.SentMessages == 12 && peer.QueuedMessages == 0 && peer.QueuedBytes == 0 && peer.DroppedMessages == 0
	})
	stats := one.Stats()
	if stats.ReceivedMessages != 12 || stats.BadFrames != 0 {
		t.Errorf("node 1's figures after 12 messages: %+v", stats)
	}
}

func TestLargeEntriesArrive(t *testing.T) {
	one, _, _, toTwo := pair(t)
	for _, size := range []int{255 << 10, 1<<20 + 1, 20 << 20} {
		data := bytes.Repeat([]byte("redoubt!"), size/8)
		sent := core.AppendRequest{Envelope: core.Envelope{From: 1, To: 2, Term: 1}, Entries: []core.Entry{
			{Index: 1, Term: 1, Kind: core.EntryCommand, Data: data},
			{Index: 2, Term: 1, Kind: core.EntryCommand, Data: []byte("small")},
		}}
		one.Send([]core.Message{heartbeat(1, 2, 1), sent, heartbeat(1, 2, 2)})
		next(t, "the message before a large one arrives", toTwo)
		got := next(t, "a large message arrives", toTwo)
		next(t, "the message after a large one arrives", toTwo)
		if !reflect.DeepEqual(got, core.Message(sent)) {
			t.Errorf("an entry of %d bytes changed on the way", size)
		}
	}
}

func TestMessageBeyondTheFrameLimitIsDroppedAtItsSender(t *testing.T) {
	var logs logBuffer
	o := options(t, 1)
	o.MaxFrameBytes, o.Logger = 1<<10, logs.logger()
	one, _ := start(t, o)
	two, toTwo := start(t, options(t, 2))
	one.SetPeers(map[core.NodeID]string{2: two.Addr().String()})
	large := core.AppendRequest{Envelope: core.Envelope{From: 1, To: 2}, Entries: []core.Entry{
		{Index: 1, Kind: core.EntryCommand, Data: make([]byte, 1<<10)}}}
	one.Send([]core.Message{large, heartbeat(1, 2, 1)})
	if got := next(t, "the message after the one too large arrives", toTwo); got != heartbeat(1, 2, 1) {
		t.Errorf("got %+v, want the heartbeat: the large message must not leave", got)
	}
	if dropped := one.Stats().Peers[2].DroppedMessages; dropped != 1 {
		t.Errorf("%d messages counted as dropped, want 1", dropped)
	}
	if logs.count("exceeds the frame limit") != 1 {
		t.Error("no log line says that a message exceeded the frame limit")
	}
}

func TestPeerThatRestartsIsConnectedAgain(t *testing.T) {
	noGoroutinesLeft(t)
	var logs logBuffer
	o := options(t, 1)
	o.Logger = logs.logger()
	one, _ := start(t, o)
	o2 := options(t, 2)
	two, toTwo := start(t, o2)
	address := two.Addr().String()
	one.SetPeers(map[core.NodeID]string{2: address})
	for life := range 3 {
		within(t, "the peer is connected", func() bool { return one.Connected(2) })
		one.Send([]core.Message{heartbeat(1, 2, uint64(life))})
		if got := next(t, "a message arrives", toTwo); got != heartbeat(1, 2, uint64(life)) {
			t.Fatalf("life %d: got %+v", life, got)
		}
		two.Close()
		within(t, "the peer's end is noticed", func() bool { return !one.Connected(2) })
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		o2.Listener = l
		two, toTwo = start(t, o2)
	}
	within(t, "the peer is connected", func() bool { return one.Connected(2) })
}

// A peer that is away for hours must not cost a line in the log for every dial.
func TestAbsentPeerIsLoggedOnce(t *testing.T) {
	var logs logBuffer
	absent := listen(t)
	address := absent.Addr().String()
	absent.Close()
	o := options(t, 1)
	o.Logger = logs.logger()
	dials := make(chan struct{}, 100)
	o.Dial = countingDial(dials)
	o.Peers = map[core.NodeID]string{2: address}
	start(t, o)
	for range 8 {
		next(t, "the peer is dialled again", dials)
	}
	if n := logs.count("no connection to peer"); n != 1 {
		t.Errorf("%d lines about an absent peer, want 1", n)
	}
}

func TestBacklogIsBounded(t *testing.T) {
	// A peer that shakes hands and then reads nothing.
	two := newStranger(t, 2)
	o := options(t, 1)
	o.QueueMessages, o.QueueBytes = 100, 1<<20
	o.Peers = map[core.NodeID]string{2: two.address()}
	one, _ := start(t, o)
	two.accept(t, 1)
	within(t, "the peer is connected", func() bool { return one.Connected(2) })

	large := core.AppendRequest{Envelope: core.Envelope{From: 1, To: 2}, Entries: []core.Entry{
		{Index: 1, Kind: core.EntryCommand, Data: make([]byte, 300<<10)}}}
	const sent = 200
	for range sent {
		one.Send([]core.Message{large})
		if p := one.Stats().Peers[2]; p.QueuedBytes > o.QueueBytes || p.QueuedMessages > o.QueueMessages {
			t.Fatalf("queued %d bytes in %d messages, limits %d and %d", p.QueuedBytes, p.QueuedMessages, o.QueueBytes, o.QueueMessages)
		}
	}
	within(t, "the rest is counted as dropped", func() bool {
		p := one.Stats().Peers[2]
		return p.DroppedMessages > 0 && p.SentMessages+p.DroppedMessages+uint64(p.QueuedMessages) >= sent
	})
	for range 1000 {
		one.Send([]core.Message{heartbeat(1, 2, 1)})
	}
	if p := one.Stats().Peers[2]; p.QueuedMessages > o.QueueMessages {
		t.Errorf("%d messages queued, limit %d", p.QueuedMessages, o.QueueMessages)
	}
}

func TestMessageLongerThanTheQueuePassesAlone(t *testing.T) {
	o := options(t, 1)
	o.QueueBytes = 1 << 10
	one, _ := start(t, o)
	two, toTwo := start(t, options(t, 2))
	one.SetPeers(map[core.NodeID]string{2: two.Addr().String()})
	one.Send([]core.Message{core.AppendRequest{Envelope: core.Envelope{From: 1, To: 2}, Entries: []core.Entry{
		{Index: 1, Kind: core.EntryCommand, Data: make([]byte, 1<<20)}}}})
	next(t, "a message longer than QueueBytes arrives when the queue was empty", toTwo)
}

// A stopped process or a cut cable closes no connection.
func TestSilentPeerIsNoticed(t *testing.T) {
	var logs logBuffer
	o := options(t, 1)
	o.Logger = logs.logger()
	o.PingInterval, o.IdleTimeout = 20*time.Millisecond, 100*time.Millisecond
	two := newStranger(t, 2)
	o.Peers = map[core.NodeID]string{2: two.address()}
	one, _ := start(t, o)

	two.accept(t, 1)
	within(t, "a peer that answers no ping is given up", func() bool { return logs.count("no connection to peer") == 1 })
	if connects := one.Stats().Peers[2].Connects; connects != 1 || logs.count("i/o timeout") != 1 {
		t.Errorf("the peer was connected %d times, and %d lines speak of a timeout; want 1 and 1", connects, logs.count("i/o timeout"))
	}

	conn := two.dial(t, one.Addr().String(), 1, "test")
	if said := expectClosed(t, conn); !bytes.Contains(said, []byte("redoubt")) {
		t.Errorf("a silent peer was told %q, want a welcome before the end", said)
	}
	within(t, "a peer that sends nothing is given up", func() bool { return one.Stats().Accepted == 0 })
}

// A peer that is alive but reads nothing holds a writer up for WriteTimeout, and no longer.
func TestPeerThatReadsNothingIsGivenUp(t *testing.T) {
	var logs logBuffer
	o := options(t, 1)
	o.Logger = logs.logger()
	o.WriteTimeout, o.PingInterval, o.IdleTimeout = 50*time.Millisecond, time.Hour, 3*time.Hour
	two := newStranger(t, 2)
	o.Peers = map[core.NodeID]string{2: two.address()}
	one, _ := start(t, o)
	two.accept(t, 1)
	large := core.AppendRequest{Envelope: core.Envelope{From: 1, To: 2}, Entries: []core.Entry{
		{Index: 1, Kind: core.EntryCommand, Data: make([]byte, 1<<20)}}}
	within(t, "the peer is given up", func() bool {
		one.Send([]core.Message{large})
		return logs.count("no connection to peer") == 1
	})
	if connects := one.Stats().Peers[2].Connects; connects != 1 || logs.count("i/o timeout") != 1 {
		t.Errorf("the peer was connected %d times, and %d lines speak of a timeout; want 1 and 1", connects, logs.count("i/o timeout"))
	}
}

func TestQuietConnectionStays(t *testing.T) {
	o1, o2 := options(t, 1), options(t, 2)
	o1.PingInterval, o1.IdleTimeout = 10*time.Millisecond, time.Second
	o2.PingInterval, o2.IdleTimeout = o1.PingInterval, o1.IdleTimeout
	o1.Peers = map[core.NodeID]string{2: o2.Listener.Addr().String()}
	one, _ := start(t, o1)
	start(t, o2)
	within(t, "the peer is connected", func() bool { return one.Connected(2) })
	// Silence is the condition here: there is nothing to wait for but time.
	<-time.After(2 * o1.IdleTimeout)
	if p := one.Stats().Peers[2]; !p.Connected || p.Connects != 1 {
		t.Errorf("a connection without messages was given up: %+v", p)
	}
}

func TestSetPeersChangesWhoIsDialled(t *testing.T) {
	noGoroutinesLeft(t)
	one, _ := start(t, options(t, 1))
	two, toTwo := start(t, options(t, 2))
	three, toThree := start(t, options(t, 3))
	one.SetPeers(map[core.NodeID]string{1: "skipped", 2: two.Addr().String()})
	within(t, "node 2 is connected", func() bool { return one.Connected(2) })
	one.SetPeers(map[core.NodeID]string{2: two.Addr().String(), 3: three.Addr().String()})
	within(t, "node 3 is connected", func() bool { return one.Connected(3) })
	if connects := one.Stats().Peers[2].Connects; connects != 1 {
		t.Errorf("node 2 was connected %d times, want 1: its address is the same", connects)
	}
	one.Send([]core.Message{heartbeat(1, 2, 1), heartbeat(1, 3, 1)})
	next(t, "a message to node 2 arrives", toTwo)
	next(t, "a message to node 3 arrives", toThree)
	one.SetPeers(map[core.NodeID]string{3: three.Addr().String()})
	within(t, "node 2 is let go", func() bool { return !one.Connected(2) && two.Stats().Accepted == 0 })
	one.Send([]core.Message{heartbeat(1, 2, 1)})
	if stray := one.Stats().StrayMessages; stray != 1 {
		t.Errorf("%d stray messages, want 1", stray)
	}
	if want := map[core.NodeID]string{3: three.Addr().String()}; !reflect.DeepEqual(one.Peers(), want) {
		t.Errorf("peers %v, want %v", one.Peers(), want)
	}
	// An address change: the old connection goes, the new one comes.
	moved, toMoved := start(t, options(t, 3))
	one.SetPeers(map[core.NodeID]string{3: moved.Addr().String()})
	within(t, "node 3 is connected at its new address", func() bool { return one.Connected(3) && moved.Stats().Accepted == 1 })
	one.Send([]core.Message{heartbeat(1, 3, 2)})
	next(t, "a message to the new address arrives", toMoved)
}

func TestHelloReachesBothSides(t *testing.T) {
	type told struct {
		id    core.NodeID
		hello string
	}
	heardByOne, heardByTwo := make(chan told, 10), make(chan told, 10)
	o1, o2 := options(t, 1), options(t, 2)
	o1.Hello, o2.Hello = []byte("one:6379"), nil
	o1.OnHello = func(id core.NodeID, hello []byte) { heardByOne <- told{id, string(hello)} }
	o2.OnHello = func(id core.NodeID, hello []byte) { heardByTwo <- told{id, string(hello)} }
	o1.Peers = map[core.NodeID]string{2: o2.Listener.Addr().String()}
	start(t, o1)
	start(t, o2)
	if got := next(t, "the dialler hears the hello", heardByOne); got != (told{2, ""}) {
		t.Errorf("the dialler was told %+v", got)
	}
	if got := next(t, "the accepting node hears the hello", heardByTwo); got != (told{1, "one:6379"}) {
		t.Errorf("the accepting node was told %+v", got)
	}
}

func TestCloseInEveryState(t *testing.T) {
	noGoroutinesLeft(t)
	o := options(t, 1)
	o.Peers = map[core.NodeID]string{2: "127.0.0.1:1"}
	n, err := tcpnet.New(o)
	if err != nil {
		t.Fatal(err)
	}
	n.Send([]core.Message{heartbeat(1, 2, 1)})
	for range 2 {
		if err := n.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := n.Start(func(core.Message, uint64) {}); err == nil {
		t.Error("Start after Close succeeded")
	}
	n.SetPeers(map[core.NodeID]string{3: "127.0.0.1:1"})
	n.Send([]core.Message{heartbeat(1, 2, 1), heartbeat(1, 3, 1)})
}

func TestNoDeliveryAfterClose(t *testing.T) {
	noGoroutinesLeft(t)
	o1, o2 := options(t, 1), options(t, 2)
	o1.Peers = map[core.NodeID]string{2: o2.Listener.Addr().String()}
	one, _ := start(t, o1)
	two, err := tcpnet.New(o2)
	if err != nil {
		t.Fatal(err)
	}
	entered, closed := make(chan struct{}, 1), make(chan struct{})
	two.Start(func(core.Message, uint64) {
		select {
		case <-closed:
			t.Error("a message was delivered after Close returned")
		case entered <- struct{}{}:
		default:
		}
	})
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				one.Send([]core.Message{heartbeat(1, 2, 1)})
			}
		}
	}()
	next(t, "messages flow", entered)
	two.Close()
	close(closed)
	close(stop)
	<-done
}

func TestWrongOptionsAreRefused(t *testing.T) {
	l := listen(t)
	defer l.Close()
	for name, o := range map[string]tcpnet.Options{
		"no self":            {ClusterID: "c", Listener: l},
		"no cluster":         {Self: 1, Listener: l},
		"no listener":        {Self: 1, ClusterID: "c"},
		"long hello":         {Self: 1, ClusterID: "c", Listener: l, Hello: make([]byte, tcpnet.MaxHelloBytes+1)},
		"negative limit":     {Self: 1, ClusterID: "c", Listener: l, QueueBytes: -1},
		"negative time":      {Self: 1, ClusterID: "c", Listener: l, DialTimeout: -1},
		"backoff reversed":   {Self: 1, ClusterID: "c", Listener: l, BackoffMin: 2, BackoffMax: 1},
		"idle before a ping": {Self: 1, ClusterID: "c", Listener: l, PingInterval: time.Second, IdleTimeout: time.Second},
		"address in use":     {Self: 1, ClusterID: "c", Listen: l.Addr().String()},
	} {
		if n, err := tcpnet.New(o); err == nil {
			n.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}
