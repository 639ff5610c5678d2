package resp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"

	"redoubt/fsm"
)

// membershipLimit is how long a change of the membership may take before its client is told that the outcome is not
// known. A change that can commit takes a few round trips.
const membershipLimit = 30 * time.Second

// maxAddress is the longest address of a member, in bytes.
const maxAddress = 1024

// raftCommands are RAFT and its subcommands: the membership of the cluster.
func raftCommands() []*local {
	const admin = "@admin @slow @dangerous"
	sub := func(name string, arity int, flags fsm.Flags, categories, summary string, run func(*conn, [][]byte, *fsm.Writer)) *local {
		return &local{command: row("raft|"+name, arity, flags, "cluster", sinceMembership, categories, summary), run: run}
	}
	return []*local{{
		command: row("raft", -2, 0, "cluster", sinceMembership, "@slow", "Contains the commands about the members of the cluster."),
		subs: []*local{
			sub("nodes", 2, flagsAnyState, "@slow", "Describes the members.", raftNodes),
			sub("join", -3, flagsAdmin, admin, "Takes a new member in.", raftJoin),
			sub("leave", 3, flagsAdmin, admin, "Takes a member out, for ever.", raftLeave),
			sub("promote", 3, flagsAdmin, admin, "Makes a learner that has caught up a voter.", raftPromote),
			sub("transfer", 3, flagsAdmin, admin, "Hands leadership to a voter.", raftTransfer),
			sub("move", 4, flagsAdmin, admin, "Changes the address by which the members reach one of them.", raftMove),
			sub("help", 2, flagsAnyState, "@slow", "Describes the subcommands.", raftHelp),
		},
	}}
}

// sinceMembership is the version of Redoubt that brought RAFT.
const sinceMembership = "1.0.0"

func raftNodes(c *conn, words [][]byte, w *fsm.Writer) {
	status := c.server.backend.Status()
	describeMembers(&status, w)
}

// describeMembers writes one map for each member.
func describeMembers(status *Status, w *fsm.Writer) {
	w.Array(len(status.Members))
	for i := range status.Members {
		m := &status.Members[i]
		connected, match := m.Connected, m.MatchIndex
		if m.ID == status.NodeID {
			connected, match = true, status.LastIndex
		}
		w.Map(7)
		w.BulkString("id")
		w.Int(int64(m.ID))
		w.BulkString("peer")
		w.BulkString(m.Peer)
		w.BulkString("clients")
		w.Array(len(m.Clients))
		for _, address := range m.Clients {
			w.BulkString(address)
		}
		w.BulkString("role")
		w.BulkString(string(m.Role))
		w.BulkString("leader")
		w.Int(int64(digit(m.ID == status.LeaderID)))
		w.BulkString("match")
		w.Int(int64(match))
		w.BulkString("connected")
		w.Int(int64(digit(connected)))
	}
}

func raftJoin(c *conn, words [][]byte, w *fsm.Writer) {
	change, ok := parseJoin(words[2:], w)
	if !ok {
		return
	}
	id, ok := c.changeMembership(change, w)
	if !ok {
		return
	}
	status := c.server.backend.Status()
	w.Map(3)
	w.BulkString("id")
	w.Int(int64(id))
	w.BulkString("cluster")
	w.BulkString(status.ClusterID)
	w.BulkString("members")
	describeMembers(&status, w)
}

// parseJoin reads "host:port [ID id] [INSTANCE n] [LEARNER]", or writes an error.
func parseJoin(words [][]byte, w *fsm.Writer) (change MemberChange, ok bool) {
	change = MemberChange{Kind: AddMember, Promote: true}
	if change.Address, ok = parsePeerAddress(words[0], w); !ok {
		return change, false
	}
	for words = words[1:]; len(words) > 0; {
		switch {
		case equalFold(words[0], "learner") && change.Promote:
			change.Promote = false
			words = words[1:]
		case equalFold(words[0], "id") && len(words) > 1 && change.ID == 0:
			if change.ID, ok = parseNodeID(words[1], w); !ok {
				return change, false
			}
			words = words[2:]
		case equalFold(words[0], "instance") && len(words) > 1 && change.Instance == 0:
			if change.Instance, ok = fsm.ParseOrdinal(words[1]); !ok {
				w.Error("ERR Invalid instance '" + quotable(words[1], maxQuoted) + "': must be a number from 1 to 18446744073709551615")
				return change, false
			}
			words = words[2:]
		default:
			w.Error(errSyntax)
			return change, false
		}
	}
	return change, true
}

// parsePeerAddress reads the "host:port" by which other nodes reach one, or writes an error.
func parsePeerAddress(word []byte, w *fsm.Writer) (address string, ok bool) {
	address = string(word[:min(len(word), maxAddress+1)])
	host, port, ok := splitAddr(address)
	if !ok || port == 0 || len(address) > maxAddress || !reachableHost(host) {
		w.Error("ERR Invalid address '" + quotable(word, maxQuoted) + "': must be the host:port by which the other nodes reach the node")
		return "", false
	}
	return address, true
}

// reachableHost reports whether a text is the name or the IP address of one machine.
func reachableHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return !ip.IsUnspecified()
	}
	for i := range len(host) {
		b := lowerByte(host[i])
		if !('a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '.' || b == '-' || b == '_') {
			return false
		}
	}
	return host != ""
}

// parseNodeID reads the id of a node, or writes an error.
func parseNodeID(word []byte, w *fsm.Writer) (id uint64, ok bool) {
	n, ok := parseInteger(word)
	if !ok || n < 1 {
		w.Error("ERR Invalid node id '" + quotable(word, maxQuoted) + "': must be a number from 1 to 9223372036854775807")
		return 0, false
	}
	return uint64(n), true
}

func raftLeave(c *conn, words [][]byte, w *fsm.Writer) { c.changeMember(RemoveMember, words[2], "", w) }

func raftPromote(c *conn, words [][]byte, w *fsm.Writer) {
	c.changeMember(PromoteMember, words[2], "", w)
}

func raftMove(c *conn, words [][]byte, w *fsm.Writer) {
	if address, ok := parsePeerAddress(words[3], w); ok {
		c.changeMember(MoveMember, words[2], address, w)
	}
}

// changeMember carries out a change of the member that a word names, and replies.
func (c *conn) changeMember(kind ChangeKind, word []byte, address string, w *fsm.Writer) {
	id, ok := parseNodeID(word, w)
	if !ok {
		return
	}
	if _, ok := c.changeMembership(MemberChange{Kind: kind, ID: id, Address: address}, w); ok {
		w.Simple("OK")
	}
}

// changeMembership carries out a change. With ok false the reply is written, or the connection ends.
func (c *conn) changeMembership(change MemberChange, w *fsm.Writer) (id uint64, ok bool) {
	if !c.beginWait() {
		return 0, false
	}
	defer c.endWait()
	ctx, cancel := context.WithTimeout(c.lifetime, membershipLimit)
	defer cancel()
	id, err := c.server.backend.ChangeMembership(ctx, change)
	if err != nil {
		c.refuseChange(err, w)
		return 0, false
	}
	c.server.log.Info("resp: the membership changed", "change", change.Kind, "node", id, "address", change.Address, "client", c.id)
	return id, true
}

func raftTransfer(c *conn, words [][]byte, w *fsm.Writer) {
	id, ok := parseNodeID(words[2], w)
	if !ok || !c.beginWait() {
		return
	}
	defer c.endWait()
	ctx, cancel := context.WithTimeout(c.lifetime, membershipLimit)
	defer cancel()
	if err := c.server.backend.TransferLeadership(ctx, id); err != nil {
		c.refuseChange(err, w)
		return
	}
	w.Simple("OK")
}

// refuseChange replies why a change was not carried out. A node that does not lead names the one that does, with slot 0, as
// for every command without a key.
func (c *conn) refuseChange(err error, w *fsm.Writer) {
	if !errors.Is(err, ErrNotLeader) {
		w.Error(err.Error())
		return
	}
	v := c.server.view(c.listener)
	if leader := v.primary(); leader.member != nil && !leader.self {
		AppendMoved(w, 0, net.JoinHostPort(leader.host, strconv.Itoa(leader.port)))
		return
	}
	AppendClusterDown(w)
}

func raftHelp(c *conn, words [][]byte, w *fsm.Writer) {
	help(w, "RAFT",
		"NODES",
		"    Describe the members. Only the leader knows how far each log matches.",
		"JOIN <host:port> [ID <id>] [INSTANCE <number>] [LEARNER]",
		"    Take a new member in, which becomes a voter once it has caught up unless LEARNER is given.",
		"LEAVE <id>",
		"    Take a member out, the leader included. Its id is never used again.",
		"PROMOTE <id>",
		"    Make a learner that has caught up a voter.",
		"TRANSFER <id>",
		"    Hand leadership to a voter.",
		"MOVE <id> <host:port>",
		"    Change the address by which the other nodes reach a member.",
	)
}
