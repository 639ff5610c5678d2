package tcpnet

import (
	"bytes"
	"context"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"redoubt/raft/core"
	"redoubt/raft/wire"
)

// FuzzGreeting: no greeting panics, and one that is accepted says the same again when it is written.
func FuzzGreeting(f *testing.F) {
	for _, g := range []greeting{
		{cluster: "cluster", sender: 1, receiver: 1 << 40, instance: 1 << 63, address: "node-1:7000", hello: []byte("host:1")},
		{refusal: "because"},
		{},
	} {
		f.Add(g.append(nil)[wire.HeaderBytes:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		g, err := parseGreeting(body)
		if err != nil {
			return
		}
		frame := g.append(nil)
		if len(frame) > maxGreetingBytes {
			t.Fatalf("a greeting of %d bytes was accepted, limit %d", len(frame), maxGreetingBytes)
		}
		again, err := parseGreeting(frame[wire.HeaderBytes:])
		if err != nil || !reflect.DeepEqual(again, g) {
			t.Fatalf("%+v became %+v, error %v", g, again, err)
		}
	})
}

func TestLongestGreetingFits(t *testing.T) {
	g := greeting{cluster: string(bytes.Repeat([]byte("c"), MaxClusterIDBytes)), sender: 1<<64 - 1, receiver: 1<<64 - 1, instance: 1<<64 - 1, address: strings.Repeat("a", core.MaxAddressBytes), hello: make([]byte, MaxHelloBytes)}
	frame := g.append(nil)
	if len(frame) > maxGreetingBytes {
		t.Errorf("the longest greeting has %d bytes, the limit is %d", len(frame), maxGreetingBytes)
	}
	if got, err := parseGreeting(frame[wire.HeaderBytes:]); err != nil || !reflect.DeepEqual(got, g) {
		t.Errorf("the longest greeting changed on the way, error %v", err)
	}
}

// A peer that comes back is dialled at once, not at the end of a long backoff.
func TestHearingOfAPeerEndsTheBackoff(t *testing.T) {
	n := &Network{log: slog.New(slog.DiscardHandler), options: Options{BackoffMin: time.Microsecond}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	p := newPeer(n, 2, []string{""})
	p.heard()
	if !p.pause(time.Hour) {
		t.Error("the pause ended, but not because the peer was heard of")
	}
	if p.pause(time.Microsecond) {
		t.Error("hearing of a peer once ended two pauses")
	}
	n.cancel()
	p.pause(time.Hour)
}

func TestQueueKeepsItsLimits(t *testing.T) {
	m := core.Message(core.TimeoutNow{})
	q := queue{maxMessages: 3, maxBytes: 100, wake: make(chan struct{}, 1)}
	expect := func(when string, messages, bytes int, dropped uint64) {
		t.Helper()
		if gotMessages, gotBytes, gotDropped := q.figures(); gotMessages != messages || gotBytes != bytes || gotDropped != dropped {
			t.Errorf("%s: %d messages, %d bytes, %d dropped; want %d, %d, %d", when, gotMessages, gotBytes, gotDropped, messages, bytes, dropped)
		}
	}
	q.push(m, 1000)
	expect("an empty queue takes any one message", 1, 1000, 0)
	q.push(m, 1)
	expect("and then no other", 1, 1000, 1)
	q.done(q.take())
	q.push(m, 60)
	q.push(m, 41)
	expect("bytes are limited", 1, 60, 2)
	batch := q.take()
	q.push(m, 41)
	expect("what is being written counts", 1, 60, 3)
	q.push(m, 40)
	expect("up to the limit", 2, 100, 3)
	q.done(batch)
	expect("and no longer when it is written", 1, 40, 3)
	q.push(m, 1)
	q.push(m, 1)
	q.push(m, 1)
	expect("messages are limited", 3, 42, 4)
	q.discard()
	expect("discarded messages are dropped ones", 0, 0, 7)
	q.push(m, 1)
	q.close()
	q.push(m, 1)
	expect("a closed queue takes nothing", 0, 0, 9)
}

func TestQueueWakesItsWriterOncePerWait(t *testing.T) {
	m := core.Message(core.TimeoutNow{})
	q := queue{maxMessages: 10, maxBytes: 1000, wake: make(chan struct{}, 1)}
	tokens := func() int { return len(q.wake) }
	q.push(m, 1)
	q.signal()
	if tokens() != 0 {
		t.Error("a writer was woken that did not wait")
	}
	q.done(q.take())
	if q.take() != nil {
		t.Fatal("an empty queue gave a batch")
	}
	q.signal()
	if tokens() != 0 {
		t.Error("a writer was woken for nothing")
	}
	q.push(m, 1)
	q.push(m, 1)
	q.signal()
	q.signal()
	if tokens() != 1 {
		t.Errorf("%d tokens for a writer that waits, want 1", tokens())
	}
	<-q.wake
	if batch := q.take(); len(batch) != 2 {
		t.Errorf("a batch of %d messages, want both", len(batch))
	}
}

func TestStrangersCannotFillTheLog(t *testing.T) {
	var r rationedLog
	now := time.Unix(0, 0)
	if !r.tell("a", now) || r.tell("b", now) {
		t.Error("want one line, then a pause")
	}
	now = now.Add(rationPause)
	if !r.tell("b", now) {
		t.Error("another condition is not told after the pause")
	}
	lines := 0
	for range 1000 {
		now = now.Add(rationPause)
		for _, condition := range []string{"a", "b"} {
			if r.tell(condition, now) {
				lines++
			}
		}
	}
	if lines != 0 {
		t.Errorf("%d more lines about two conditions that take turns, want none", lines)
	}
	if now = now.Add(rationRepeat); !r.tell("a", now) {
		t.Error("a condition that lasts is never told again")
	}
	for i := range 1000 {
		now = now.Add(rationPause)
		r.tell(time.Duration(i).String(), now)
	}
	if len(r.told) > rationMemory {
		t.Errorf("%d conditions are remembered, limit %d", len(r.told), rationMemory)
	}
}
