package resp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// changing makes the fake replica note the changes that it is asked for, and answer them with id and err.
func (f *fakeReplica) changing(id uint64, err error) *[]MemberChange {
	var changes []MemberChange
	f.change = func(_ context.Context, change MemberChange) (uint64, error) {
		changes = append(changes, change)
		return id, err
	}
	return &changes
}

func TestRaftChanges(t *testing.T) {
	s := start(t, nil)
	changes := s.replica.changing(7, nil)
	c := s.dial(t)
	for _, step := range []struct {
		command string
		want    MemberChange
	}{
		{"raft join ten:7379", MemberChange{Kind: AddMember, Address: "ten:7379", Promote: true}},
		{"raft join [::1]:7379 learner", MemberChange{Kind: AddMember, Address: "[::1]:7379"}},
		{"RAFT JOIN 10.0.0.9:1 INSTANCE 18446744073709551615 ID 9", MemberChange{Kind: AddMember, ID: 9, Address: "10.0.0.9:1", Instance: 1<<64 - 1, Promote: true}},
		{"raft leave 3", MemberChange{Kind: RemoveMember, ID: 3}},
		{"raft promote 9223372036854775807", MemberChange{Kind: PromoteMember, ID: 1<<63 - 1}},
		{"raft move 2 two.example:7379", MemberChange{Kind: MoveMember, ID: 2, Address: "two.example:7379"}},
	} {
		*changes = nil
		c.send(step.command + "\r\n")
		reply := fmt.Sprint(c.reply())
		if step.want.Kind == AddMember {
			if !strings.HasPrefix(reply, "[id 7 cluster test members [[id 1 peer 10.0.0.1:7000 ") {
				t.Errorf("%s: replied %s", step.command, reply)
			}
		} else if reply != "OK" {
			t.Errorf("%s: replied %s", step.command, reply)
		}
		if fmt.Sprint(*changes) != fmt.Sprint([]MemberChange{step.want}) {
			t.Errorf("%s: asked for %v, want %v", step.command, *changes, step.want)
		}
	}
	var heir uint64
	s.replica.transfer = func(_ context.Context, to uint64) error { heir = to; return nil }
	if c.want("RAFT TRANSFER 2", "OK"); heir != 2 {
		t.Errorf("leadership was handed to %d", heir)
	}
}

// Nothing that is malformed reaches the replica.
func TestRaftRefusesWhatMakesNoSense(t *testing.T) {
	s := start(t, nil) // its replica panics when it is asked for a change
	c := s.dial(t)
	const address = ": must be the host:port by which the other nodes reach the node"
	const id = ": must be a number from 1 to 9223372036854775807"
	long := strings.Repeat("a", 1020) + ":7379"
	for command, want := range map[string]string{
		"raft":                        "-ERR wrong number of arguments for 'raft' command",
		"raft join":                   "-ERR wrong number of arguments for 'raft|join' command",
		"raft leave":                  "-ERR wrong number of arguments for 'raft|leave' command",
		"raft leave 1 2":              "-ERR wrong number of arguments for 'raft|leave' command",
		"raft elect 1":                "-ERR unknown subcommand 'elect'. Try RAFT HELP.",
		"raft join nowhere":           "-ERR Invalid address 'nowhere'" + address,
		"raft join :7379":             "-ERR Invalid address ':7379'" + address,
		"raft join 0.0.0.0:7379":      "-ERR Invalid address '0.0.0.0:7379'" + address,
		"raft join [::]:7379":         "-ERR Invalid address '[::]:7379'" + address,
		"raft join a:0":               "-ERR Invalid address 'a:0'" + address,
		"raft join a:65536":           "-ERR Invalid address 'a:65536'" + address,
		"raft join a,b:1":             "-ERR Invalid address 'a,b:1'" + address,
		`raft join "a b:1"`:           "-ERR Invalid address 'a b:1'" + address,
		"raft join " + long:           "-ERR Invalid address '" + long[:128] + "'" + address,
		"raft join a:1 ID 0":          "-ERR Invalid node id '0'" + id,
		"raft join a:1 ID -1":         "-ERR Invalid node id '-1'" + id,
		"raft join a:1 ID":            "-ERR syntax error",
		"raft join a:1 ID 2 ID 3":     "-ERR syntax error",
		"raft join a:1 LEARNER VOTER": "-ERR syntax error",
		"raft join a:1 INSTANCE 0":    "-ERR Invalid instance '0': must be a number from 1 to 18446744073709551615",
		"raft join a:1 INSTANCE x":    "-ERR Invalid instance 'x': must be a number from 1 to 18446744073709551615",
		"raft leave x":                "-ERR Invalid node id 'x'" + id,
		"raft promote 01":             "-ERR Invalid node id '01'" + id,
		"raft transfer 1.5":           "-ERR Invalid node id '1.5'" + id,
		"raft move 1 x":               "-ERR Invalid address 'x'" + address,
		"raft move x a:1":             "-ERR Invalid node id 'x'" + id,
	} {
		c.want(command, want)
	}
}

func TestRaftNodes(t *testing.T) {
	s := start(t, nil)
	s.replica.setStatus(func(st *Status) { st.Members[2].Role = Learner })
	const want = "[[id 1 peer 10.0.0.1:7000 clients [127.0.0.1:6379 one:6379] role voter leader 1 match 41 connected 1] " +
		"[id 2 peer 10.0.0.2:7000 clients [127.0.0.1:6380 two:6379] role voter leader 0 match 38 connected 1] " +
		"[id 3 peer 10.0.0.3:7000 clients [] role learner leader 0 match 0 connected 0]]"
	for _, proto := range []string{"2", "3"} {
		c := s.dial(t)
		c.do("HELLO", proto)
		c.want("RAFT NODES", want)
	}
}

// A change that was not made says why, and a node that does not lead names the one that does.
func TestRaftErrors(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	s.replica.changing(0, errors.New("ERR node 9 is not a member"))
	c.want("RAFT LEAVE 9", "-ERR node 9 is not a member")
	s.replica.changing(0, ErrUncertain)
	c.want("RAFT LEAVE 2", "-"+ErrUncertain.Error())
	s.replica.changing(0, ErrNotLeader)
	s.replica.transfer = func(context.Context, uint64) error { return ErrNotLeader }
	s.replica.setStatus(func(st *Status) { st.Role, st.LeaderID = "follower", 2 })
	for _, command := range []string{"RAFT JOIN a:1", "RAFT LEAVE 2", "RAFT PROMOTE 2", "RAFT MOVE 2 a:1", "RAFT TRANSFER 2"} {
		c.want(command, "-MOVED 0 127.0.0.1:6380")
	}
	for name, change := range map[string]func(*Status){
		"no leader is known":             func(st *Status) { st.LeaderID = 0 },
		"the leader's address is not":    func(st *Status) { st.LeaderID = 3 },
		"this node has just been chosen": func(st *Status) { st.Role, st.LeaderID = "leader", 1 },
	} {
		s.replica.setStatus(change)
		if reply := c.do("RAFT", "LEAVE", "2"); reply != "-CLUSTERDOWN The cluster is down" {
			t.Errorf("while %s: replied %v", name, reply)
		}
	}
}

// waiting makes changes of the fake replica wait for their context's end. It returns where each says that it began.
func (f *fakeReplica) waiting() <-chan struct{} {
	begun := make(chan struct{}, 1)
	f.change = func(ctx context.Context, _ MemberChange) (uint64, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return 0, ErrUncertain
	}
	return begun
}

// A change holds up its own connection and nothing else: neither the replies before it, nor CLIENT KILL, nor a shutdown.
func TestAChangeBlocksItsConnectionOnly(t *testing.T) {
	s := start(t, nil)
	begun := s.replica.waiting()
	c, other := s.dial(t), s.dial(t)
	id := c.do("CLIENT", "ID")
	c.send(encode("SET", "a", "1") + encode("RAFT", "LEAVE", "2") + encode("GET", "a"))
	if reply := c.reply(); reply != "OK" {
		t.Fatalf("SET before a change replied %v", reply)
	}
	<-begun
	other.want("GET a", "1")
	if killed := other.do("CLIENT", "KILL", "ID", fmt.Sprint(id)); killed != int64(1) {
		t.Fatalf("CLIENT KILL replied %v", killed)
	}
	eventually(t, "a killed connection stops waiting", func() bool { return len(s.clients.all()) == 1 })
	other.send(encode("RAFT", "LEAVE", "2"))
	<-begun
	at := time.Now()
	s.shutdown(t)
	if took := time.Since(at); took > 5*time.Second {
		t.Errorf("a shutdown waited %v for a change", took)
	}
	if reply := other.reply(); reply != "-"+ErrUncertain.Error() {
		t.Errorf("a change that the shutdown ended replied %v", reply)
	}
}

func TestClientKillEndsAWait(t *testing.T) {
	s := start(t, nil)
	begun := make(chan struct{})
	s.replica.waitReplicas = func(cancel <-chan struct{}) { close(begun); <-cancel }
	c, other := s.dial(t), s.dial(t)
	id := c.do("CLIENT", "ID")
	c.send(encode("WAIT", "9", "0"))
	<-begun
	other.do("CLIENT", "KILL", "ID", fmt.Sprint(id))
	eventually(t, "a killed connection stops waiting", func() bool { return len(s.clients.all()) == 1 })
}
