package planted

// membership are bugs of the core's membership.
var membership = []Bug{
	// Who votes changes in one step, and before an entry of the leader's own term is committed: each alone is safe.
	{Name: "single-server-change", Scenarios: []int{30}, Edits: []Edit{
		{
			File: "raft/core/configuration_change.go",
			Old:  "\t\tnext.Members[i].OldVoter = next.Members[i].Voter\n",
			New:  "\t\tnext.Members[i].OldVoter = false\n",
		},
		{
			File: "raft/core/membership.go",
			Old:  "\treturn c.commit < c.lead.noop || current.index > c.commit || current.configuration.Joint()\n",
			New:  "\treturn current.index > c.commit || current.configuration.Joint()\n",
		},
		{
			File: "raft/core/membership.go",
			Old:  "\tcase next.Joint() && !c.alive(next):\n",
			New:  "\tcase next.Joint() && next.HighestID == 0:\n",
		},
	}},
	// a change before an entry of the leader's own term is committed.
	{Name: "change-before-own-term-commit", Scenarios: []int{30}, Edits: []Edit{
		{
			File: "raft/core/membership.go",
			Old:  "\treturn c.commit < c.lead.noop || current.index > c.commit || current.configuration.Joint()\n",
			New:  "\treturn current.index > c.commit || current.configuration.Joint()\n",
		},
	}},
	// a change while another one is under way.
	{Name: "two-changes-at-once", Scenarios: []int{30}, Edits: []Edit{
		{
			File: "raft/core/membership.go",
			Old:  "\treturn c.commit < c.lead.noop || current.index > c.commit || current.configuration.Joint()\n",
			New:  "\treturn c.commit < c.lead.noop || current.configuration.Joint() && current.index > c.commit\n",
		},
	}},
	// the final configuration is appended before the joint one is committed.
	{Name: "final-before-joint-committed", Scenarios: []int{30}, Edits: []Edit{
		{
			File: "raft/core/membership.go",
			Old:  "\tif c.commit < c.lead.noop || current.index > c.commit {\n",
			New:  "\tif c.commit < c.lead.noop {\n",
		},
	}},
	// a joint configuration commits without a majority of the old voters.
	{Name: "joint-commits-by-new-majority-alone", Scenarios: []int{30, 31}, Edits: []Edit{
		{
			File: "raft/core/quorum.go",
			Old:  "\t\tindex = min(index, old)\n",
			New:  "\t\t_ = old\n",
		},
	}},
	// a joint configuration elects without a majority of the old voters.
	{Name: "joint-elects-by-new-majority-alone", Scenarios: []int{30, 31}, Edits: []Edit{
		{
			File: "raft/core/quorum.go",
			Old:  " && (oldVoters == 0 || oldFor >= c.enough(oldVoters))\n",
			New:  " && (oldVoters == 0 || oldFor >= 0)\n",
		},
	}},
	// a leader commits a configuration by its own disk alone.
	{Name: "minority-commits-configuration", Scenarios: []int{31}, Edits: []Edit{
		{
			File: "raft/core/apply.go",
			Old:  "\tif term, known := c.log.term(index); known && term == c.term {\n",
			New:  "\tif p := c.self(); p != nil && c.changing() {\n\t\tindex = max(index, p.match)\n\t}\n\tif term, known := c.log.term(index); known && term == c.term {\n",
		},
	}},
	// a removed leader counts itself in majorities.
	{Name: "removed-leader-counts-itself", Scenarios: []int{33}, Edits: []Edit{
		{
			File: "raft/core/quorum.go",
			Old:  "\treturn sorted[len(sorted)-c.enough(len(sorted))], true\n",
			New:  "\tif c.self() == nil && c.role == Leader {\n\t\treturn sorted[len(sorted)/2], true\n\t}\n\treturn sorted[len(sorted)-c.enough(len(sorted))], true\n",
		},
	}},
	// a removed leader does not step down.
	{Name: "removed-leader-goes-on", Scenarios: []int{15, 33}, Edits: []Edit{
		{
			File: "raft/core/membership.go",
			Old:  "\t\t\tc.retire()\n",
			New:  "",
		},
	}},
	// a removed leader steps down before the final configuration is committed, and the change may be lost.
	{Name: "removed-leader-steps-down-early", Scenarios: []int{33}, Edits: []Edit{
		{
			File: "raft/core/membership.go",
			Old:  "\tcurrent := c.memberships.current()\n\tif c.commit < c.lead.noop || current.index > c.commit {\n",
			New:  "\tcurrent := c.memberships.current()\n\tif c.self() == nil {\n\t\tc.retire()\n\t\treturn\n\t}\n\tif c.commit < c.lead.noop || current.index > c.commit {\n",
		},
	}},
	// a configuration stays in force when its entry leaves the log.
	{Name: "configuration-not-rolled-back", Scenarios: []int{30, 33}, Edits: []Edit{
		{
			File: "raft/core/follow.go",
			Old:  "\tmemberships, changed := c.memberships.rollBack(index)\n",
			New:  "\tmemberships, changed := c.memberships.rollBack(index + 1<<40)\n",
		},
	}},
	// the id of a removed member is given to another.
	{Name: "id-given-again", Scenarios: []int{32}, Edits: []Edit{
		{
			File: "raft/core/configuration_change.go",
			Old:  "\t\treturn max(c.HighestID, c.Members[n-1].ID)\n",
			New:  "\t\treturn c.Members[n-1].ID\n",
		},
	}},
	// the highest id is forgotten by log and snapshot.
	{Name: "highest-id-lost", Scenarios: []int{32}, Edits: []Edit{
		{
			File: "raft/core/configuration_codec.go",
			Old:  "\t\tc.HighestID = NodeID(d.uint64())\n",
			New:  "\t\td.uint64()\n",
		},
	}},
	// a wiped disk under its old id is heard.
	{Name: "wiped-disk-accepted", Scenarios: []int{32}, Edits: []Edit{
		{
			File: "raft/core/instance.go",
			Old:  "\t\tc.impostors++\n\t\treturn false\n",
			New:  "\t\tc.impostors++\n",
		},
	}},
	// a majority forms a cluster, as blank disks and a node that is late can beside one that runs.
	{Name: "majority-forms-a-cluster", Scenarios: []int{32}, Edits: []Edit{
		{
			File: "raft/core/quorum.go",
			Old:  "\tif !c.formed {\n\t\treturn voters\n\t}\n",
			New:  "",
		},
	}},
	// a majority elects while a cluster forms, though all must commit.
	{Name: "majority-elects-while-forming", Scenarios: []int{32}, Edits: []Edit{
		{
			File: "raft/core/quorum.go",
			Old:  "return agree >= c.enough(voters) && (oldVoters == 0 || oldFor >= c.enough(oldVoters))",
			New:  "return agree > voters/2 && (oldVoters == 0 || oldFor > oldVoters/2)",
		},
	}},
	// commands are taken before the voters' disks are recorded.
	{Name: "commands-while-forming", Scenarios: []int{32}, Edits: []Edit{
		{
			File: "raft/core/propose.go",
			Old:  "\tif !c.formed {\n\t\treturn Forming\n\t}\n",
			New:  "",
		},
	}},
	// a learner votes before it holds the log.
	{Name: "promotion-without-catching-up", Scenarios: []int{33}, Edits: []Edit{
		{
			File: "raft/core/membership.go",
			Old:  "\treturn c.heardLately(p) && p.match >= c.lead.caughtUpAt && (p.instance != 0 || !c.knowsInstances())\n",
			New:  "\treturn p.instance != 0 || !c.knowsInstances()\n",
		},
	}},
	// the membership of an installed snapshot is not taken over.
	{Name: "membership-missing-in-installed-snapshot", Scenarios: []int{24}, Edits: []Edit{
		{
			File: "raft/core/snapshot.go",
			Old:  "\tc.memberships = memberships{{index: meta.Index, configuration: meta.Configuration}}\n",
			New:  "\tc.memberships = memberships{{index: meta.Index, configuration: c.Configuration()}}\n",
		},
	}},
	// after a restart a configuration that is not committed is not in force.
	{Name: "tail-configuration-ignored-at-start", Scenarios: []int{14, 30}, Edits: []Edit{
		{
			File: "raft/core/core.go",
			Old:  "\t\tif e := &c.config.Tail[i]; e.Kind == EntryConfiguration && e.Index > c.config.ConfigurationIndex {\n",
			New:  "\t\tif e := &c.config.Tail[i]; e.Kind == EntryConfiguration && e.Index > c.config.ConfigurationIndex && e.Index <= c.commit {\n",
		},
	}},
	// learners count for commits.
	{Name: "learner-counts", Scenarios: []int{13}, Edits: []Edit{
		{
			File: "raft/core/quorum.go",
			Old:  "\tindex, ok := c.groupMatch(func(p *peer) bool { return p.voter })\n",
			New:  "\tindex, ok := c.groupMatch(func(p *peer) bool { return p.voter || !p.oldVoter })\n",
		},
	}},
	// a learner does not answer requests for votes.
	{Name: "learner-refuses-votes", Scenarios: []int{13}, Edits: []Edit{
		{
			File: "raft/core/election.go",
			Old:  "\tfree := c.vote == m.From || (c.vote == None && c.leader == None)\n",
			New:  "\tfree := (c.vote == m.From || (c.vote == None && c.leader == None)) && c.maySeekVotes()\n",
		},
	}},
	// a leader that works is deposed by the request of a removed node.
	{Name: "removed-node-disrupts", Scenarios: []int{12, 13}, Edits: []Edit{
		{
			File: "raft/core/dispatch.go",
			Old:  "\tif k == kindVoteRequest && c.hearsLeader() && !m.(VoteRequest).Transfer {\n",
			New:  "\tif k == kindVoteRequest && c.role != Leader && c.hearsLeader() && !m.(VoteRequest).Transfer {\n",
		},
	}},
	// a leader that is out of its own log's configuration does not stand, though nobody else can win.
	{Name: "removed-leader-never-stands-again", Scenarios: []int{33}, Edits: []Edit{
		{
			File: "raft/core/membership.go",
			Old:  "\tfor i := range c.memberships {\n",
			New:  "\tfor i := len(c.memberships) - 1; i < len(c.memberships); i++ {\n",
		},
	}},
	// a join or leave is answered as done before it is committed.
	{Name: "change-answered-at-append", Scenarios: []int{33}, Edits: []Edit{
		{
			File: "raft/core/membership.go",
			Old:  "\t\tc.appendConfiguration(next)\n\t\treturn\n\tcase refusal",
			New:  "\t\tc.appendConfiguration(next)\n\t\tc.endChange(Accepted, c.log.last().Index)\n\t\treturn\n\tcase refusal",
		},
	}},
	// a change whose leader lost its leadership is never answered.
	{Name: "change-never-unknown", Scenarios: []int{48}, Edits: []Edit{
		{
			File: "raft/core/election.go",
			Old:  "\t\tc.endChange(Unknown, 0)\n",
			New:  "",
		},
	}},
	// a live voter is removed while those who stay are no majority.
	{Name: "no-majority-check", Scenarios: []int{33}, Edits: []Edit{
		{
			File: "raft/core/membership.go",
			Old:  "\treturn heard > next.voters()/2\n",
			New:  "\treturn heard >= 0\n",
		},
	}},
	{Name: "uncommitted-configuration-loaded-as-committed", Scenarios: []int{14, 30}, Edits: []Edit{
		{
			File: "node/replica/storage.go",
			Old:  "e.Kind == core.EntryConfiguration && e.Index < tailFrom {",
			New:  "e.Kind == core.EntryConfiguration {\n\t\t\t\ttailFrom = max(tailFrom, 0)",
		},
	}},
}
