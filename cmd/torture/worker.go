package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"redoubt/clerk"
	"redoubt/internal/lin"
)

// kind is a way of being a client.
type kind struct {
	name  string
	count int
	// together is how many commands it sends at most before it waits for replies.
	together int
	open     func(addresses []string, i int, shared *clerk.Clerk) client
	suits    func(*profile) bool
	draw     func(p *profile, r *rand.Rand, keys []string, value string) []string
	// stale: what it reads may be of the past.
	stale bool
	// alone: it uses keys that no other client does.
	alone bool
}

func anything(*profile) bool { return true }

func drawAny(p *profile, r *rand.Rand, keys []string, value string) []string {
	return p.draw(r, keys, value)
}

func drawRead(p *profile, r *rand.Rand, keys []string, _ string) []string { return p.read(r, keys) }

// drawClerk draws from the three commands of a clerk.
func drawClerk(_ *profile, r *rand.Rand, keys []string, value string) []string {
	switch draw := r.IntN(10); {
	case draw < 5:
		return []string{"APPEND", keys[0], value}
	case draw < 6:
		return []string{"SET", keys[0], value}
	}
	return []string{"GET", keys[0]}
}

func drawAppend(_ *profile, _ *rand.Rand, keys []string, value string) []string {
	return []string{"APPEND", keys[0], value}
}

func isRegister(p *profile) bool { return p == registers }

func kinds() []kind {
	plain := func(limit time.Duration) func([]string, int, *clerk.Clerk) client {
		return func(addresses []string, i int, _ *clerk.Clerk) client { return newRoute(addresses, i, limit) }
	}
	loyal := func(addresses []string, i int, _ *clerk.Clerk) client { return newLoyal(addresses, i) }
	shared := func(_ []string, _ int, shared *clerk.Clerk) client { return clerkClient{shared} }
	reader := func(how string) func([]string, int, *clerk.Clerk) client {
		return func(addresses []string, i int, _ *clerk.Clerk) client { return newReader(addresses, i, how) }
	}
	return []kind{
		{name: "plain", count: 2, together: 1, open: plain(roundLimit), suits: anything, draw: drawAny},
		{name: "patient", count: 2, together: 1, open: plain(patientLimit), suits: anything, draw: drawAny},
		{name: "pipeline", count: 2, together: 12, open: plain(roundLimit), suits: anything, draw: drawAny},
		{name: "loyal", count: 6, together: 1, open: loyal, suits: anything, draw: drawRead},
		{name: "cluster", count: 2, together: 1, suits: anything, draw: drawAny,
			open: func(addresses []string, _ int, _ *clerk.Clerk) client { return newEnvelopes(addresses) }},
		{name: "clerk", count: 2, together: 1, open: shared, suits: isRegister, draw: drawClerk},
		{name: "appender", count: 3, together: 1, open: shared, draw: drawAppend, alone: true},
		{name: "reader", count: 3, together: 1, open: reader("LINEARIZABLE"), suits: anything, draw: drawRead},
		{name: "stale reader", count: 2, together: 1, open: reader("STALE"), suits: anything, draw: drawRead, stale: true},
	}
}

// worker is one client at work.
type worker struct {
	kind
	id      int
	client  client
	random  *rand.Rand
	board   *board
	clock   func() int64
	tally   *tally
	own     *group // of a client that is alone
	drawn   int
	strange func(worker *worker, what string)
}

// workPause spaces a client's rounds, so that a machine with few cores has time for the rest.
const workPause = 3 * time.Millisecond

// run works until ctx ends.
func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := workPause
		if !w.round(ctx) {
			pause = clientPause
		}
		wait(ctx, pause)
	}
	if w.own != nil {
		w.own.retire()
		w.board.deliver(w.own)
	}
	w.client.close()
}

// round sends some commands, and reports whether any was served.
func (w *worker) round(ctx context.Context) bool {
	groups := make([]*group, 1+w.random.IntN(w.together))
	commands := make([][]string, len(groups))
	for i := range groups {
		groups[i] = w.take()
		w.drawn++
		commands[i] = w.draw(groups[i].profile, w.random, groups[i].keys, fmt.Sprintf("<%d.%d>", w.id, w.drawn))
	}
	call := w.clock()
	// The end of the run does not cut replies off: that would leave outcomes unknown for no reason.
	outcomes := w.client.do(context.WithoutCancel(ctx), commands)
	returned := w.clock()
	served := false
	for i, o := range outcomes {
		if o.strange != "" {
			w.strange(w, fmt.Sprintf("%q was answered with %q", commands[i], o.strange))
		}
		served = served || o.Outcome == lin.Done
		w.tally.add(o.Outcome, isWrite(commands[i]))
		w.board.end(groups[i], lin.Operation{
			Client: w.id, Call: call, Return: returned, Words: commands[i],
			Outcome: o.Outcome, Reply: o.reply, Unread: o.unread, Stale: w.stale,
		})
	}
	return served
}

// take begins an operation on some group of keys.
func (w *worker) take() *group {
	if !w.alone {
		return w.board.take(w.random, w.suits)
	}
	for {
		if w.own == nil {
			w.own = w.board.newGroup(journals, journalOperations, time.Hour)
		}
		if w.own.begin() {
			return w.own
		}
		w.board.deliver(w.own)
		w.own = nil
	}
}

// isWrite reports whether a drawn command changes something when it succeeds.
func isWrite(words []string) bool {
	switch words[0] {
	case "GET", "MGET", "STRLEN", "EXISTS", "PTTL":
		return false
	}
	return true
}

// tally counts what became of operations.
type tally struct {
	done, notDone, unknown atomic.Int64
	// lastWrite is when a write was last acknowledged, in nanoseconds since the start, and gap the longest time between two.
	start     time.Time
	lastWrite atomic.Int64
	gap       atomic.Int64
}

func (t *tally) add(o lin.Outcome, write bool) {
	switch o {
	case lin.NotDone:
		t.notDone.Add(1)
	case lin.Unknown:
		t.unknown.Add(1)
	default:
		t.done.Add(1)
		if write {
			now := t.now()
			t.widen(now - t.lastWrite.Swap(now))
		}
	}
}

func (t *tally) now() int64 { return time.Since(t.start).Nanoseconds() }

func (t *tally) widen(gap int64) {
	for {
		widest := t.gap.Load()
		if gap <= widest || t.gap.CompareAndSwap(widest, gap) {
			return
		}
	}
}
