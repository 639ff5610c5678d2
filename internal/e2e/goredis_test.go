//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
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
