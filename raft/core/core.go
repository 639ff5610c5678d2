package core

import (
	"fmt"
	"math/rand/v2"
)

// Core is one node's consensus state. It is not safe for concurrent use: its driver owns it.
type Core struct {
	config Config
	random *rand.PCG

	role   Role
	term   uint64
	vote   NodeID
	leader NodeID
	commit uint64

	log         raftLog
	memberships memberships
	// peers are the members of the configuration in force, this node included, sorted by id: always
	// walked in that order.
	peers []peer
	disk  disk
	apply application

	// snapshot is the newest durable one; firstIndex the first index still on disk.
	snapshot   SnapshotMeta
	firstIndex uint64
	incoming   incoming
	// askedSnapshots are the ReadSnapshot effects that are not answered yet, one per peer at most.
	askedSnapshots []ReadSnapshot
	// askedLog are the ReadLog effects that are not answered yet, one per receiver at most.
	askedLog []ReadLog

	// ticks counts Tick inputs. elapsed counts those since the leader was heard, a vote was given
	// or a campaign began; at timeout the node stands for election.
	ticks            uint64
	elapsed, timeout int
	// leaderHeard is the tick at which a leader was last heard, or zero, the start.
	leaderHeard uint64

	mono, wall  int64
	clockOffset int64

	lead      leadership
	reads     reads
	forwarded forwarding
	// request numbers the ReadRequests, from a start that differs in each life of the node.
	request uint64
	// round numbers the read rounds of this core.
	round uint64

	out Effects
	// then gathers the messages for Persist.Then of this step.
	then     []Message
	reported Status
	illegal  uint64
	// impostors counts the messages that came from another disk than their sender's.
	impostors uint64
	// formed: a majority decides; before, all voters must (see instance.go).
	formed  bool
	scratch []uint64
}

// leadership is what only a leader keeps.
type leadership struct {
	// noop is the index of the entry that opened the term.
	noop uint64
	// quorumElapsed and heartbeatElapsed count ticks.
	quorumElapsed, heartbeatElapsed int
	// uncommitted is the size of the entries after the commit index.
	uncommitted int
	// matched: some match index moved in this step.
	matched bool
	// change is the change of the membership that waits for its outcome.
	change pendingChange
	// caughtUpAt is what a learner must hold to be caught up.
	caughtUpAt uint64
	// retireBy is the tick at which a leader that was removed steps down, or zero.
	retireBy uint64
	// transferee is who leadership is handed to, or None, for transferElapsed ticks so far.
	transferee      NodeID
	transferElapsed int
	// summoned: TimeoutNow was sent to the transferee.
	summoned bool
	lease    lease
}

// New returns a core that continues from what a node remembers, as a follower. It fails if limits
// are out of range or the remembered pieces do not fit together.
func New(config Config) (*Core, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	c := &Core{
		config:     config,
		random:     rand.NewPCG(config.Seed, uint64(config.ID)),
		term:       config.HardState.Term,
		vote:       config.HardState.Vote,
		commit:     max(config.HardState.Commit, config.Snapshot.Index),
		snapshot:   config.Snapshot,
		firstIndex: config.FirstIndex,
		request:    rand.NewPCG(config.Incarnation, uint64(config.ID)).Uint64(),
	}
	c.loadLog()
	c.loadMemberships()
	c.apply = application{delivered: config.Snapshot.Index}
	c.disk.sent = config.HardState
	c.disk.durable = c.log.last().Index
	c.rebuildPeers()
	c.restartTimer()
	c.reported = c.Status()
	c.config.Tail = nil
	return c, nil
}

// loadLog takes the end of the log into memory.
func (c *Core) loadLog() {
	tail := c.config.Tail
	if len(tail) == 0 {
		c.log.prev = c.config.Last
		if c.config.Last == c.snapshot.Position {
			c.log.prevTime = c.snapshot.Time
		}
		return
	}
	before := tail[0].Index - 1
	switch {
	case before == c.snapshot.Index:
		c.log.prev, c.log.prevTime = c.snapshot.Position, c.snapshot.Time
	case tail[0].Index <= c.commit:
		// The term of the entry before the tail is not known. Give up the first one instead.
		c.log.prev, c.log.prevTime = tail[0].position(), tail[0].Time
		tail = tail[1:]
	default:
		c.log.prev = Position{Index: before}
	}
	for _, e := range tail {
		c.log.append(e)
	}
	c.log.trim(c.snapshot.Index, c.config.MaxTailBytes)
}

// loadMemberships gathers the configuration of what is committed, and those after it.
func (c *Core) loadMemberships() {
	c.memberships = memberships{{index: c.config.ConfigurationIndex, configuration: c.config.Configuration}}
	for i := range c.config.Tail {
		if e := &c.config.Tail[i]; e.Kind == EntryConfiguration && e.Index > c.config.ConfigurationIndex {
			c.memberships = c.memberships.add(located{e.Index, mustDecodeConfiguration(e)})
		}
	}
	c.memberships = c.memberships.committed(c.commit)
}

// mustDecodeConfiguration decodes the configuration of an entry that passed newSpan.
func mustDecodeConfiguration(e *Entry) Configuration {
	configuration, err := DecodeConfiguration(e.Data)
	if err != nil {
		bug("entry %d of the log: %v", e.Index, err)
	}
	return configuration
}

// Step takes one input and returns what must be done because of it.
func (c *Core) Step(input Input) Effects {
	c.out, c.then = Effects{}, nil
	switch in := input.(type) {
	case Tick:
		c.tick(in)
	case Receive:
		if c.admit(in) {
			c.receive(in.Message)
		}
	case Propose:
		c.propose(in)
	case Read:
		c.read(in)
	case Persisted:
		c.persisted(in)
	case DiskFull:
		c.disk.waitingSince = c.ticks
	case Applied:
		c.appliedTo(in)
	case SnapshotTaken:
		c.snapshotTaken(in)
	case SnapshotInstalled:
		c.snapshotInstalled(in)
	case LogRead:
		c.logRead(in)
	case SnapshotRead:
		c.snapshotRead(in)
	case Transfer:
		c.transfer(in)
	case ChangeMembership:
		c.changeMembership(in)
	default:
		bug("unknown input %T", input)
	}
	c.settle()
	return c.out
}

// settle draws the consequences of an input: commit, send, deliver, persist, report.
func (c *Core) settle() {
	if c.role == Leader {
		c.commitByCounting()
		c.leadMembership()
	}
	if c.role == Leader { // it may just have been removed
		c.pumpReads()
		c.pumpPeers()
	}
	c.pumpForwards()
	c.deliver()
	c.trim()
	c.beginInstall()
	c.persist()
	if status := c.Status(); status != c.reported {
		c.reported = status
		c.out.Status = &status
	}
}

// tick passes time.
func (c *Core) tick(in Tick) {
	c.observe(in.Mono)
	c.wall = in.Wall
	c.ticks++
	if c.ticks%uint64(c.config.ElectionTicks) == 0 {
		c.disk.flushCommit = true
	}
	if c.role == Leader {
		c.tickLeader()
		return
	}
	c.tickForwards()
	c.elapsed++
	if c.elapsed >= c.timeout {
		c.electionTimeout()
	}
}

// Status returns the node's standing.
func (c *Core) Status() Status {
	return Status{Role: c.role, Term: c.term, Leader: c.leader, ClockOffset: c.clockOffset}
}

// CommitIndex returns the highest index known to be committed.
func (c *Core) CommitIndex() uint64 { return c.commit }

// LastIndex returns the index of the last entry in the log, durable or not.
func (c *Core) LastIndex() uint64 { return c.log.last().Index }

// Durable returns the index up to which the log is durable on this node.
func (c *Core) Durable() uint64 { return c.disk.durable }

// TailBytes returns how much of the log is in memory, in bytes: what is not committed or not durable here, and of the rest
// up to Config.MaxTailBytes.
func (c *Core) TailBytes() int { return c.log.bytes }

// FirstIndex returns the first index that the log on disk still holds or will hold next.
func (c *Core) FirstIndex() uint64 { return c.firstIndex }

// Configuration returns the membership in force. It must not be changed.
func (c *Core) Configuration() Configuration { return c.memberships.current().configuration }

// ConfigurationIndex returns the index of the entry or snapshot that Configuration came from, zero
// for the one that a new cluster began with.
func (c *Core) ConfigurationIndex() uint64 { return c.memberships.current().index }

// Progress returns what a leader knows of its peers, sorted by id, and nil on any other node.
func (c *Core) Progress() []Progress {
	if c.role != Leader {
		return nil
	}
	progress := make([]Progress, 0, len(c.peers))
	for i := range c.peers {
		if p := &c.peers[i]; p.id != c.config.ID {
			progress = append(progress, p.progress())
		}
	}
	return progress
}

// Illegal returns how many messages arrived that no correct peer sends: a second leader in a term,
// entries that do not follow one another. They were dropped.
func (c *Core) Illegal() uint64 { return c.illegal }

// Impostors returns how many messages came from another disk than the one that is recorded for their
// sender, and were dropped.
func (c *Core) Impostors() uint64 { return c.impostors }

// peer returns the member with the given id, or nil.
func (c *Core) peer(id NodeID) *peer {
	for i := range c.peers {
		if c.peers[i].id == id {
			return &c.peers[i]
		}
	}
	return nil
}

// self returns this node as a member, or nil.
func (c *Core) self() *peer { return c.peer(c.config.ID) }

// rebuildPeers follows a change of the configuration in force. What is known of members that stay is kept.
func (c *Core) rebuildPeers() {
	members := c.Configuration().Members
	peers := make([]peer, 0, len(members))
	for i := range members {
		m := &members[i]
		p := peer{id: m.ID}
		if known := c.peer(m.ID); known != nil {
			p = *known
		} else {
			p.reset(c.log.last().Index+1, c.ticks)
		}
		p.voter, p.oldVoter, p.promote, p.instance = m.Voter, m.OldVoter, m.Promote, m.Instance
		peers = append(peers, p)
	}
	c.peers = peers
	c.formed = c.allRecorded()
	c.lead.matched = true // who must agree to a commit may have changed
	if p := c.self(); p != nil {
		p.match = c.disk.durable
	}
}

// envelope addresses a message of the current term.
func (c *Core) envelope(to NodeID) Envelope {
	return Envelope{From: c.config.ID, To: to, Term: c.term}
}

// send lets a message leave at once.
func (c *Core) send(m Message) {
	if c.out.Send == nil {
		c.out.Send = make([]Message, 0, len(c.peers)) // most steps that send, send to every peer
	}
	c.out.Send = append(c.out.Send, m)
}

// sendDurable lets a message leave when everything up to now is durable.
func (c *Core) sendDurable(m Message) { c.then = append(c.then, m) }

// sendInTerm lets a message leave when the current term is durable: it attests nothing else.
func (c *Core) sendInTerm(m Message) {
	if c.disk.termDurable(c.term, c.vote) {
		c.send(m)
		return
	}
	c.sendDurable(m)
}

// bug stops a process whose state can no longer be trusted.
func bug(format string, args ...any) {
	panic("BUG: core: " + fmt.Sprintf(format, args...))
}
