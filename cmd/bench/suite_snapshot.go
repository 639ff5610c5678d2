package main

import (
	"errors"
	"fmt"
	"time"
)

func snapshotSuite() suite {
	return suite{
		name: "snapshot", title: "While a snapshot is taken", layout: layoutLong,
		about: manyKeys + "50 connections send SETs to the leader, before and while a snapshot is taken (BGSAVE): of the leader alone, and of all " +
			"nodes at once. Extra memory: how much more the leader's process has at its highest than it had under the same load before; for Redis with " +
			"what it had to copy because of the fork.",
		metrics: loadMetrics("the snapshot takes", metric{Key: "extra", Name: "extra memory of the leader", Unit: "MiB", LessIsBetter: true}),
		run: func(b *bench) error {
			return b.eachCount(need{nodes: 3, savesAsked: true}, func(s system, keys int, name string) error {
				for range b.options.runs {
					if err := b.snapshots(s, keys, name); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// snapshots measures one snapshot of the leader alone and one of all members.
func (b *bench) snapshots(s system, keys int, name string) error {
	err := b.attempt(s, func(leader *process) error {
		return b.snapshot(s, leader, keys, name+", leader", []*process{leader})
	})
	if err != nil {
		return err
	}
	return b.attempt(s, func(leader *process) error {
		return b.snapshot(s, leader, keys, name+", all nodes", s.members())
	})
}

// snapshot measures one snapshot of each of the members that are asked for one.
func (b *bench) snapshot(s system, leader *process, keys int, of string, asked []*process) error {
	var took time.Duration
	earlier, err := lastSave(leader)
	if err != nil {
		return err
	}
	memory := watchMemory(b.ctx, leader)
	before, during, err := b.loadDuring(b.underLoad(leader, keys), func(r *running) (err error) {
		if last, err := lastSave(leader); err != nil || last != earlier {
			return errors.Join(err, errors.New("a snapshot was taken that nobody had asked for"))
		}
		memory.event()
		began := time.Now()
		if err = bgsave(asked); err == nil {
			err = awaitSaved(b, r, asked)
		}
		took = time.Since(began)
		return err
	})
	extra := memory.grown()
	if err != nil {
		return err
	}
	if fields, err := info(leader.address, "persistence"); err == nil {
		if copied, err := number(fields, "rdb_last_cow_size"); err == nil {
			extra += copied
		}
	}
	row := b.result.row(of, "", 0)
	row.noteLoads(s.key(), took, before, during)
	row.add(s.key(), "extra", extra/(1<<20))
	return nil
}

// lastSave says when the last snapshot was taken, and whether one is under way.
func lastSave(p *process) (string, error) {
	fields, err := info(p.address, "persistence")
	return fields["rdb_last_save_time"] + " " + fields["rdb_bgsave_in_progress"], err
}

// snapshotLimit is how long a snapshot may take.
const snapshotLimit = 20 * time.Minute

// awaitSaved waits until none of the members writes a snapshot, while the load runs.
func awaitSaved(b *bench, r *running, members []*process) error {
	return eventually(b.ctx, snapshotLimit, "the snapshots end", func() error {
		for _, p := range members {
			runs, err := bgsaveRuns(p)
			if err == nil && runs {
				err = fmt.Errorf("%s takes a snapshot", p.name)
			}
			if err != nil {
				return r.orElse(err)
			}
		}
		return nil
	})
}
