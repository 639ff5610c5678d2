package resp

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// fields returns the fields of an INFO text, and its sections in order.
func fields(text string) (map[string]string, []string) {
	values := make(map[string]string)
	var sections []string
	for line := range strings.SplitSeq(text, "\r\n") {
		if title, ok := strings.CutPrefix(line, "# "); ok {
			sections = append(sections, title)
		} else if name, value, ok := strings.Cut(line, ":"); ok {
			values[name] = value
		}
	}
	return values, sections
}

func TestInfo(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	c.want("SET k v", "OK")
	c.send("INFO\r\n")
	values, sections := fields(c.reply().(string))
	if got, want := strings.Join(sections, " "), "Server Clients Memory Persistence Stats Replication CPU Modules Cluster Keyspace Raft"; got != want {
		t.Errorf("sections %s, want %s", got, want)
	}
	_, port, _ := strings.Cut(s.addr, ":")
	for name, want := range map[string]string{
		"redis_version": "7.0.15", "redoubt_version": "0.1-test", "redis_mode": "cluster", "arch_bits": "64",
		"process_id": fmt.Sprint(os.Getpid()), "tcp_port": port, "connected_clients": "1", "maxclients": "10000",
		"loading": "0", "aof_enabled": "1", "rdb_last_bgsave_status": "ok", "total_connections_received": "1",
		"total_commands_processed": "1", "rejected_connections": "0", "role": "master", "connected_slaves": "1",
		"slave0": "ip=127.0.0.1,port=6380,state=online,offset=38,lag=0", "cluster_enabled": "1",
		"db0": "keys=1,expires=0,avg_ttl=0", "raft_node_id": "1", "raft_role": "leader", "raft_term": "7",
		"raft_leader_id": "1", "raft_commit_index": "40", "raft_applied_index": "39", "raft_last_index": "41",
		"raft_snapshot_index": "20", "raft_members": "3", "master_repl_offset": "40",
		"raft_member0": "id=1,peer=10.0.0.1:7000,client=127.0.0.1:6379,role=voter,connected=1,match=41",
		"raft_member1": "id=2,peer=10.0.0.2:7000,client=127.0.0.1:6380,role=voter,connected=1,match=38",
		"raft_member2": "id=3,peer=10.0.0.3:7000,client=,role=voter,connected=0,match=0",
	} {
		if values[name] != want {
			t.Errorf("%s is %q, want %q", name, values[name], want)
		}
	}
	for _, name := range []string{"run_id", "os", "uptime_in_seconds", "used_memory", "used_memory_rss", "used_memory_human",
		"total_system_memory", "used_cpu_sys", "used_cpu_user", "expired_keys", "keyspace_hits", "keyspace_misses", "master_replid"} {
		if values[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestInfoSections(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	c.want("INFO nosuch", "")
	for command, want := range map[string]string{
		"INFO server":            "Server",
		"INFO RAFT nosuch stats": "Stats Raft",
		"INFO cluster":           "Cluster",
		"INFO everything":        "Server Clients Memory Persistence Stats Replication CPU Modules Cluster Keyspace Raft",
	} {
		c.send(command + "\r\n")
		if _, sections := fields(c.reply().(string)); strings.Join(sections, " ") != want {
			t.Errorf("%s has the sections %v, want %s", command, sections, want)
		}
	}
	c.want("INFO cluster", "# Cluster\r\ncluster_enabled:1\r\n")
	c.do("HELLO", "3")
	c.send("INFO cluster\r\n")
	if line, _ := c.r.ReadString('\n'); !strings.HasPrefix(line, "=") {
		t.Errorf("INFO in RESP3 begins with %q, want a verbatim string", line)
	}
}

// TestResetStat: CONFIG RESETSTAT makes the counters begin again, those of ended connections included.
func TestResetStat(t *testing.T) {
	s := start(t, nil)
	gone := s.dial(t)
	gone.want("PING", "PONG")
	gone.Close()
	eventually(t, "the connection has ended", func() bool { return len(s.clients.all()) == 0 })
	s.replica.setStatus(func(st *Status) { st.KeyspaceHits, st.ExpiredKeys = 10, 5 })
	c := s.dial(t)
	stats := func() map[string]string {
		values, _ := fields(c.do("INFO", "stats").(string))
		return values
	}
	if v := stats(); v["total_commands_processed"] != "1" || v["total_connections_received"] != "2" || v["keyspace_hits"] != "10" {
		t.Errorf("before: %v", v)
	}
	c.want("CONFIG RESETSTAT", "OK")
	s.replica.setStatus(func(st *Status) { st.KeyspaceHits++ })
	if v := stats(); v["total_connections_received"] != "0" || v["keyspace_hits"] != "1" || v["expired_keys"] != "0" ||
		v["total_net_output_bytes"] == "" || len(v["total_commands_processed"]) > 1 {
		t.Errorf("after: %v", v)
	}
}

func TestHumanBytes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0B", 1023: "1023B", 1024: "1.00K", 965648: "943.02K", 1 << 20: "1.00M", 25276514304: "23.54G"} {
		if got := humanBytes(n); got != want {
			t.Errorf("humanBytes(%d) = %s, want %s", n, got, want)
		}
	}
}
