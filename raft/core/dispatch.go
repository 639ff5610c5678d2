package core

// kind numbers the message kinds for the dispatch table.
type kind int

const (
	kindPreVoteRequest kind = iota
	kindPreVoteReply
	kindVoteRequest
	kindVoteReply
	kindAppendRequest
	kindAppendReply
	kindAppendReject
	kindHeartbeatRequest
	kindHeartbeatReply
	kindSnapshotChunk
	kindSnapshotReply
	kindTimeoutNow
	kindReadRequest
	kindReadReply
	kinds
)

// kindOf returns the kind of a message.
func kindOf(m Message) kind {
	switch m.(type) {
	case PreVoteRequest:
		return kindPreVoteRequest
	case PreVoteReply:
		return kindPreVoteReply
	case VoteRequest:
		return kindVoteRequest
	case VoteReply:
		return kindVoteReply
	case AppendRequest:
		return kindAppendRequest
	case AppendReply:
		return kindAppendReply
	case AppendReject:
		return kindAppendReject
	case HeartbeatRequest:
		return kindHeartbeatRequest
	case HeartbeatReply:
		return kindHeartbeatReply
	case SnapshotChunk:
		return kindSnapshotChunk
	case SnapshotReply:
		return kindSnapshotReply
	case TimeoutNow:
		return kindTimeoutNow
	case ReadRequest:
		return kindReadRequest
	case ReadReply:
		return kindReadReply
	}
	bug("unknown message %T", m)
	return 0
}

// handler is a cell of the dispatch table. It sees a message of the current term (a PreVoteRequest
// or PreVoteReply may be of any).
type handler func(*Core, Message)

// on makes a cell of a method that takes its message kind.
func on[M Message](handle func(*Core, M)) handler {
	return func(c *Core, m Message) { handle(c, m.(M)) }
}

// ignore is the cell of messages that are late but right.
func ignore(*Core, Message) {}

// illegal is the cell of messages that no correct peer sends. They are dropped and counted: what
// comes from the network never stops a node.
func illegal(c *Core, _ Message) { c.illegal++ }

// table says what each role does with each kind of message. It is never written.
//
// A follower or pre-candidate may have led its very term before, and so gets late replies. A
// candidate never did: all it gets is a HeartbeatReply that told it of the term (see answerStale).
var table = [...][kinds]handler{
	Follower: {
		kindPreVoteRequest:   on((*Core).answerPreVote),
		kindPreVoteReply:     ignore,
		kindVoteRequest:      on((*Core).answerVote),
		kindVoteReply:        ignore,
		kindAppendRequest:    on((*Core).followAppend),
		kindAppendReply:      ignore,
		kindAppendReject:     ignore,
		kindHeartbeatRequest: on((*Core).followHeartbeat),
		kindHeartbeatReply:   ignore,
		kindSnapshotChunk:    on((*Core).followSnapshot),
		kindSnapshotReply:    ignore,
		kindTimeoutNow:       on((*Core).takeOver),
		kindReadRequest:      on((*Core).refuseReadRequest),
		kindReadReply:        on((*Core).followReadReply),
	},
	PreCandidate: {
		kindPreVoteRequest:   on((*Core).answerPreVote),
		kindPreVoteReply:     on((*Core).countPreVote),
		kindVoteRequest:      on((*Core).answerVote),
		kindVoteReply:        ignore,
		kindAppendRequest:    on((*Core).followAppend),
		kindAppendReply:      ignore,
		kindAppendReject:     ignore,
		kindHeartbeatRequest: on((*Core).followHeartbeat),
		kindHeartbeatReply:   ignore,
		kindSnapshotChunk:    on((*Core).followSnapshot),
		kindSnapshotReply:    ignore,
		kindTimeoutNow:       on((*Core).takeOver),
		kindReadRequest:      on((*Core).refuseReadRequest),
		kindReadReply:        ignore,
	},
	Candidate: {
		kindPreVoteRequest:   on((*Core).answerPreVote),
		kindPreVoteReply:     ignore,
		kindVoteRequest:      on((*Core).answerVote),
		kindVoteReply:        on((*Core).countVote),
		kindAppendRequest:    on((*Core).followAppend),
		kindAppendReply:      illegal,
		kindAppendReject:     illegal,
		kindHeartbeatRequest: on((*Core).followHeartbeat),
		kindHeartbeatReply:   ignore,
		kindSnapshotChunk:    on((*Core).followSnapshot),
		kindSnapshotReply:    illegal,
		kindTimeoutNow:       illegal,
		kindReadRequest:      illegal,
		kindReadReply:        illegal,
	},
	Leader: {
		kindPreVoteRequest:   on((*Core).answerPreVote),
		kindPreVoteReply:     ignore,
		kindVoteRequest:      on((*Core).answerVote),
		kindVoteReply:        ignore,
		kindAppendRequest:    illegal,
		kindAppendReply:      on((*Core).leadAppendReply),
		kindAppendReject:     on((*Core).leadAppendReject),
		kindHeartbeatRequest: illegal,
		kindHeartbeatReply:   on((*Core).leadHeartbeatReply),
		kindSnapshotChunk:    illegal,
		kindSnapshotReply:    on((*Core).leadSnapshotReply),
		kindTimeoutNow:       illegal,
		kindReadRequest:      on((*Core).leadReadRequest),
		kindReadReply:        illegal,
	},
}

// maxTerm and maxIndex bound what is believed of terms and indexes: one that no cluster reaches would
// leave no room for the next.
const (
	maxTerm  = 1 << 62
	maxIndex = 1 << 62
)

// receive takes a message through the rules for all servers (Raft figure 2) and dispatches it.
func (c *Core) receive(m Message) {
	k, env := kindOf(m), m.Head()
	if env.To != c.config.ID || env.From == c.config.ID || env.From == None || env.Term > maxTerm {
		c.illegal++
		return
	}
	switch k {
	case kindPreVoteRequest, kindPreVoteReply:
		// Their terms are asked about, and move nothing.
	default:
		if env.Term > c.term && !c.adopt(m, k) {
			return
		}
		if env.Term < c.term {
			c.answerStale(m, k)
			return
		}
	}
	table[c.role][k](c, m)
}

// adopt moves to a newer term that a message tells of. It returns false if the message is to be ignored.
func (c *Core) adopt(m Message, k kind) bool {
	if k == kindVoteRequest && c.hearsLeader() && !m.(VoteRequest).Transfer {
		// A node that was removed or cut off must not depose a leader that works (Raft §6, thesis §4.2.3).
		return false
	}
	c.becomeFollower(m.Head().Term)
	return true
}

// answerStale tells the sender of a request from an old term about the current one, so that a leader
// of the past steps down and a node that was cut off with a newer term finds its way back. The
// answer claims nothing else: the sender may stand for, or lead, this very term when it arrives.
func (c *Core) answerStale(m Message, k kind) {
	env := c.envelope(m.Head().From)
	switch k {
	case kindVoteRequest:
		c.sendInTerm(VoteReply{Envelope: env, Wall: c.wall})
	case kindAppendRequest, kindHeartbeatRequest, kindSnapshotChunk:
		c.sendInTerm(HeartbeatReply{Envelope: env})
	}
}
