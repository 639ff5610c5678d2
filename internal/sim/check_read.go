package sim

import (
	"slices"
	"time"

	"redoubt/raft"
	"redoubt/raft/core"
)

// What a client reads must show all that was committed anywhere before it asked (P2), whatever any clock says. Three things give a
// node the right to answer: a quorum has answered a round that left after the read came; the leader has said so to a node that
// follows, which asked after the read came; or a lease. The checker keeps books of all three, from the messages alone, and
// asks for one of them each time that something is read. This sees a read that could have been wrong, where a history shows
// only one that was.

// readBook is what one process has done for its reads.
type readBook struct {
	// rounds are those that have left, oldest first, and echoed is the newest that each peer has answered in this leadership.
	rounds []sentRound
	echoed map[raft.NodeID]uint64
	// confirmed is the newest round that a quorum has answered, in any leadership of this life.
	confirmed sentRound
	// configuration is the index of the membership by which it was found.
	configuration uint64
	// aloneUntil is when a membership last ended by which the process needed nobody to agree with it.
	aloneUntil time.Duration
	// led is the term that the process leads or led last; summoned is when it told another node to take over in that term.
	led      uint64
	summoned time.Duration
	// asked says when each question to a leader left, and answered when the newest did that has its answer.
	asked    map[uint64]time.Duration
	answered time.Duration
	// questions are those that this process was asked by followers.
	questions map[question]claim
}

// sentRound is a round of a leader, and when it left, by the world's time and by the leader's monotonic clock.
type sentRound struct {
	number uint64
	at     time.Duration
	mono   int64
}

// question is a ReadRequest.
type question struct {
	from raft.NodeID
	id   uint64
}

// claim is what a read must show: it came at an instant when so much was committed.
type claim struct {
	at        time.Duration
	committed uint64
	// elected is the highest term that had a leader, leads that of the node if it was one, and last the end of its log.
	elected, leads, last uint64
}

const never = -1

func newReadBook() readBook {
	return readBook{
		echoed:     make(map[raft.NodeID]uint64),
		asked:      make(map[uint64]time.Duration),
		questions:  make(map[question]claim),
		confirmed:  sentRound{at: never},
		summoned:   never,
		answered:   never,
		aloneUntil: never,
	}
}

// claims returns what a read must show that comes to a process now.
func (c *checker) claims(p *process) claim {
	now := claim{at: c.w.now, committed: c.commitIndex, elected: c.ledTerm, last: p.manual.Core().LastIndex()}
	if p.leads() {
		now.leads = p.standing.Term
	}
	return now
}

// sentForReads takes in what a message that leaves has to do with reads.
func (c *checker) sentForReads(p *process, m core.Message) {
	switch m := m.(type) {
	case core.AppendRequest:
		p.reads.left(p, m.Round)
	case core.HeartbeatRequest:
		p.reads.left(p, m.Round)
	case core.SnapshotChunk:
		p.reads.left(p, m.Round)
	case core.TimeoutNow:
		if p.reads.summoned == never {
			p.reads.summoned = c.w.now
		}
	case core.ReadRequest:
		q := question{m.From, m.ID}
		if c.questions[q] {
			c.w.violate(p.m.name(), "it asks its leader a second time under the id %d: an answer to the first confirms nothing now", m.ID)
		}
		c.questions[q] = true
		p.reads.asked[m.ID] = c.w.now
	case core.ReadReply:
		if !m.Refused {
			c.answersQuestion(p, m)
		}
	}
}

// left takes in that a message of a round leaves.
func (b *readBook) left(p *process, round uint64) {
	if n := len(b.rounds); n == 0 || b.rounds[n-1].number < round {
		b.rounds = append(b.rounds, sentRound{number: round, at: p.m.w.now, mono: p.m.clock.Mono()})
	}
}

// sentAt returns when a round left, or the first after it.
func (b *readBook) sentAt(number uint64) (sentRound, bool) {
	at, _ := slices.BinarySearchFunc(b.rounds, number, func(r sentRound, n uint64) int {
		return int(min(max(int64(r.number)-int64(n), -1), 1))
	})
	if at == len(b.rounds) {
		return sentRound{}, false
	}
	return b.rounds[at], true
}

// heardForReads takes in what a message that arrives has to do with reads.
func (c *checker) heardForReads(p *process, m core.Message) {
	if round, ok := answeredRound(m); ok {
		c.echo(p, m.Head(), round)
	}
	switch m := m.(type) {
	case core.ReadRequest:
		if q := (question{m.From, m.ID}); p.reads.questions[q].at == 0 {
			p.reads.questions[q] = c.claims(p)
		}
	case core.ReadReply:
		if at, mine := p.reads.asked[m.ID]; mine && !m.Refused {
			p.reads.answered = max(p.reads.answered, at)
		}
	}
}

// answeredRound returns the round that a message answers, if it is of a kind that answers one.
func answeredRound(m core.Message) (round uint64, ok bool) {
	switch m := m.(type) {
	case core.AppendReply:
		return m.Round, true
	case core.AppendReject:
		return m.Round, true
	case core.HeartbeatReply:
		return m.Round, true
	case core.SnapshotReply:
		return m.Round, true
	}
	return 0, false
}

// echo takes in that a peer has answered a round of the leadership under way.
func (c *checker) echo(p *process, from core.Envelope, round uint64) {
	b := &p.reads
	if p.leads() && from.Term == p.standing.Term && round > b.echoed[from.From] {
		b.echoed[from.From] = round
		c.confirm(p)
	}
}

// confirm looks for the newest round that a quorum has answered, by the membership that the leader goes by now.
func (c *checker) confirm(p *process) {
	b, membership := &p.reads, p.manual.Core().Configuration()
	best := uint64(0)
	for _, round := range b.echoed {
		if round > best && quorum(membership, func(m *core.Member) bool { return m.ID == p.id || b.echoed[m.ID] >= round }) {
			best = round
		}
	}
	if best <= b.confirmed.number {
		return
	}
	if sent, ok := b.sentAt(best); ok {
		b.confirmed = sent
		b.rounds = slices.DeleteFunc(b.rounds, func(r sentRound) bool { return r.number < best })
	}
}

// reconfirm looks again when the membership that a leader goes by is another one.
func (c *checker) reconfirm(p *process) {
	if index := p.manual.Core().ConfigurationIndex(); p.leads() && index != p.reads.configuration {
		p.reads.configuration = index
		c.confirm(p)
	}
}

// alone tells whether a process needs nobody to agree with it.
func (p *process) alone() bool { return p.isAloneIn(p.manual.Core().Configuration()) }

func (p *process) isAloneIn(configuration core.Configuration) bool {
	return quorum(configuration, func(m *core.Member) bool { return m.ID == p.id })
}

// wasAlone tells whether the process has needed nobody to agree with it at some time since: what it was asked then it may
// answer, though it has others to ask by now.
func (p *process) wasAlone(since time.Duration) bool {
	return p.alone() || p.isAloneIn(p.witness.configuration.configuration) || p.reads.aloneUntil >= since
}

// beginsToLead opens the book of a leadership.
func (b *readBook) beginsToLead(term uint64) {
	clear(b.echoed)
	b.led, b.summoned = term, never
}

// answersQuestion: a leader tells a follower its read index after a round that left after the question came. A lease is not enough.
func (c *checker) answersQuestion(p *process, m core.ReadReply) {
	asked, ok := p.reads.questions[question{m.To, m.ID}]
	if !ok {
		c.w.violate(p.m.name(), "it answers node %d a read request %d that never came", m.To, m.ID)
		return
	}
	c.confirm(p)
	if p.reads.confirmed.at < asked.at && !p.wasAlone(asked.at) {
		c.w.violate(p.m.name(), "it answers the read request of node %d that came %v ago; no quorum has answered a round since",
			m.To, c.w.now-asked.at)
	}
	if m.Index < asked.committed {
		c.w.violate(p.m.name(), "it tells node %d the read index %d; %d was committed when it was asked", m.To, m.Index, asked.committed)
	}
}

// served takes in that a linearizable read is answered.
func (c *checker) served(p *process, read claim) {
	at := p.replica.Index()
	if at < read.committed {
		c.w.violate(p.m.name(), "it serves a read from the state at %d; %d was committed %v ago, when the read came", at, read.committed, c.w.now-read.at)
	}
	if read.leads > 0 && at > 0 && c.committed[at-1].term < read.leads {
		c.w.violate(p.m.name(), "it serves a read in its term %d from the state at %d of term %d: what is committed is not known before the term's own entry is",
			read.leads, at, c.committed[at-1].term)
	}
	c.confirm(p)
	if !p.wasAlone(read.at) && p.reads.confirmed.at < read.at && p.reads.answered < read.at && !c.appliedOwn(p, read) && !c.leased(p, read) {
		c.w.violate(p.m.name(), "it serves a read that came %v ago; no quorum has answered a round since, nor a leader its question, nor is there a lease (the last round answered left %v ago)",
			c.w.now-read.at, c.w.now-p.reads.confirmed.at)
	}
}

// appliedOwn tells whether an entry was applied that the node appended, as a leader, after the read came: it was committed by a
// quorum that followed this leader.
func (c *checker) appliedOwn(p *process, read claim) bool {
	for index := read.last + 1; index <= p.replica.Index(); index++ {
		if p.reads.led != 0 && c.committed[index-1].term == p.reads.led {
			return true
		}
	}
	return false
}

// leased tells whether a lease allows a read, at the instant of the reading: by the leader's clock it counts from when the round
// left, for four fifths of the election timeout less two ticks. No other is elected meanwhile; only a transfer can do that, and
// ends the lease for good.
func (c *checker) leased(p *process, read claim) bool {
	b, plan := &p.reads, &c.w.plan
	return plan.leases && b.confirmed.at != never &&
		p.m.clock.Mono() < b.confirmed.mono+plan.lease().Milliseconds() &&
		(b.summoned == never || b.summoned >= read.at) &&
		b.led >= read.elected
}

// lease is how long a lease lasts. The driver's own sum is repeated here on purpose.
func (p *plan) lease() time.Duration {
	return (p.election/p.tick*4/5 - 2) * p.tick
}
