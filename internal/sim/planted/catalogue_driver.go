package planted

// driver are bugs of the driver: the order of its effects, tickets, reads and snapshots.
var driver = []Bug{
	{Name: "append-reply-before-durable", Scenarios: []int{1}, Edits: []Edit{
		{
			File: "raft/disk.go",
			Old:  "	err = r.save(last.HardState, entries, sync)\n",
			New:  "	for _, job := range jobs[:done] {\n		r.send(job.persist.Then)\n		job.persist.Then = nil\n	}\n	err = r.save(last.HardState, entries, sync)\n",
		},
	}},
	{Name: "leader-counts-itself-early", Scenarios: []int{2, 6}, Edits: []Edit{
		{
			File: "raft/disk.go",
			Old:  "	err = r.save(last.HardState, entries, sync)\n",
			New:  "	if r.told < last.Seq {\n		r.told = last.Seq\n		r.inbox.addPersisted(last.Seq)\n		r.hurry()\n		return 0, fmt.Errorf(\"later: %w\", ErrDiskFull)\n	}\n	err = r.save(last.HardState, entries, sync)\n",
		},
		{
			File: "raft/disk.go",
			Old:  "	r.inbox.addPersisted(last.Seq)\n	r.hurry()\n	return done, nil\n",
			New:  "	return done, nil\n",
		},
		{
			File: "raft/raft.go",
			Old:  "	manual       bool // a Manual's scheduler runs the workers\n",
			New:  "	manual       bool // a Manual's scheduler runs the workers\n	told         uint64\n",
		},
	}},
	{Name: "sync-of-the-last-increment-only", Scenarios: []int{4}, Edits: []Edit{
		{
			File: "raft/disk.go",
			Old:  "sync = sync || p.Sync",
			New:  "sync = p.Sync",
		},
	}},
	{Name: "never-synced", Scenarios: []int{4, 7}, Edits: []Edit{
		{
			File: "raft/disk.go",
			Old:  "err := r.persister.Save(state, entries, sync)\n",
			New:  "err := r.persister.Save(state, entries, false)\n",
		},
	}},
	{Name: "vote-not-synced", Scenarios: []int{3, 4}, Edits: []Edit{
		{
			File: "raft/disk.go",
			Old:  "sync = sync || p.Sync",
			New:  "sync = sync || len(p.Entries) > 0",
		},
	}},
	{Name: "failed-save-tried-again", Scenarios: []int{40}, Edits: []Edit{
		{
			File: "raft/disk.go",
			Old:  "	case jobs[0].persist != nil && errors.Is(err, ErrDiskFull):\n",
			New:  "	case jobs[0].persist != nil && err != nil:\n",
		},
	}},
	{Name: "failed-save-ignored", Scenarios: []int{40}, Edits: []Edit{
		{
			File: "raft/disk.go",
			Old:  "	if err != nil {\n		return 0, fmt.Errorf(\"raft: save: %w\", err)\n	}\n",
			New:  "	if errors.Is(err, ErrDiskFull) {\n		return 0, fmt.Errorf(\"raft: save: %w\", err)\n	}\n",
		},
	}},
	{Name: "full-disk-acknowledged", Scenarios: []int{41}, Edits: []Edit{
		{
			File: "raft/disk.go",
			Old:  "		r.inbox.addInput(core.DiskFull{})\n		r.hurry()\n	}\n	return err\n",
			New:  "		r.inbox.addInput(core.DiskFull{})\n		r.hurry()\n	}\n	return nil\n",
		},
	}},
	{Name: "deposed-leader-says-not-done", Scenarios: []int{48}, Edits: []Edit{
		{
			File: "raft/loop.go",
			Old:  "status.Term != previous.Term) {\n		r.tickets.dropAll(ErrUncertain)\n",
			New:  "status.Term != previous.Term) {\n		r.tickets.dropAll(ErrNotLeader)\n",
		},
	}},
	{Name: "stopped-node-says-not-done", Scenarios: []int{48}, Edits: []Edit{
		{
			File: "raft/loop.go",
			Old:  "	r.applies.close()\n	r.tickets.dropAll(ErrUncertain)\n",
			New:  "	r.applies.close()\n	r.tickets.dropAll(ErrStopped)\n",
		},
	}},
	{Name: "undelivered-said-not-done", Scenarios: []int{48}, Edits: []Edit{
		{
			File: "raft/apply.go",
			Old:  "				c.Ticket.Dropped(ErrUncertain)\n",
			New:  "				c.Ticket.Dropped(ErrNotLeader)\n",
		},
	}},
	{Name: "ticket-found-by-index-alone", Scenarios: []int{48, 49}, Edits: []Edit{
		{
			File: "raft/ticket.go",
			Old:  "		if front.at == at {\n",
			New:  "		if front.at.Index == at.Index {\n",
		},
		{
			File: "raft/loop.go",
			Old:  "status.Term != previous.Term) {\n		r.tickets.dropAll(ErrUncertain)\n	}\n",
			New:  "status.Term != previous.Term) {\n		r.log.Debug(\"deposed\")\n	}\n",
		},
	}},
	{Name: "tickets-one-off", Scenarios: []int{49}, Edits: []Edit{
		{
			File: "raft/propose.go",
			Old:  "		r.tickets.push(at, p.ticket)\n		at.Index++\n",
			New:  "		if i > 0 {\n			r.tickets.push(at, r.held[i-1].ticket)\n		}\n		if i == len(r.held)-1 {\n			r.tickets.push(core.Position{Index: at.Index + 1, Term: at.Term}, p.ticket)\n		}\n		at.Index++\n",
		},
		{
			File: "raft/propose.go",
			Old:  "	at := answer.First\n	for _, p := range r.held {",
			New:  "	at := answer.First\n	for i, p := range r.held {",
		},
	}},
	{Name: "reads-join-a-round-under-way", Scenarios: []int{34, 36}, Edits: []Edit{
		{
			File: "raft/read.go",
			Old:  "	round := &readRound{}\n",
			New:  "	if len(r.rounds) > 0 && !forward {\n		r.rounds[0].readers = append(r.rounds[0].readers, readers...)\n		return\n	}\n	round := &readRound{}\n",
		},
	}},
	{Name: "end-of-the-lease-forgotten", Scenarios: []int{37}, Edits: []Edit{
		{
			File: "raft/read.go",
			Old:  "answer := ReadResult{Index: result.Index, Until: result.Until}\n",
			New:  "answer := ReadResult{Index: result.Index}\n",
		},
	}},
	{Name: "lease-judged-by-an-old-clock", Scenarios: []int{37}, Edits: []Edit{
		{
			File: "raft/read.go",
			Old:  "core.Read{ID: round.id, Mono: r.clock.Mono(), Forward: forward}",
			New:  "core.Read{ID: round.id, Forward: forward}",
		},
		{
			File: "raft/read.go",
			Old:  "answer := ReadResult{Index: result.Index, Until: result.Until}\n",
			New:  "answer := ReadResult{Index: result.Index}\n",
		},
	}},
	{Name: "lease-longer-than-the-election-timeout", Scenarios: []int{37}, Edits: []Edit{
		{
			File: "raft/options.go",
			Old:  "(int64(o.ticks(o.electionTimeout))*4/5 - 2)",
			New:  "(int64(o.ticks(o.electionTimeout)) * 3)",
		},
	}},
	{Name: "incarnation-used-again", Scenarios: []int{36}, Edits: []Edit{
		{
			File: "raft/make.go",
			Old:  "opts.incarnation,\n",
			New:  "1,\n",
		},
	}},
	{Name: "instance-not-passed-on", Scenarios: []int{32}, Edits: []Edit{
		{
			File: "raft/inbox.go",
			Old:  "core.Receive{Message: m, Instance: instance}",
			New:  "core.Receive{Message: m}",
		},
		{
			File: "raft/make.go",
			Old:  "opts.instance,\n",
			New:  "0,\n",
		},
	}},
	{Name: "install-not-told-to-the-service", Scenarios: []int{23, 27}, Edits: []Edit{
		{
			File: "raft/disk.go",
			Old:  "		r.applies.push(applyJob{snapshot: &install.Meta})\n",
			New:  "		r.log.Debug(\"installed\")\n",
		},
	}},
	{Name: "snapshot-taken-before-applied", Scenarios: []int{27}, Edits: []Edit{
		{
			File: "raft/disk.go",
			Old:  "	r.inbox.addInput(core.Applied{Index: meta.Index})\n	r.inbox.addInput(core.SnapshotTaken{Meta: meta, FirstIndex: first})\n",
			New:  "	r.inbox.addInput(core.SnapshotTaken{Meta: meta, FirstIndex: first})\n	r.inbox.addInput(core.Applied{Index: meta.Index})\n",
		},
	}},
	{Name: "superseded-entries-delivered", Scenarios: []int{23, 27}, Edits: []Edit{
		{
			File: "raft/apply.go",
			Old:  "	r.undelivered = r.undelivered[:at]\n",
			New:  "	r.undelivered = append(r.undelivered[:at], r.undelivered[at+1:]...)\n",
		},
		{
			File: "raft/apply.go",
			Old:  "	clear(r.undelivered[at:])\n",
			New:  "",
		},
	}},
	{Name: "delivery-out-of-order", Scenarios: []int{47}, Edits: []Edit{
		{
			File: "raft/apply.go",
			Old:  "r.undelivered[last].Entries = append(r.undelivered[last].Entries, job.entries...)",
			New:  "r.undelivered[last].Entries = append(job.entries, r.undelivered[last].Entries...)",
		},
	}},
}
