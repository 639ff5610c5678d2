//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redoubt/clerk"
)

// A plain go-redis client that follows MOVED by hand.
func TestGoRedisPlain(t *testing.T) {
	c := startCluster(t)
	ctx := t.Context()
	for _, protocol := range []int{2, 3} {
		leader := c.leader()
		follower := c.follower()
		client := redis.NewClient(&redis.Options{Addr: follower.client, Protocol: protocol})
		defer client.Close()
		err := client.Set(ctx, "plain", "x", 0).Err()
		if err == nil || !strings.HasPrefix(err.Error(), "MOVED ") {
			t.Fatalf("SET on a follower: %v, promised: MOVED", err)
		}
		words := strings.Fields(err.Error())
		if len(words) != 3 || words[2] != leader.client {
			t.Fatalf("%v, promised: MOVED to %s", err, leader.client)
		}
		moved := redis.NewClient(&redis.Options{Addr: words[2], Protocol: protocol})
		defer moved.Close()
		exercise(t, moved, fmt.Sprintf("plain%d", protocol))
	}
}

func TestGoRedisCluster(t *testing.T) {
	c := startCluster(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: c.addresses(),
		// A node that refuses connections sends no redirect; what the library then knows ages by this. Its
		// default is a minute, with Redis too.
		ClusterStateReloadInterval: time.Second,
	})
	defer client.Close()
	exercise(t, client, "cluster")
	for round := range 2 {
		key := fmt.Sprintf("cluster:failover:%d", round)
		old := c.leader()
		if err := client.Set(t.Context(), key, "before", 0).Err(); err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		old.kill(t)
		expectClusterClient(t, client, key)
		t.Logf("after kill -9 of the leader a ClusterClient wrote again after %v", time.Since(at).Round(time.Millisecond))
		old.start(t)
		c.waitReady()
	}
	exercise(t, client, "cluster-after")
}

// expectClusterClient writes and reads a key with the library's own retries until it is served.
func expectClusterClient(t *testing.T, client *redis.ClusterClient, key string) {
	t.Helper()
	eventually(t, readLimit, "a ClusterClient follows a failover", func() error {
		return client.Set(t.Context(), key+":next", "after", 0).Err()
	})
	for name, want := range map[string]string{key: "before", key + ":next": "after"} {
		if have, err := client.Get(t.Context(), name).Result(); err != nil || have != want {
			t.Errorf("GET %s after a failover: %q, %v; acknowledged: %q", name, have, err, want)
		}
	}
}

// exercise uses a client of the library for what people do with it.
func exercise(t *testing.T, client redis.Cmdable, prefix string) {
	t.Helper()
	ctx := t.Context()
	key := func(name string) string { return prefix + ":" + name }
	check := func(what string, have, want any, err error) {
		t.Helper()
		if err != nil || fmt.Sprint(have) != fmt.Sprint(want) {
			t.Errorf("%s: %v, %v; promised: %v", what, have, err, want)
		}
	}
	text, err := client.Set(ctx, key("a"), "hello", 0).Result()
	check("SET", text, "OK", err)
	number, err := client.Append(ctx, key("a"), " world").Result()
	check("APPEND", number, 11, err)
	text, err = client.Get(ctx, key("a")).Result()
	check("GET", text, "hello world", err)
	if _, err = client.Get(ctx, key("none")).Result(); !errors.Is(err, redis.Nil) {
		t.Errorf("GET of a missing key: %v, promised: nil", err)
	}
	yes, err := client.SetNX(ctx, key("a"), "other", 0).Result()
	check("SET NX of an existing key", yes, false, err)
	text, err = client.Set(ctx, key("ttl"), "x", time.Minute).Result()
	check("SET EX", text, "OK", err)
	ttl, err := client.TTL(ctx, key("ttl")).Result()
	check("TTL", ttl > 50*time.Second && ttl <= time.Minute, true, err)
	number, err = client.IncrBy(ctx, key("n"), 42).Result()
	check("INCRBY", number, 42, err)
	var got []*redis.StringCmd
	_, err = client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i := range 200 {
			name := key(fmt.Sprintf("pipe:%d", i))
			pipe.Set(ctx, name, i, 0)
			got = append(got, pipe.Get(ctx, name))
		}
		return nil
	})
	check("a pipeline", len(got), 200, err)
	for i, g := range got {
		check("GET in a pipeline", g.Val(), i, g.Err())
	}
	number, err = client.Del(ctx, key("a"), key("n")).Result()
	check("DEL", number, 2, err)
}

func TestClerk(t *testing.T) {
	c := startCluster(t)
	client, err := clerk.New(c.addresses(), clerk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	want := ""
	for i := range 40 {
		if i == 20 {
			c.leader().kill(t)
		}
		token := fmt.Sprintf("%d;", i)
		switch err := client.Append(ctx, "clerk", token); {
		case err == nil:
			want += token
		case errors.Is(err, clerk.ErrUncertain):
			value, _, err := client.Get(ctx, "clerk")
			if err != nil || value != want && value != want+token {
				t.Fatalf("after an uncertain append: %q, %v; acknowledged: %q", value, err, want)
			}
			want = value
		default:
			t.Fatalf("append %d: %v", i, err)
		}
	}
	c.leader().kill(t) // the second of three
	brief, cancelBrief := context.WithTimeout(ctx, time.Second)
	defer cancelBrief()
	if _, _, err := client.Get(brief, "clerk"); err == nil {
		t.Error("a minority served a read")
	}
	for _, n := range c.nodes {
		if !n.running() {
			n.start(t)
		}
	}
	c.waitReady()
	if value, found, err := client.Get(ctx, "clerk"); err != nil || !found || value != want {
		t.Errorf("Get: %q, %v, %v; acknowledged: %q", value, found, err, want)
	}
	if err := client.Put(ctx, "clerk", "fresh"); err != nil {
		t.Error(err)
	}
}
