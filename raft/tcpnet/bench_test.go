package tcpnet_test

import (
	"testing"

	"redoubt/raft/core"
	"redoubt/raft/tcpnet"
)

// BenchmarkExchange has two nodes send each other 100,000 messages per iteration: append requests of
// one 128-byte entry one way, replies the other, with a bounded number under way.
func BenchmarkExchange(b *testing.B) {
	const (
		messages = 100_000
		window   = 1024
	)
	o1, o2 := options(b, 1), options(b, 2)
	o1.Peers = map[core.NodeID]string{2: o2.Listener.Addr().String()}
	o2.Peers = map[core.NodeID]string{1: o1.Listener.Addr().String()}
	one, err := tcpnet.New(o1)
	if err != nil {
		b.Fatal(err)
	}
	defer one.Close()
	two, err := tcpnet.New(o2)
	if err != nil {
		b.Fatal(err)
	}
	defer two.Close()
	credit := make(chan struct{}, window)
	for range window {
		credit <- struct{}{}
	}
	one.Start(func(core.Message) { credit <- struct{}{} })
	reply := []core.Message{core.AppendReply{Envelope: core.Envelope{From: 2, To: 1, Term: 1}, Match: 1}}
	two.Start(func(core.Message) { two.Send(reply) })
	request := []core.Message{core.AppendRequest{Envelope: core.Envelope{From: 1, To: 2, Term: 1}, Entries: []core.Entry{
		{Index: 1, Term: 1, Kind: core.EntryCommand, Data: make([]byte, 128)}}}}
	b.ReportAllocs()
	for b.Loop() {
		for range messages {
			<-credit
			one.Send(request)
		}
	}
	b.ReportMetric(float64(b.N)*messages*2/b.Elapsed().Seconds(), "messages/s")
}
