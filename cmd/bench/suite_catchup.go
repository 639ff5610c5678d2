package main

import (
	"time"
)

func catchupSuite() suite {
	return suite{
		name: "catchup", title: "A follower that lost its disk", layout: layoutLong,
		about: manyKeys + "A follower is killed and its directory removed; 50 connections send SETs to the leader all the time. Redoubt: " +
			"the node is taken out, a new one joins, until it votes and has applied what was committed. Redis: a new replica, until its link is up.",
		metrics: loadMetrics("until it has caught up"),
		run: func(b *bench) error {
			return b.eachCount(need{nodes: 3}, func(s system, keys int, name string) error {
				for range b.options.runs {
					if err := b.catchUp(s, keys, name); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// catchUpLimit is how long a new follower may take.
const catchUpLimit = 20 * time.Minute

func (b *bench) catchUp(s system, keys int, name string) error {
	return b.attempt(s, func(leader *process) error { return b.catchUpOnce(s, leader, keys, name) })
}

func (b *bench) catchUpOnce(s system, leader *process, keys int, name string) error {
	var took time.Duration
	before, during, err := b.loadDuring(b.underLoad(leader, keys), func(r *running) error {
		lost := others(s, leader)[0]
		if err := lost.kill(); err != nil {
			return err
		}
		began := time.Now()
		newcomer, err := s.replace(b.ctx, lost)
		if err != nil {
			return err
		}
		err = eventually(b.ctx, catchUpLimit, "a new follower catches up", func() error {
			return r.orElse(s.caughtUp(newcomer))
		})
		took = time.Since(began)
		return err
	})
	if err != nil {
		return err
	}
	b.result.row(name, "", 0).noteLoads(s.key(), took, before, during)
	return nil
}
