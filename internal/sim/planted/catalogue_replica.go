package planted

// replica are bugs of a replica: its storage, its log and images, and the ways of a write and a read through it.
var replica = []Bug{
	{Name: "log-cut-before-snapshot", Scenarios: []int{25}, Edits: []Edit{
		{
			File: "node/replica/snapshots.go",
			Old:  "	info, err := r.writeSnapshot(node, meta, view)\n",
			New:  "	node.SnapshotTaken(meta)\n	info, err := r.writeSnapshot(node, meta, view)\n",
		},
		{
			File: "node/replica/storage.go",
			Old:  "func (s *storage) Compact(uint64) (first uint64, err error) {\n",
			New:  "func (s *storage) Compact(index uint64) (first uint64, err error) {\n	if index > 0 {\n		return s.log.DropBefore(index + 1)\n	}\n",
		},
	}},
	{Name: "snapshot-index-off-by-one", Scenarios: []int{24, 25}, Edits: []Edit{
		{
			File: "node/replica/snapshots.go",
			Old:  "Position:      core.Position{Index: r.machine.Index(), Term: r.machine.term},",
			New:  "Position:      core.Position{Index: r.machine.Index() + 1, Term: r.machine.term},",
		},
		{
			File: "node/replica/storage.go",
			Old:  "	if err == nil && machine.Index() != index {\n",
			New:  "	if err == nil && machine.Index() > index {\n",
		},
		{
			File: "node/replica/apply.go",
			Old:  "		if at := r.machine.Index(); entry.Index != at+1 {\n",
			New:  "		if at := r.machine.Index(); entry.Index <= at {\n",
		},
	}},
	{Name: "log-kept-from-the-newest-snapshot-only", Scenarios: []int{26, 42}, Edits: []Edit{
		{
			File: "node/replica/storage.go",
			Old:  "s.log.DropBefore(good[len(good)-2] + 1)",
			New:  "s.log.DropBefore(good[len(good)-1] + 1)",
		},
	}},
	{Name: "read-before-applied", Scenarios: []int{35, 36}, Edits: []Edit{
		{
			File: "node/replica/gate.go",
			Old:  "	if result.Err == nil && w.gate.join(w) {\n",
			New:  "	if result.Err != nil && w.gate.join(w) {\n",
		},
	}},
	{Name: "read-without-a-round", Scenarios: []int{34}, Edits: []Edit{
		{
			File: "node/replica/request.go",
			Old:  "	case !slices.ContainsFunc(q.ops, isWrite):\n		return q.confirm(false)\n",
			New:  "	case !slices.ContainsFunc(q.ops, isWrite):\n		q.now, q.reading.result.Until = r.raft.Load().LogNow(), 0\n		return q.read()\n",
		},
	}},
	{Name: "lease-not-checked-after-the-read", Scenarios: []int{37}, Edits: []Edit{
		{
			File: "node/replica/read.go",
			Old:  "until != 0 && r.clock.Mono() >= until {",
			New:  "until < 0 && r.clock.Mono() >= until {",
		},
	}},
	{Name: "follower-read-without-the-leader", Scenarios: []int{34, 35}, Edits: []Edit{
		{
			File: "node/replica/request.go",
			Old:  "		return q.confirm(true)\n",
			New:  "		return q.aside()\n",
		},
	}},
	{Name: "expired-by-the-clock-alone", Scenarios: []int{44}, Edits: []Edit{
		{
			File: "node/replica/read.go",
			Old:  "	if !due {\n		return q.done, true\n	}\n",
			New:  "	for due {\n		q.batch.Reply.Null()\n		q.done++\n		served, due = r.readOps(q.batch, q.ops[q.done:], q.now)\n		q.done += served\n	}\n	if !due {\n		return q.done, true\n	}\n",
		},
	}},
	{Name: "expiry-never-logged", Scenarios: []int{44}, Edits: []Edit{
		{
			File: "node/replica/read.go",
			Old:  "		if r.machine.Read(now, ops[i].Args, &b.Reply) {\n			return i, true\n		}\n",
			New:  "		if r.machine.Read(now, ops[i].Args, &b.Reply) {\n			b.Reply.Null()\n		}\n",
		},
		{
			File: "node/replica/replica.go",
			Old:  "		if r.keysAreDue() {\n",
			New:  "		if r.options.Peers == nil && r.keysAreDue() {\n",
		},
	}},
	{Name: "commit-hint-trusted-as-applied", Scenarios: []int{35}, Edits: []Edit{
		{
			File: "node/replica/replica.go",
			Old:  "	r.gate.advance(state.Index())\n",
			New:  "	r.gate.advance(storage.remembered.Commit)\n",
		},
	}},
	{Name: "uncertain-answered-as-moved", Scenarios: []int{48}, Edits: []Edit{
		{
			File: "node/replica/answer.go",
			Old:  "		case errors.Is(reason, raft.ErrUncertain) && op.Command.Writes():\n			resp.AppendUncertain(&b.Reply)\n",
			New:  "",
		},
	}},
	{Name: "uncertain-tried-again", Scenarios: []int{48, 50}, Edits: []Edit{
		{
			File: "node/replica/request.go",
			Old:  "	case errors.Is(t.reason, raft.ErrNotLeader):\n",
			New:  "	case errors.Is(t.reason, raft.ErrNotLeader), errors.Is(t.reason, raft.ErrUncertain):\n",
		},
	}},
	{Name: "session-not-passed-on", Scenarios: []int{50}, Edits: []Edit{
		{
			File: "node/replica/encode.go",
			Old:  "fsm.AppendCommand(command, op.Session, op.Sequence, op.Args)",
			New:  "fsm.AppendCommand(command, 0, 0, op.Args)",
		},
	}},
	{Name: "log-reset-before-the-image-is-durable", Scenarios: []int{25, 27}, Edits: []Edit{
		{
			File: "node/replica/storage.go",
			Old:  "	_, ok, err = s.snapshots.Install(imageMeta(install.Meta), install.Size)\n",
			New:  "	if err := s.log.Reset(install.Meta.Index, install.Meta.Term); err != nil {\n		return false, err\n	}\n	_, ok, err = s.snapshots.Install(imageMeta(install.Meta), install.Size)\n",
		},
	}},
	{Name: "boot-ignores-a-gap", Scenarios: []int{25, 42}, Edits: []Edit{
		{
			File: "node/replica/storage.go",
			Old:  "	if first > s.base.Index+1 {\n",
			New:  "	if first > s.base.Index+1 && last.Index == 0 {\n",
		},
		{
			File: "node/replica/storage.go",
			Old:  "	for index := s.base.Index + 1; index <= last.Index; {\n",
			New:  "	for index := max(s.base.Index+1, s.log.First()); index <= last.Index; {\n",
		},
		{
			File: "node/replica/storage.go",
			Old:  "		Snapshot:           s.base,\n",
			New:  "		Snapshot:           core.SnapshotMeta{Position: core.Position{Index: max(s.base.Index, s.log.First()-1), Term: s.base.Term}, Configuration: s.base.Configuration, Time: s.base.Time},\n",
		},
		{
			File: "node/replica/apply.go",
			Old:  "		if at := r.machine.Index(); entry.Index != at+1 {\n",
			New:  "		if at := r.machine.Index(); entry.Index <= at {\n",
		},
	}},
	{Name: "configuration-not-taken-from-the-snapshot", Scenarios: []int{24}, Edits: []Edit{
		{
			File: "node/replica/storage.go",
			Old:  "		Configuration:      s.base.Configuration,\n		ConfigurationIndex: s.base.Index,\n",
			New:  "",
		},
	}},
	{Name: "another-disk-admitted", Scenarios: []int{32}, Edits: []Edit{
		{
			File: "node/replica/replica.go",
			Old:  "raft.WithInstance(r.storage.identity.Instance)",
			New:  "raft.WithInstance(0)",
		},
	}},
	{Name: "joined-node-forms-a-cluster", Scenarios: []int{33}, Edits: []Edit{
		{
			File: "node/replica/replica.go",
			Old:  "		r.options.Peers = nil // it never forms a cluster, whatever it was told\n",
			New:  "		r.options.Peers = []raft.Peer{{ID: storage.identity.NodeID}}\n",
		},
	}},
	{Name: "torn-record-accepted", Scenarios: []int{38}, Edits: []Edit{
		{
			File: "wal/scan.go",
			Old:  "	case end == 0:\n		return buf, errTorn\n	case end != tag || crc32.Update(r.headerSum, castagnoli, buf) != r.sum:\n",
			New:  "	case end != tag && end != 0 && crc32.Update(r.headerSum, castagnoli, buf) != r.sum:\n",
		},
		{
			File: "wal/record.go",
			Old:  "		case tag:\n		case 0:\n			return errTorn\n",
			New:  "		case tag, 0:\n",
		},
	}},
	{Name: "new-segment-without-directory-sync", Scenarios: []int{43}, Edits: []Edit{
		{
			File: "wal/append.go",
			Old:  "	if err := l.fs.SyncDir(l.dir); err != nil {\n		return l.poison(err)\n	}\n	s := newSegment(h, l.spare)\n",
			New:  "	s := newSegment(h, l.spare)\n",
		},
	}},
	{Name: "new-image-without-directory-sync", Scenarios: []int{43}, Edits: []Edit{
		{
			File: "snapshot/store.go",
			Old:  "	if err := s.fs.SyncDir(s.dir); err != nil {\n		return s.syncFailed(s.dir, err)\n	}\n	// A transfer",
			New:  "	// A transfer",
		},
	}},
	{Name: "found-image-not-made-durable", Scenarios: []int{25, 43}, Edits: []Edit{
		{
			File: "snapshot/store.go",
			Old:  "	if err := fsys.SyncDir(dir); err != nil {\n",
			New:  "	if err := error(nil); err != nil {\n",
		},
	}},
	{Name: "failed-sync-of-the-log-ignored", Scenarios: []int{40}, Edits: []Edit{
		{
			File: "wal/append.go",
			Old:  "	if err := l.active.file.Sync(); err != nil {\n		return l.poison(err)\n	}\n",
			New:  "	_ = l.active.file.Sync()\n",
		},
	}},
	{Name: "failed-sync-of-an-image-ignored", Scenarios: []int{40}, Edits: []Edit{
		{
			File: "snapshot/writer.go",
			Old:  "	case err != nil:\n		return a.store.syncFailed(name, err)\n	}\n	a.synced = a.size\n",
			New:  "	}\n	a.synced = a.size\n",
		},
	}},
	{Name: "log-without-sync", Scenarios: []int{1, 6, 7}, Edits: []Edit{
		{
			File: "node/replica/storage.go",
			Old:  "	err := s.log.Append(&s.batch, sync)\n",
			New:  "	err := s.log.Append(&s.batch, false)\n",
		},
	}},
	{Name: "no-next-segment-ahead", Scenarios: []int{41}, Edits: []Edit{
		{
			File: "node/replica/storage.go",
			Old:  "	s.full.Store(errors.Is(err, wal.ErrFull))\n	if s.full.Load() {\n		return nil\n	}\n	return err\n",
			New:  "	if errors.Is(err, wal.ErrFull) {\n		return nil\n	}\n	return err\n",
		},
	}},
}
