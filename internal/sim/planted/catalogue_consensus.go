package planted

// consensus are bugs of the core: elections, replication, reads and leases.
var consensus = []Bug{

	{Name: "figure-8", Scenarios: []int{8}, Edits: []Edit{
		{File: "raft/core/apply.go",
			Old: `known && term == c.term {`,
			New: `known && term <= c.term {`},
	}},

	{Name: "half-is-a-majority", Scenarios: []int{1}, Edits: []Edit{
		{File: "raft/core/quorum.go",
			Old: `return voters/2 + 1`,
			New: `return (voters + 1) / 2`},
	}},

	{Name: "vote-moves-without-a-sync", Scenarios: []int{3, 4}, Edits: []Edit{
		{File: "raft/core/disk.go",
			Old: `termMoved := state.Term != d.sent.Term || state.Vote != d.sent.Vote`,
			New: `termMoved := state.Term != d.sent.Term`},
	}},

	{Name: "vote-not-persisted", Scenarios: []int{3}, Edits: []Edit{
		{File: "raft/core/core.go",
			Old: `vote:       config.HardState.Vote,`,
			New: `vote:       None,`},
	}},

	{Name: "vote-reply-before-durable", Scenarios: []int{1, 3}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: `reply.Granted = true
	c.sendDurable(reply)`,
			New: `reply.Granted = true
	c.send(reply)`},
	}},

	{Name: "two-votes-in-a-term", Scenarios: []int{3}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: `free := c.vote == m.From || (c.vote == None && c.leader == None)`,
			New: `free := c.leader == None`},
	}},

	{Name: "candidate-stands-before-its-vote-is-durable", Scenarios: []int{2, 3}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: `c.vote = c.config.ID
	c.restartTimer()
	c.clearVotes()
`,
			New: `c.vote = c.config.ID
	c.restartTimer()
	c.clearVotes()
	if p := c.self(); p != nil {
		p.granted, p.wall = true, c.wall
	}
`},
		{File: "raft/core/election.go",
			Old: `c.sendDurable(VoteRequest{`,
			New: `c.send(VoteRequest{`},
	}},

	{Name: "leader-counts-itself-before-its-own-sync", Scenarios: []int{2, 6}, Edits: []Edit{
		{File: "raft/core/propose.go",
			Old: `c.lead.uncommitted += e.size()
	c.store(e)
`,
			New: `c.lead.uncommitted += e.size()
	c.store(e)
	if p := c.self(); p != nil {
		p.match, c.lead.matched = e.Index, true
	}
`},
	}},

	{Name: "follower-attests-early", Scenarios: []int{1}, Edits: []Edit{
		{File: "raft/core/follow.go",
			Old: `if index <= c.disk.durable {`,
			New: `if index <= c.log.last().Index {`},
	}},

	{Name: "acknowledgement-of-a-replaced-write-counts", Scenarios: []int{5}, Edits: []Edit{
		{File: "raft/core/disk.go",
			Old: `d.pending[i].last = min(d.pending[i].last, index-1)`,
			New: `_ = i // the write of what was truncated still counts`},
	}},

	{Name: "durable-prefix-survives-truncation", Scenarios: []int{5}, Edits: []Edit{
		{File: "raft/core/disk.go",
			Old: `d.durable = min(d.durable, index-1)
`,
			New: ``},
	}},

	{Name: "match-kept-from-an-older-leadership", Scenarios: []int{5}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: `c.peers[i].reset(c.lead.noop, c.ticks)`,
			New: `c.peers[i].next, c.peers[i].heardAt = c.lead.noop, c.ticks`},
	}},

	{Name: "acknowledgement-of-an-older-term-counts", Scenarios: []int{5, 17}, Edits: []Edit{
		{File: "raft/core/dispatch.go",
			Old: `if env.Term < c.term {`,
			New: `if env.Term < c.term && !(k == kindAppendReply && c.role == Leader) {`},
	}},

	{Name: "longest-log-wins", Scenarios: []int{9}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: `return last.Term > own.Term || (last.Term == own.Term && last.Index >= own.Index)`,
			New: `return last.Index >= own.Index`},
	}},

	{Name: "pre-vote-moves-the-term", Scenarios: []int{10, 11}, Edits: []Edit{
		{File: "raft/core/dispatch.go",
			Old: `case kindPreVoteRequest, kindPreVoteReply:`,
			New: `case kindPreVoteReply:`},
	}},
	{Name: "vote-although-a-leader-is-heard", Scenarios: []int{12}, Edits: []Edit{
		{File: "raft/core/dispatch.go",
			Old: `if k == kindVoteRequest && c.hearsLeader() && !m.(VoteRequest).Transfer {`,
			New: `if k == kindVoteRequest && c.role == Leader && !m.(VoteRequest).Transfer {`},
		{File: "raft/core/election.go",
			Old: `if c.hearsLeader() && !m.Transfer && c.vote != m.From {`,
			New: `if c.role == Leader && !m.Transfer && c.vote != m.From {`},
		{File: "raft/core/election.go", // pre-votes alone would keep nearly all who could ask from asking
			Old: `func (c *Core) answerPreVote(m PreVoteRequest) {
	if c.hearsLeader() {`,
			New: `func (c *Core) answerPreVote(m PreVoteRequest) {
	if c.role == Leader {`},
	}},
	// Liveness only.
	{Name: "refused-vote-restarts-the-timer", Scenarios: []int{9}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: `if !free || !c.upToDate(m.Last) {
`,
			New: `if !free || !c.upToDate(m.Last) {
		c.elapsed = 0
`},
	}},
	// Liveness and knowledge only: reads and commits still need a quorum.
	{Name: "leader-without-a-quorum-goes-on", Scenarios: []int{15}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: `if !c.hearsQuorum() {
`,
			New: `if !c.hearsQuorum() && c.term == 0 {
`},
	}},
	{Name: "no-first-entry", Scenarios: []int{8, 35}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: `c.appendOwn(EntryNoop, nil)
}`,
			New: `}`},
		{File: "raft/core/election.go",
			Old: `c.lead = leadership{noop: c.log.last().Index + 1, caughtUpAt`,
			New: `c.lead = leadership{noop: c.commit, caughtUpAt`},
	}},
	{Name: "log-time-goes-back-at-an-election", Scenarios: []int{44}, Edits: []Edit{
		{File: "raft/core/clock.go",
			Old: `anchor := c.log.lastTime()
`,
			New: `anchor := int64(0)
`},
		{File: "raft/core/clock.go",
			Old: `return max(c.log.lastTime(), c.mono+c.clockOffset)`,
			New: `return c.mono + c.clockOffset`},
	}},
	{Name: "stands-before-the-last-stamp-is-known", Scenarios: []int{44}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: ` && !c.loading() && c.lastTimeKnown()`,
			New: ` && !c.loading()`},
	}},
	{Name: "stands-while-it-loads", Scenarios: []int{14}, Edits: []Edit{
		{File: "raft/core/apply.go",
			Old: `return c.apply.applied < c.snapshot.Index`,
			New: `return false`},
	}},
	{Name: "takes-over-while-it-loads", Scenarios: []int{14}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: ` && !c.loading() && c.lastTimeKnown()`,
			New: ` && c.lastTimeKnown()`},
	}},
	// Liveness only.
	{Name: "hung-disk-goes-on-leading", Scenarios: []int{15}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: `if c.hung() {
`,
			New: `if c.hung() && c.term == 0 {
`},
	}},
	{Name: "truncation-without-a-conflict", Scenarios: []int{18, 17}, Edits: []Edit{
		{File: "raft/core/follow.go",
			Old: `if term != entries[0].Term {`,
			New: `if term > 0 {`},
	}},
	{Name: "truncation-below-the-commit-index", Scenarios: []int{18}, Edits: []Edit{
		{File: "raft/core/follow.go",
			Old: `if s.prev.Index >= c.commit {`,
			New: `if s.prev.Index < maxIndex {`},
		{File: "raft/core/follow.go",
			Old: `if index <= c.commit {
		bug("truncation`,
			New: `if index == 0 {
		bug("truncation`},
		{File: "raft/core/follow.go",
			Old: `if term != entries[0].Term {`,
			New: `if term > 0 {`},
	}},
	{Name: "append-commits-beyond-what-it-covers", Scenarios: []int{17}, Edits: []Edit{
		{File: "raft/core/follow.go",
			Old: `c.commitTo(min(m.Commit, last))`,
			New: `c.commitTo(min(m.Commit, c.log.last().Index))`},
	}},
	{Name: "heartbeat-commits-beyond-the-match", Scenarios: []int{17}, Edits: []Edit{
		{File: "raft/core/read.go",
			Old: `Commit: min(p.match, c.commit)`,
			New: `Commit: c.commit`},
		{File: "raft/core/election.go",
			Old: `if m.Commit > c.log.last().Index {
		c.illegal++
		return
	}
	c.commitTo(m.Commit)`,
			New: `c.commitTo(min(m.Commit, c.log.last().Index))`},
	}},
	// Costs messages, not safety: only a check that next exceeds match sees it.
	{Name: "stale-reject-moves-next-below-match", Scenarios: []int{17}, Edits: []Edit{
		{File: "raft/core/replication.go",
			Old: `if m.Prev.Index <= p.match || m.Prev.Index >= p.next ||`,
			New: `if m.Prev.Index >= p.next ||`},
		{File: "raft/core/progress.go",
			Old: `p.state = Probing
	p.next = max(next, p.match+1)`,
			New: `p.state = Probing
	p.next = next`},
	}},
	// Liveness only.
	{Name: "lost-window-never-heals", Scenarios: []int{19}, Edits: []Edit{
		{File: "raft/core/replication.go",
			Old: `if p.window.count == 0 || quiet < 2*interval {`,
			New: `if p.window.count >= 0 {`},
	}},
	// Only running a seed twice sees it.
	{Name: "map-order-in-an-effect", Scenarios: []int{45}, Flags: []string{"-check-replay"}, Edits: []Edit{
		{File: "raft/core/replication.go",
			Old: `for i := range c.peers {
		if p := &c.peers[i]; p.id != c.config.ID {
			c.pump(p)
		}
	}`,
			New: `others := make(map[NodeID]*peer)
	for i := range c.peers {
		if p := &c.peers[i]; p.id != c.config.ID {
			others[p.id] = p
		}
	}
	for _, p := range others {
		c.pump(p)
	}`},
	}},
	{Name: "snapshot-below-the-commit-index-is-installed", Scenarios: []int{23}, Edits: []Edit{
		{File: "raft/core/snapshot.go",
			Old: `m.Meta.Index <= c.commit || (known && term == m.Meta.Term) {`,
			New: `m.Meta.Index <= c.snapshot.Index || (known && m.Meta.Index > c.commit && term == m.Meta.Term) {`},
		{File: "raft/core/snapshot.go",
			Old: `if c.commit > meta.Index {`,
			New: `if meta.Index == 0 {`},
	}},
	{Name: "snapshot-that-matches-drops-the-suffix", Scenarios: []int{23}, Edits: []Edit{
		{File: "raft/core/snapshot.go",
			Old: `m.Meta.Index <= c.commit || (known && term == m.Meta.Term) {`,
			New: `m.Meta.Index <= c.commit || (known && term > m.Meta.Term) {`},
	}},
	{Name: "next-index-after-a-snapshot-off-by-one", Scenarios: []int{25}, Edits: []Edit{
		{File: "raft/core/snapshot.go",
			Old: `c.apply = application{delivered: meta.Index, applied: c.apply.applied}`,
			New: `c.apply = application{delivered: meta.Index + 1, applied: c.apply.applied}`},
	}},
	{Name: "append-during-an-install", Scenarios: []int{27}, Edits: []Edit{
		{File: "raft/core/follow.go",
			Old: `if !c.follow(m.From) || c.incoming.installing {`,
			New: `if !c.follow(m.From) {`},
	}},
	// The frame has a checksum of its own: only damage behind it shows.
	{Name: "damaged-chunk-is-taken", Scenarios: []int{42}, Edits: []Edit{
		{File: "raft/core/snapshot.go",
			Old: `if m.Offset == in.next && Checksum(m.Data) == m.Checksum && (`,
			New: `if m.Offset == in.next && (`},
	}},
	{Name: "read-index-without-a-round", Scenarios: []int{34}, Edits: []Edit{
		{File: "raft/core/read.go",
			Old: `return c.answered(c.reads.number) }`,
			New: `return true }`},
	}},
	{Name: "read-round-off-by-one", Scenarios: []int{34}, Edits: []Edit{
		{File: "raft/core/read.go",
			Old: `p.round >= round })`,
			New: `p.round+1 >= round })`},
	}},
	{Name: "read-joins-the-round-under-way", Scenarios: []int{34, 36}, Edits: []Edit{
		{File: "raft/core/read.go",
			Old: `c.reads.waiting = append(c.reads.waiting, reader{id: in.ID})`,
			New: `if len(c.reads.current) > 0 {
			c.reads.current = append(c.reads.current, reader{id: in.ID})
		} else {
			c.reads.waiting = append(c.reads.waiting, reader{id: in.ID})
		}`},
	}},
	{Name: "read-before-the-first-commit", Scenarios: []int{35}, Edits: []Edit{
		{File: "raft/core/read.go",
			Old: `if len(c.reads.waiting) == 0 || c.commit < c.lead.noop {`,
			New: `if len(c.reads.waiting) == 0 {`},
	}},
	// Liveness only: readers wait for ever.
	{Name: "reads-forgotten-at-step-down", Scenarios: []int{34}, Edits: []Edit{
		{File: "raft/core/read.go",
			Old: `if r.peer == None {
			c.endRead(ReadResult{ID: r.id, Refusal: NotLeader})
		}`,
			New: `_ = r`},
	}},
	{Name: "forwarded-read-without-a-round", Scenarios: []int{36}, Edits: []Edit{
		{File: "raft/core/read.go",
			Old: `c.reads.waiting = append(c.reads.waiting, reader{peer: m.From, id: m.ID})`,
			New: `c.send(ReadReply{Envelope: c.envelope(m.From), ID: m.ID, Index: c.commit})`},
	}},
	{Name: "forwarded-read-joins-the-older-round", Scenarios: []int{36}, Edits: []Edit{
		{File: "raft/core/read.go",
			Old: `c.reads.waiting = append(c.reads.waiting, reader{peer: m.From, id: m.ID})`,
			New: `c.reads.current = append(c.reads.current, reader{peer: m.From, id: m.ID})`},
	}},
	{Name: "read-request-id-reused-by-a-retry", Scenarios: []int{36}, Edits: []Edit{
		{File: "raft/core/forward.go",
			Old: `c.request++
`,
			New: `if f.since == c.ticks {
		c.request++
	}
`},
	}},
	{Name: "read-request-ids-repeat-after-a-restart", Scenarios: []int{36}, Edits: []Edit{
		{File: "raft/core/core.go",
			Old: `rand.NewPCG(config.Incarnation, uint64(config.ID))`,
			New: `rand.NewPCG(0, uint64(config.ID))`},
	}},
	{Name: "any-read-reply-counts", Scenarios: []int{36}, Edits: []Edit{
		{File: "raft/core/forward.go",
			Old: `if len(f.asked) == 0 || m.ID != f.request || m.From != f.leader {`,
			New: `if len(f.asked) == 0 {`},
	}},
	// Needs leases.
	{Name: "lease-kept-over-a-transfer", Scenarios: []int{37}, Edits: []Edit{
		{File: "raft/core/lease.go",
			Old: `c.lead.transferee == None && !l.forfeited &&
`,
			New: `c.lead.noop != 0 &&
`},
	}},
	// Needs leases.
	{Name: "lease-back-after-timeoutnow", Scenarios: []int{37}, Edits: []Edit{
		{File: "raft/core/transfer.go",
			Old: `c.lead.summoned, c.lead.lease.forfeited = true, true`,
			New: `c.lead.summoned = true`},
	}},
	// Needs leases.
	{Name: "lease-from-the-answer", Scenarios: []int{37}, Edits: []Edit{
		{File: "raft/core/lease.go",
			Old: `l.sent+c.config.LeaseMillis)
		l.round = 0`,
			New: `c.mono+c.config.LeaseMillis)
		l.round = 0`},
	}},
	// Needs leases.
	{Name: "lease-without-an-answer", Scenarios: []int{37}, Edits: []Edit{
		{File: "raft/core/lease.go",
			Old: `if l.round != 0 && c.answered(l.round) {`,
			New: `if l.round != 0 {`},
	}},
	// Needs leases.
	{Name: "lease-judged-by-a-stale-clock", Scenarios: []int{37}, Edits: []Edit{
		{File: "raft/core/read.go",
			Old: `c.observe(in.Mono)
`,
			New: ``},
		{File: "raft/core/read.go",
			Old: `Until: c.lead.lease.until})`,
			New: `Until: 0})`},
	}},
	// Needs leases.
	{Name: "lease-before-the-first-commit", Scenarios: []int{35, 37}, Edits: []Edit{
		{File: "raft/core/lease.go",
			Old: `c.commit >= c.lead.noop && // before, what is committed is not known
`,
			New: ``},
		{File: "raft/core/lease.go",
			Old: ` && !c.changing()`,
			New: ``},
	}},
	// Needs leases.
	{Name: "lease-answers-followers", Scenarios: []int{37}, Edits: []Edit{
		{File: "raft/core/read.go",
			Old: `// One a peer: it has given up`,
			New: `if c.leased() {
		c.send(ReadReply{Envelope: c.envelope(m.From), ID: m.ID, Index: c.commit})
		return
	}
	// One a peer: it has given up`},
	}},
	// Needs leases.
	{Name: "no-silence-after-a-restart", Scenarios: []int{37}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: `if c.config.LeaseMillis != 0 && c.ticks-c.leaderHeard <`,
			New: `if c.config.LeaseMillis != 0 && c.leaderHeard != 0 && c.ticks-c.leaderHeard <`},
	}},
	// Needs leases.
	{Name: "promise-ends-with-a-newer-term", Scenarios: []int{37}, Edits: []Edit{
		{File: "raft/core/election.go",
			Old: `if c.config.LeaseMillis != 0 && c.ticks-c.leaderHeard <`,
			New: `if c.config.LeaseMillis != 0 && (c.leader != None || c.leaderHeard == 0) && c.ticks-c.leaderHeard <`},
	}},
}
