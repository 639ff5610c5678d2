package main

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"redoubt/conf"
	"redoubt/raft"
)

// replyError is an error that a server replied, as the client library has it.
type replyError string

func (e replyError) Error() string { return string(e) }
func (replyError) RedisError()     {}

func TestJudgeTellsWhenToAskAgain(t *testing.T) {
	for _, c := range []struct {
		err    error
		leader string // of a redirect
		final  bool
	}{
		{err: replyError("MOVED 0 10.0.0.2:6379"), leader: "10.0.0.2:6379"},
		{err: replyError("ERR id 3 was given to a node before; ids are never reused"), final: true},
		{err: replyError("TRYAGAIN Another membership change is under way")},
		{err: replyError("CLUSTERDOWN The cluster is down")},
		{err: replyError("UNCERTAIN the outcome of the change is not known")},
		{err: replyError("ERR max number of clients reached")},
		{err: replyError("MOVED")},
		{err: replyError("")},
		{err: errors.New("ERR is no reply here, but the text of a connection's error")},
	} {
		var moved movedError
		var final finalError
		err := judge(c.err)
		if errors.As(err, &moved); moved.leader != c.leader {
			t.Errorf("%q sends the node to %q, want %q", c.err, moved.leader, c.leader)
		}
		if errors.As(err, &final) != c.final {
			t.Errorf("%q is final: %t, want %t", c.err, !c.final, c.final)
		}
	}
}

func TestApplicationSaysWhatItWants(t *testing.T) {
	config := conf.Config{PeerAnnounce: "one:7379", NodeID: 1}
	for _, c := range []struct {
		change func()
		want   string
	}{
		{func() {}, "[RAFT JOIN one:7379 INSTANCE 9]"},
		{func() { config.NodeID, config.NodeIDGiven = 8, true }, "[RAFT JOIN one:7379 INSTANCE 9 ID 8]"},
		{func() { config.JoinLearner = true }, "[RAFT JOIN one:7379 INSTANCE 9 ID 8 LEARNER]"},
	} {
		c.change()
		if got := fmt.Sprint((application{config: &config, instance: 9}).words()); got != c.want {
			t.Errorf("asks %s, want %s", got, c.want)
		}
	}
}

// A server that is no Redoubt, or not of this version, may answer anything.
func TestParseMembership(t *testing.T) {
	row := func(id int64, peer string) map[any]any {
		return map[any]any{"id": id, "peer": peer, "leader": int64(0)}
	}
	good := map[any]any{"id": int64(4), "members": []any{row(1, "a:1"), row(4, "d:1")}}
	want := membership{id: 4, peers: []raft.Peer{{ID: 1, Address: "a:1"}, {ID: 4, Address: "d:1"}}}
	if got, err := parseMembership(good); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []any{
		nil, "OK", int64(4), []any{"id", int64(4)}, map[any]any{},
		map[any]any{"id": "4", "members": []any{row(1, "a:1")}},
		map[any]any{"id": int64(-4), "members": []any{row(1, "a:1")}},
		map[any]any{"id": int64(4), "members": []any{}},
		map[any]any{"id": int64(4), "members": []any{nil, "x", row(0, "a:1"), row(1, "")}},
	} {
		if got, err := parseMembership(bad); err == nil {
			t.Errorf("%v was taken for %+v", bad, got)
		}
	}
}
