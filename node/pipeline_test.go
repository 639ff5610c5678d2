package node

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestAPipelineIsOneProposalAndAnsweredInOrder(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	c.settle()
	before := leader.node.raft.Standing().LastIndex
	ctx := context.Background()
	pipe := leader.dial.Pipeline()
	var sets []*redis.StatusCmd
	var gets, echoes []*redis.StringCmd
	const rounds = 100
	for i := range rounds {
		sets = append(sets, pipe.Set(ctx, "k", i, 0))
		gets = append(gets, pipe.Get(ctx, "k"))
		echoes = append(echoes, redis.NewStringCmd(ctx, "echo", fmt.Sprint("token ", i)))
		_ = pipe.Process(ctx, echoes[i])
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range rounds {
		if sets[i].Val() != "OK" || gets[i].Val() != fmt.Sprint(i) || echoes[i].Val() != fmt.Sprint("token ", i) {
			t.Fatalf("round %d: SET %q, GET %q, ECHO %q: replies are crossed, or a read missed the write before it",
				i, sets[i].Val(), gets[i].Val(), echoes[i].Val())
		}
	}
	// The kernel may hand the pipeline over in a few pieces.
	if entries := leader.node.raft.Standing().LastIndex - before; entries > 3 {
		t.Errorf("a pipeline of %d writes made %d log entries, want one proposal", rounds, entries)
	}
}

func TestAFollowerRedirectsToTheLeader(t *testing.T) {
	c := startCluster(t, 3, nil)
	leader := c.leader()
	follower := c.others(leader)[0]
	c.settle()
	cases := []struct{ words, want string }{
		{"SET foo bar", "MOVED 12182 " + leader.client},
		{"GET {user1000}.following", "MOVED 3443 " + leader.client},
		{"DBSIZE", "MOVED 0 " + leader.client},
	}
	for _, test := range cases {
		var words []any
		for _, w := range strings.Fields(test.words) {
			words = append(words, w)
		}
		if got := follower.do(words...); got.err == nil || got.err.Error() != test.want {
			t.Errorf("%s on a follower: %v, %v; want %s", test.words, got.value, got.err, test.want)
		}
	}
}

func TestAnOversizedCommandIsRefusedAndTheRestIsDone(t *testing.T) {
	c := startCluster(t, 1, func(o *Options) { o.MaxEntryBytes = 64 << 10 })
	n := c.leader()
	ctx := context.Background()
	pipe := n.dial.Pipeline()
	first := pipe.Set(ctx, "a", strings.Repeat("x", 40<<10), 0)
	large := pipe.Set(ctx, "b", strings.Repeat("x", 100<<10), 0)
	last := pipe.Set(ctx, "c", strings.Repeat("x", 40<<10), 0)
	_, _ = pipe.Exec(ctx)
	if first.Val() != "OK" || last.Val() != "OK" {
		t.Errorf("the commands around an oversized one: %v and %v, want both done", first, last)
	}
	if large.Err() == nil || !strings.Contains(large.Err().Error(), "max-entry-bytes") {
		t.Errorf("an oversized command was answered %v", large)
	}
	n.expect("0", "EXISTS", "b")
}
