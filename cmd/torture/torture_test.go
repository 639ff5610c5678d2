package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redoubt/internal/lin"
)

func TestEveryDrawnCommandIsModelled(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, k := range kinds() {
		uses := profiles()
		if k.alone {
			uses = []*profile{journals}
		}
		for _, p := range uses {
			if !k.alone && !k.suits(p) {
				continue
			}
			for range 300 {
				keys := []string{"a", "b"}[:p.keys]
				words := k.draw(p, r, keys, "<1.1>")
				if err := lin.Supported(words); err != nil {
					t.Fatalf("%s on %s: %v", k.name, p.name, err)
				}
				if (k.stale || strings.Contains(k.name, "reader")) && isWrite(words) {
					t.Fatalf("%s on %s drew %q", k.name, p.name, words)
				}
			}
		}
	}
}

func TestWhatErrorsSay(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, test := range []struct {
		err   error
		want  lin.Outcome
		moved string
		odd   bool
	}{
		{nil, lin.Done, "", false},
		{redis.Nil, lin.Done, "", false},
		{refused, lin.NotDone, "", false},
		{context.DeadlineExceeded, lin.Unknown, "", false},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, lin.Unknown, "", false},
		{serverError("MOVED 12 10.0.0.1:6379"), lin.NotDone, "10.0.0.1:6379", false},
		{serverError("CLUSTERDOWN no leader"), lin.NotDone, "", false},
		{serverError("MISCONF disk full"), lin.NotDone, "", false},
		{serverError("UNCERTAIN lost"), lin.Unknown, "", false},
		{serverError("ERR no idea"), lin.Unknown, "", true},
		{serverError(""), lin.Unknown, "", true},
		{serverError("MOVED"), lin.Unknown, "", true},
	} {
		o := judge(nil, test.err)
		if o.Outcome != test.want || o.moved != test.moved || (o.strange != "") != test.odd {
			t.Errorf("%v: %v, moved to %q, strange %q", test.err, o.Outcome, o.moved, o.strange)
		}
	}
}

type serverError string

func (e serverError) Error() string { return string(e) }
func (serverError) RedisError()     {}

// A group reaches the checker once, when its last operation has ended, whoever notices.
func TestGroupsAreFinishedOnce(t *testing.T) {
	finished := make(map[*group]int)
	p := &profile{name: "p", keys: 1}
	b := newBoard([]*profile{p}, func(g *group) { finished[g]++ })
	r := rand.New(rand.NewPCG(1, 2))
	var open []*group
	for range 5 * groupOperations {
		g := b.take(r, anything)
		open = append(open, g)
		if len(open) > 3 {
			b.end(open[0], lin.Operation{Words: []string{"GET", g.keys[0]}, Outcome: lin.NotDone})
			open = open[1:]
		}
	}
	b.retireAll()
	b.retireAll()
	if len(finished) != 4 {
		t.Errorf("%d groups were finished while operations of the last were open, want 4", len(finished))
	}
	for _, g := range open {
		b.end(g, lin.Operation{Words: []string{"GET", g.keys[0]}})
	}
	if len(finished) != 5 {
		t.Errorf("%d groups were finished, want 5", len(finished))
	}
	for g, times := range finished {
		if times != 1 || len(g.history) > 3 {
			t.Errorf("%v was finished %d times with %d operations", g.keys, times, len(g.history))
		}
	}
}

func TestAnOldGroupIsReplaced(t *testing.T) {
	var finished []*group
	b := newBoard([]*profile{{name: "p", keys: 2}}, func(g *group) { finished = append(finished, g) })
	old := b.places[0]
	old.ends = time.Now().Add(-time.Second)
	g := b.take(rand.New(rand.NewPCG(1, 3)), anything)
	if g == old || slices.Equal(g.keys, old.keys) || !slices.Equal(finished, []*group{old}) {
		t.Errorf("took %v after %v; finished: %d", g.keys, old.keys, len(finished))
	}
}

// What the end of a run compares with: a lost value, or one that an unknown write explains.
func TestRetainedValues(t *testing.T) {
	var wrong []string
	v := newVerifier(nil, func() int64 { return 0 }, func(time.Time) time.Duration { return 0 },
		func(what string, _ []lin.Operation) { wrong = append(wrong, what) }, func(string, []lin.Operation) {})
	history := []lin.Operation{
		{Words: []string{"APPEND", "k", "<a>"}, Call: 1, Return: 2, Reply: lin.Int(3)},
		{Words: []string{"APPEND", "k", "<b>"}, Call: 3, Outcome: lin.Unknown},
	}
	last := lin.Operation{Words: []string{"GET", "k"}, Call: 5, Return: 6, Reply: lin.Text("<a>")}
	v.keep(history, []lin.Operation{last})
	for _, test := range []struct {
		value lin.Reply
		fine  bool
	}{{lin.Text("<a>"), true}, {lin.Text("<a><b>"), true}, {lin.Text("<b>"), false}, {lin.Null(), false}} {
		wrong = nil
		again := last
		again.Call, again.Return, again.Reply = 100, 101, test.value
		r := v.kept[0]
		fine := v.check(slices.Concat(r.values, r.unknown, []lin.Operation{again}))
		if fine != test.fine || fine != (len(wrong) == 0) {
			t.Errorf("read again: %v: fine %t, violations %q", test.value, fine, wrong)
		}
	}
}

func TestStanding(t *testing.T) {
	const info = "# Raft\r\nraft_node_id:4\r\nraft_role:leader\r\nraft_term:7\r\nraft_commit_index:90\r\nraft_applied_index:89\r\nraft_members:3\r\n"
	s, err := parseStanding(info)
	if err != nil || s != (standing{role: "leader", id: 4, term: 7, commit: 90, applied: 89, members: 3}) {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := parseStanding("raft_term:x\r\n"); err == nil {
		t.Error("nonsense was read as a standing")
	}
}

func TestEveryFaultCanBeDrawn(t *testing.T) {
	names := make(map[string]bool)
	for _, f := range faults() {
		if names[f.name] || f.weight < 1 || f.run == nil || f.schedule >= schedules {
			t.Errorf("%q is there twice, or cannot be drawn", f.name)
		}
		names[f.name] = true
	}
	if o := (options{names: "kill,cut"}); !o.wants("kill") || !o.wants("cut") || o.wants("kill-all") {
		t.Error("-faults picks others than it names")
	}
}

func TestRules(t *testing.T) {
	others := []link{{address: "10.0.0.2"}, {}, {address: "10.0.0.3"}}
	if got := deaf(others...); !slices.Equal(got, []string{"ip saddr 10.0.0.2 drop", "ip saddr 10.0.0.3 drop"}) {
		t.Errorf("%q", got)
	}
	if got := lossy(7, others[0]); !slices.Equal(got, []string{"ip saddr 10.0.0.2 numgen random mod 100 < 7 drop"}) {
		t.Errorf("%q", got)
	}
}
