package tcpnet_test

import (
	"testing"

	"redoubt/raft/core"
	"redoubt/raft/tcpnet"
)

// exchange connects two nodes. What node 1 receives goes to back, and node 2 answers each message with a small reply.
func exchange(b *testing.B, back func(core.Message, uint64)) (send func()) {
	b.Helper()
	o1, o2 := options(b, 1), options(b, 2)
	o1.Peers = map[core.NodeID]string{2: o2.Listener.Addr().String()}
	o2.Peers = map[core.NodeID]string{1: o1.Listener.Addr().String()}
	one, err := tcpnet.New(o1)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { one.Close() })
	two, err := tcpnet.New(o2)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { two.Close() })
	one.Start(back)
	reply := []core.Message{core.AppendReply{Envelope: core.Envelope{From: 2, To: 1, Term: 1}, Match: 1}}
	two.Start(func(core.Message, uint64) { two.Send(reply) })
	request := []core.Message{core.AppendRequest{Envelope: core.Envelope{From: 1, To: 2, Term: 1}, Entries: []core.Entry{
		{Index: 1, Term: 1, Kind: core.EntryCommand, Data: make([]byte, 128)}}}}
	return func() { one.Send(request) }
}

// BenchmarkExchange has two nodes send each other 100,000 messages per iteration: append requests of
// one 128-byte entry one way, replies the other, with a bounded number under way.
func BenchmarkExchange(b *testing.B) {
	const (
		messages = 100_000
		window   = 1024
	)
	credit := make(chan struct{}, window)
	for range window {
		credit <- struct{}{}
	}
	send := exchange(b, func(core.Message, uint64) { credit <- struct{}{} })
	b.ReportAllocs()
	for b.Loop() {
		for range messages {
			<-credit
			send()
		}
	}
	b.ReportMetric(float64(b.N)*messages*2/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkRoundTrip has one message under way at a time.
func BenchmarkRoundTrip(b *testing.B) {
	back := make(chan struct{}, 1)
	send := exchange(b, func(core.Message, uint64) { back <- struct{}{} })
	b.ReportAllocs()
	for b.Loop() {
		send()
		<-back
	}
}

// BenchmarkLargeEntries sends entries of 1 MiB, four under way.
func BenchmarkLargeEntries(b *testing.B) {
	const size = 1 << 20
	o1, o2 := options(b, 1), options(b, 2)
	o1.Peers = map[core.NodeID]string{2: o2.Listener.Addr().String()}
	one, _ := start(b, o1)
	credit := make(chan struct{}, 4)
	for range cap(credit) {
		credit <- struct{}{}
	}
	two, err := tcpnet.New(o2)
	if err != nil {
		b.Fatal(err)
	}
	defer two.Close()
	two.Start(func(core.Message, uint64) { credit <- struct{}{} })
	request := []core.Message{core.AppendRequest{Envelope: core.Envelope{From: 1, To: 2, Term: 1}, Entries: []core.Entry{
		{Index: 1, Term: 1, Kind: core.EntryCommand, Data: make([]byte, size)}}}}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		<-credit
		one.Send(request)
	}
}
