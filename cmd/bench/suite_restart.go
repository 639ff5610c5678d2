package main

import (
	"context"
	"time"
)

func restartSuite() suite {
	return suite{
		name: "restart", title: "Restart to serving", layout: layoutLong,
		about: manyKeys + "One node: Redoubt, a follower that took a snapshot and was stopped, until it has applied all that was committed; Redis, a " +
			"server with an RDB file of the same keys, until it answers a GET. All nodes: killed at once and started at once, until a SET is acknowledged; " +
			"Redis reads its append-only file. Files are in the page cache.",
		metrics: []metric{{Key: "seconds", Name: "until it serves", Unit: "s", LessIsBetter: true}},
		run: func(b *bench) error {
			return b.eachCount(need{nodes: 3}, func(s system, keys int, name string) error {
				for range b.options.runs {
					took, err := s.reload(b.ctx, keyOf(keys-1))
					if err != nil {
						return err
					}
					b.result.row(name+", one node", "", 0).add(s.key(), "seconds", took.Seconds())
					if took, err = restartAll(b.ctx, s); err != nil {
						return err
					}
					b.result.row(name+", all nodes", "", 0).add(s.key(), "seconds", took.Seconds())
					if err := settle(b.ctx, s); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// restartAll kills every member, starts them again, and returns how long it took until a SET was acknowledged.
func restartAll(ctx context.Context, s system) (time.Duration, error) {
	if err := killAll(s.members()); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := startAll(s.members()); err != nil {
		return 0, err
	}
	_, err := s.leader(ctx)
	return time.Since(began), err
}
