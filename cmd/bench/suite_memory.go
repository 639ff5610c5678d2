package main

func memorySuite() suite {
	return suite{
		name: "memory", title: "Memory per key", layout: layoutLong,
		about: manyKeys + "Resident memory (VmRSS) by the number of keys, when the keys were set one after the other and all is at rest; the " +
			"highest (VmHWM) since the start.",
		metrics: []metric{
			{Key: "leader", Name: "leader, resident", Unit: "bytes per key", LessIsBetter: true},
			{Key: "follower", Name: "follower, resident", Unit: "bytes per key", LessIsBetter: true},
			{Key: "peak", Name: "leader, highest", Unit: "bytes per key", LessIsBetter: true},
		},
		run: func(b *bench) error {
			return b.eachCount(need{nodes: 3}, func(s system, keys int, name string) error {
				leader, err := s.leader(b.ctx)
				if err != nil {
					return err
				}
				if err := b.rest(); err != nil {
					return err
				}
				r := b.result.row(name, "", 0)
				highest := 0.0
				for _, p := range s.members() {
					now, peak, err := residentBytes(p.pid())
					if err != nil {
						return err
					}
					if p == leader {
						r.add(s.key(), "leader", now/float64(keys))
						r.add(s.key(), "peak", peak/float64(keys))
					} else {
						highest = max(highest, now)
					}
				}
				r.add(s.key(), "follower", highest/float64(keys))
				return nil
			})
		},
	}
}
