package main

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fakeServer answers commands with what answer returns, and counts them.
func fakeServer(t *testing.T, answer func(words []string) string) (address string, commands *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	commands = new(atomic.Int64)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				reader := bufio.NewReader(conn)
				for {
					command, err := readReply(reader) // a command has the form of a reply
					if err != nil {
						return
					}
					var words []string
					for _, item := range command.items {
						words = append(words, item.text)
					}
					commands.Add(1)
					if _, err := conn.Write([]byte(answer(words))); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String(), commands
}

// fine answers as a server does that has every other key.
func fine(words []string) string {
	switch {
	case words[0] == "SET":
		return "+OK\r\n"
	case words[1][len(words[1])-1]%2 == 0:
		return "$-1\r\n"
	}
	return "$5\r\nhello\r\n"
}

func TestLoadSendsAllOfItOnce(t *testing.T) {
	address, commands := fakeServer(t, fine)
	l := load{address: address, connections: 7, pipeline: 5, reads: 0.9, valueBytes: 10, keys: 1000, requests: 2003}
	got, err := l.run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if commands.Load() != 2003 || got.all.total != 2003 || got.gets.total+got.sets.total != 2003 {
		t.Errorf("%d commands arrived, %d were counted (%d GET, %d SET), want 2003",
			commands.Load(), got.all.total, got.gets.total, got.sets.total)
	}
	if share := float64(got.gets.total) / 2003; share < 0.85 || share > 0.95 {
		t.Errorf("a share of %v was GETs, want 0.9", share)
	}
	if got.rate() <= 0 || got.all.percentile(50) <= 0 {
		t.Errorf("rate %v, median %v", got.rate(), got.all.percentile(50))
	}
}

func TestLoadCountsPhasesApart(t *testing.T) {
	address, commands := fakeServer(t, fine)
	r, err := load{address: address, connections: 2, pipeline: 1, valueBytes: 10, keys: 10}.start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	await := func(n int64) {
		t.Helper()
		err := eventually(context.Background(), 10*time.Second, "commands arrive", func() error {
			if commands.Load() < n {
				return errors.New("too few")
			}
			return r.orElse(nil)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	await(100)
	r.next()
	await(commands.Load() + 100)
	r.next()
	tallies, err := r.finish()
	if err != nil {
		t.Fatal(err)
	}
	if len(tallies) != 3 || tallies[0].all.total < 90 || tallies[1].all.total < 90 {
		t.Errorf("%d phases: %+v", len(tallies), tallies)
	}
	sum := uint64(0)
	for _, one := range tallies {
		sum += one.all.total
	}
	if diff := commands.Load() - int64(sum); diff < 0 || diff > 2 {
		t.Errorf("%d commands arrived, %d were counted", commands.Load(), sum)
	}
}

func TestLoadEndsWithTheFirstError(t *testing.T) {
	address, _ := fakeServer(t, func([]string) string { return "-MOVED 5 127.0.0.1:1\r\n" })
	_, err := load{address: address, connections: 3, pipeline: 4, valueBytes: 10, keys: 10}.run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "MOVED 5") {
		t.Errorf("got %v", err)
	}
	if _, err := (load{address: "127.0.0.1:1", connections: 1, pipeline: 1, keys: 1}).run(context.Background()); err == nil {
		t.Error("nobody listens, and all is well")
	}
}

func TestLoadKeepsToItsRate(t *testing.T) {
	address, _ := fakeServer(t, fine)
	got, err := load{address: address, connections: 4, pipeline: 1, valueBytes: 10, keys: 10, requests: 100, rate: 500}.run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got.elapsed < 150*time.Millisecond {
		t.Errorf("100 requests at 500 a second took %v", got.elapsed)
	}
}

func TestLoadCanBeInterrupted(t *testing.T) {
	address, _ := fakeServer(t, fine)
	ctx, cancel := context.WithCancel(context.Background())
	r, err := load{address: address, connections: 2, pipeline: 1, valueBytes: 10, keys: 10}.start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := r.finish(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestKeysAreWrittenInPlace(t *testing.T) {
	command := appendCommand(nil, "SET", keyOf(0), "value")
	putKey(command, 123456)
	if want := string(appendCommand(nil, "SET", keyOf(123456), "value")); string(command) != want {
		t.Errorf("got %q, want %q", command, want)
	}
	if got := keyOf(7); len(got) != 16 || got != "key:000000000007" {
		t.Errorf("a key is %q", got)
	}
}

func TestSilence(t *testing.T) {
	s := &silence{}
	s.mark()
	if err := s.servedFor(time.Nanosecond); err == nil {
		t.Error("nobody was served, and all is well")
	}
	before := s.began.Add(-time.Second)
	s.last = s.last.Add(-3 * time.Second) // nothing came for three seconds
	s.acknowledged(before)                // sent before the event: says nothing
	if s.longest() != 0 {
		t.Errorf("what was sent before ends a silence of %v", s.longest())
	}
	s.acknowledged(s.began.Add(time.Millisecond))
	if got := s.longest(); got < 3*time.Second || got > 4*time.Second {
		t.Errorf("the silence was %v, want 3 s", got)
	}
}
