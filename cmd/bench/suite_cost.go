package main

import "fmt"

func costSuite() suite {
	return suite{
		name: "cost", title: "What a SET costs", layout: layoutLong,
		about: "SETs of 100-byte values from 50 connections. Processor time is the server's own, children included. Disk: the pages that the process has " +
			"made dirty, by the kernel's count. Between nodes: TCP payload of the connections between the members, both directions. Loopback: everything, " +
			"clients and headers included. " + sameGenerator,
		metrics: []metric{
			{Key: "cpu_leader", Name: "CPU of the leader", Unit: "s per million SETs", LessIsBetter: true},
			{Key: "cpu_follower", Name: "CPU of a follower", Unit: "s per million SETs", LessIsBetter: true},
			{Key: "disk_leader", Name: "disk writes of the leader", Unit: "bytes per SET", LessIsBetter: true},
			{Key: "disk_follower", Name: "disk writes of a follower", Unit: "bytes per SET", LessIsBetter: true},
			{Key: "wire_peers", Name: "between nodes", Unit: "bytes per SET", LessIsBetter: true},
			{Key: "wire_loopback", Name: "loopback", Unit: "bytes per SET", LessIsBetter: true},
		},
		run: func(b *bench) error {
			return b.withPair(3, func(both []system) error {
				if err := b.fillBoth(both); err != nil {
					return err
				}
				for _, pipeline := range []int{1, 16} {
					s := b.options.shapeOf(50, pipeline, classicValue)
					err := b.inTurn(both, func(run int, on system) error {
						b.says.line("cost: %s, run %d/%d: %s", s, run+1, b.options.runs, on.name())
						return b.attempt(on, func(leader *process) error { return b.cost(on, leader, s) })
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// cost runs one load and notes what each SET of it has cost.
func (b *bench) cost(on system, leader *process, s shape) error {
	before, err := b.countersOf(on, leader)
	if err != nil {
		return err
	}
	if _, err := redisBenchmark(b.ctx, leader.address, s, "SET"); err != nil {
		return err
	}
	if err := settle(b.ctx, on); err != nil { // the followers' part belongs to it
		return err
	}
	after, err := b.countersOf(on, leader)
	if err != nil {
		return err
	}
	r := b.result.row(fmt.Sprintf("SET %s", s), "", 0)
	for key, value := range after {
		if key == "cpu_leader" || key == "cpu_follower" {
			r.add(on.key(), key, (value-before[key])*1e6/float64(s.requests))
		} else {
			r.add(on.key(), key, (value-before[key])/float64(s.requests))
		}
	}
	return nil
}

// countersOf reads all counters; those of the followers are means.
func (b *bench) countersOf(on system, leader *process) (map[string]float64, error) {
	counters := make(map[string]float64)
	members := on.members()
	for _, p := range members {
		cpu, err := cpuSeconds(p.pid())
		if err != nil {
			return nil, err
		}
		disk, err := writtenBytes(p.pid())
		if err != nil {
			return nil, err
		}
		if p == leader {
			counters["cpu_leader"], counters["disk_leader"] = cpu, disk
			continue
		}
		share := float64(len(members) - 1)
		counters["cpu_follower"] += cpu / share
		counters["disk_follower"] += disk / share
	}
	loopback, err := loopbackBytes()
	if err != nil {
		return nil, err
	}
	counters["wire_loopback"] = loopback
	if peers, err := socketBytes(on.peers()); err == nil { // without ss that line stays empty
		counters["wire_peers"] = peers
	}
	return counters, nil
}
