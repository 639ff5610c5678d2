package resp

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// ids of the nodes of fakeReplica.
var nodeIDs = [4]string{"", ClusterNodeID("test", 1), ClusterNodeID("test", 2), ClusterNodeID("test", 3)}

// setStatus changes what the fake replica says of itself.
func (f *fakeReplica) setStatus(change func(*Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.status)
}

func TestClusterNodeID(t *testing.T) {
	if len(nodeIDs[1]) != 40 || nodeIDs[1] == nodeIDs[2] || nodeIDs[1] == ClusterNodeID("other", 1) {
		t.Errorf("ids do not tell nodes apart: %v", nodeIDs)
	}
	if ClusterNodeID("test", 1) != nodeIDs[1] {
		t.Error("an id is not stable")
	}
}

// TestClusterView: the leader is the primary of all slots, the others with known addresses are its replicas.
func TestClusterView(t *testing.T) {
	s := start(t, nil)
	for _, proto := range []string{"2", "3"} {
		c := s.dial(t)
		c.do("HELLO", proto)
		c.want("CLUSTER SLOTS", fmt.Sprintf("[[0 16383 [127.0.0.1 6379 %s []] [127.0.0.1 6380 %s []]]]", nodeIDs[1], nodeIDs[2]))
		c.want("CLUSTER SHARDS", fmt.Sprintf("[[slots [0 16383] nodes ["+
			"[id %s port 6379 ip 127.0.0.1 endpoint 127.0.0.1 role master replication-offset 39 health online] "+
			"[id %s port 6380 ip 127.0.0.1 endpoint 127.0.0.1 role replica replication-offset 38 health online]]]]", nodeIDs[1], nodeIDs[2]))
		c.want("CLUSTER NODES", fmt.Sprintf("%s 127.0.0.1:6379@7000 myself,master - 0 0 7 connected 0-16383\n"+
			"%s 127.0.0.1:6380@7000 slave %s 0 0 7 connected\n", nodeIDs[1], nodeIDs[2], nodeIDs[1]))
		c.want("CLUSTER MYID", nodeIDs[1])
		c.want("CLUSTER REPLICAS "+nodeIDs[1], fmt.Sprintf("[%s 127.0.0.1:6380@7000 slave %s 0 0 7 connected]", nodeIDs[2], nodeIDs[1]))
		c.want("CLUSTER SLAVES "+nodeIDs[2], "-ERR The specified node is not a master")
		c.want("CLUSTER REPLICAS abc", "-ERR Unknown node abc")
		c.want("ROLE", "[master 40 [[127.0.0.1 6380 38]]]")
	}
}

// TestClusterViewWithoutLeader: no slots are served, and it says so.
func TestClusterViewWithoutLeader(t *testing.T) {
	s := start(t, nil)
	s.replica.setStatus(func(st *Status) { st.Role, st.LeaderID = "candidate", 0 })
	c := s.dial(t)
	c.want("CLUSTER SLOTS", "[]")
	c.send("CLUSTER INFO\r\nCLUSTER SHARDS\r\nCLUSTER NODES\r\nROLE\r\n")
	if info := c.reply().(string); !strings.HasPrefix(info, "cluster_state:fail\r\ncluster_slots_assigned:0\r\n") {
		t.Errorf("CLUSTER INFO: %q", info)
	}
	if shards := fmt.Sprint(c.reply()); !strings.HasPrefix(shards, "[[slots [] nodes [[id ") || strings.Contains(shards, "master") {
		t.Errorf("CLUSTER SHARDS: %s", shards)
	}
	if nodes := c.reply().(string); strings.Contains(nodes, "master") || strings.Contains(nodes, "16383") {
		t.Errorf("CLUSTER NODES: %s", nodes)
	}
	if role := fmt.Sprint(c.reply()); role != "[slave  0 connect 39]" {
		t.Errorf("ROLE: %s", role)
	}
}

// TestClusterViewOfFollower: it names the leader, also while there is no connection to it.
func TestClusterViewOfFollower(t *testing.T) {
	s := start(t, nil)
	s.replica.setStatus(func(st *Status) { st.Role, st.LeaderID = "follower", 2 })
	c := s.dial(t)
	c.want("ROLE", "[slave 127.0.0.1 6380 connected 39]")
	c.want("CLUSTER SLOTS", fmt.Sprintf("[[0 16383 [127.0.0.1 6380 %s []] [127.0.0.1 6379 %s []]]]", nodeIDs[2], nodeIDs[1]))
	s.replica.setStatus(func(st *Status) { st.Members[1].Connected = false })
	c.want("ROLE", "[slave 127.0.0.1 6380 connect 39]")
	c.send("CLUSTER NODES\r\nCLUSTER SHARDS\r\nINFO replication\r\n")
	if nodes := c.reply().(string); !strings.Contains(nodes, "master - 0 0 7 disconnected 0-16383\n") {
		t.Errorf("CLUSTER NODES: %s", nodes)
	}
	if shards := fmt.Sprint(c.reply()); !strings.Contains(shards, "role master replication-offset 38 health fail") {
		t.Errorf("CLUSTER SHARDS: %s", shards)
	}
	replication := c.reply().(string)
	for _, want := range []string{"role:slave\r\n", "master_host:127.0.0.1\r\n", "master_port:6380\r\n", "master_link_status:down\r\n"} {
		if !strings.Contains(replication, want) {
			t.Errorf("INFO replication has no %q: %s", want, replication)
		}
	}
}

// TestAnnouncedPerListener: a client is told the addresses that belong to the listener it came in by.
func TestAnnouncedPerListener(t *testing.T) {
	second, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(o *Options) {
		o.Listeners = append(o.Listeners, Listener{Listener: second, Name: "outside", Announce: "one:6379"})
	})
	outside := &testServer{Server: s.Server, replica: s.replica, addr: second.Addr().String(), log: s.log}
	s.dial(t).want("ROLE", "[master 40 [[127.0.0.1 6380 38]]]")
	outside.dial(t).want("ROLE", "[master 40 [[two 6379 38]]]")
	outside.dial(t).want("GET k", "<nil>")
	// The node's own address is known from the start.
	s.replica.setStatus(func(st *Status) { st.Members[0].Clients = nil })
	outside.dial(t).want("CLUSTER SLOTS", fmt.Sprintf("[[0 16383 [one 6379 %s []] [two 6379 %s []]]]", nodeIDs[1], nodeIDs[2]))
}

func TestClusterSlotCommands(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	c.want("CLUSTER KEYSLOT foo", "12182")
	c.want("CLUSTER KEYSLOT a{foo}b", "12182")
	c.want("CLUSTER COUNTKEYSINSLOT 12182", "0")
	c.want("MSET foo 1 a{foo} 2 other 3", "OK")
	c.want("CLUSTER COUNTKEYSINSLOT 12182", "2")
	c.send("CLUSTER GETKEYSINSLOT 12182 10\r\n")
	if keys := c.reply().([]any); len(keys) != 2 {
		t.Errorf("CLUSTER GETKEYSINSLOT: %v", keys)
	}
	c.want("CLUSTER GETKEYSINSLOT 12182 0", "[]")
	c.want("CLUSTER COUNTKEYSINSLOT 16384", "-ERR Invalid slot")
	c.want("CLUSTER COUNTKEYSINSLOT -1", "-ERR Invalid slot")
	c.want("CLUSTER COUNTKEYSINSLOT a", "-ERR value is not an integer or out of range")
	c.want("CLUSTER GETKEYSINSLOT 1 -1", "-ERR Invalid slot or number of keys")
	c.want("CLUSTER GETKEYSINSLOT 99999 1", "-ERR Invalid slot or number of keys")
	c.want("CLUSTER GETKEYSINSLOT a 1", "-ERR value is not an integer or out of range")
	c.want("ASKING", "OK")
}
