package resp

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

func infoServer(w *infoWriter) {
	s := w.server
	now := s.now()
	uptime := max(0, int64(now.Sub(s.startedAt)/time.Second))
	_, port, _ := splitAddr(s.opts.Listeners[w.conn.listener].Addr().String())
	executable, _ := os.Executable()
	w.line("redis_version", compatibleVersion)
	w.line("redoubt_version", s.opts.Version)
	w.line("redis_mode", "cluster")
	w.line("os", systemName())
	w.line("arch_bits", strconv.IntSize)
	w.line("multiplexing_api", "go")
	w.line("go_version", runtime.Version())
	w.line("process_id", os.Getpid())
	w.line("process_supervised", "no")
	w.line("run_id", s.runID)
	w.line("tcp_port", port)
	w.line("server_time_usec", now.UnixMicro())
	w.line("uptime_in_seconds", uptime)
	w.line("uptime_in_days", uptime/(24*60*60))
	w.line("executable", executable)
	w.line("config_file", "")
}

func infoClients(w *infoWriter) {
	var maxIn, maxOut int64
	conns := w.server.clients.all()
	for _, c := range conns {
		maxIn = max(maxIn, c.inputSize.Load())
		maxOut = max(maxOut, c.outputSize.Load())
	}
	w.line("connected_clients", len(conns))
	w.line("maxclients", w.server.settings.maxClients.Load())
	w.line("client_recent_max_input_buffer", maxIn)
	w.line("client_recent_max_output_buffer", maxOut)
	w.line("blocked_clients", 0)
	w.line("tracking_clients", 0)
	w.line("clients_in_timeout_table", 0)
}

func infoMemory(w *infoWriter) {
	used, resident, system := heapInUse(), residentMemory(), systemMemory()
	st := &w.server.stats
	st.mu.Lock()
	st.peak = max(st.peak, used)
	peak := st.peak
	st.mu.Unlock()
	dataset := w.view.status.DatasetBytes
	amount := func(name string, bytes uint64) {
		w.line(name, bytes)
		w.line(name+"_human", humanBytes(bytes))
	}
	amount("used_memory", used)
	amount("used_memory_rss", resident)
	amount("used_memory_peak", peak)
	w.line("used_memory_overhead", max(0, int64(used)-dataset))
	w.line("used_memory_dataset", dataset)
	amount("total_system_memory", system)
	amount("maxmemory", 0)
	w.line("maxmemory_policy", "noeviction")
	w.line("mem_fragmentation_ratio", fmt.Sprintf("%.2f", float64(resident)/float64(max(used, 1))))
	w.line("mem_clients_normal", w.server.buffers.used.Load())
	w.line("mem_allocator", "go")
}

// humanBytes formats an amount of memory as Redis does.
func humanBytes(n uint64) string {
	if n < 1<<10 {
		return strconv.FormatUint(n, 10) + "B"
	}
	value, units := float64(n)/(1<<10), "KMGTPE"
	for value >= 1<<10 && len(units) > 1 {
		value, units = value/(1<<10), units[1:]
	}
	return fmt.Sprintf("%.2f%c", value, units[0])
}

func infoPersistence(w *infoWriter) {
	status := &w.view.status
	lastSave := "ok"
	if !status.LastSnapshotOK {
		lastSave = "err"
	}
	w.line("loading", digit(status.Loading))
	w.line("async_loading", 0)
	w.line("rdb_changes_since_last_save", status.AppliedIndex-min(status.SnapshotIndex, status.AppliedIndex))
	w.line("rdb_bgsave_in_progress", digit(status.SnapshotRunning))
	w.line("rdb_last_save_time", status.LastSnapshotTime)
	w.line("rdb_last_bgsave_status", lastSave)
	// The log takes the place of the append-only file, and every acknowledged write is in it.
	w.line("aof_enabled", 1)
	w.line("aof_rewrite_in_progress", 0)
	w.line("aof_last_bgrewrite_status", "ok")
	w.line("aof_last_write_status", "ok")
}

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func infoStats(w *infoWriter) {
	st, status := &w.server.stats, &w.view.status
	total := w.server.clients.traffic()
	st.mu.Lock()
	total = total.minus(st.base)
	rate, base := st.rate, st.backendBase
	st.mu.Unlock()
	w.line("total_connections_received", st.accepted.Load())
	w.line("total_commands_processed", total.commands)
	w.line("instantaneous_ops_per_sec", int64(rate.commands+0.5))
	w.line("total_net_input_bytes", total.inputBytes)
	w.line("total_net_output_bytes", total.outputBytes)
	w.line("instantaneous_input_kbps", fmt.Sprintf("%.2f", rate.inputBytes/1024))
	w.line("instantaneous_output_kbps", fmt.Sprintf("%.2f", rate.outputBytes/1024))
	w.line("rejected_connections", st.rejected.Load())
	w.line("expired_keys", status.ExpiredKeys-min(base.expired, status.ExpiredKeys))
	w.line("evicted_keys", 0)
	w.line("evicted_clients", st.evicted.Load())
	w.line("keyspace_hits", status.KeyspaceHits-min(base.hits, status.KeyspaceHits))
	w.line("keyspace_misses", status.KeyspaceMisses-min(base.misses, status.KeyspaceMisses))
	w.line("pubsub_channels", 0)
	w.line("pubsub_patterns", 0)
	w.line("latest_fork_usec", 0)
	w.line("total_reads_processed", total.reads)
	w.line("total_writes_processed", total.writes)
}

func infoReplication(w *infoWriter) {
	v := w.view
	// One history for all nodes, so one id: that of the cluster.
	replID := ClusterNodeID(v.status.ClusterID, 0)
	if v.status.leads() {
		replicas := v.replicas()
		w.line("role", "master")
		w.line("connected_slaves", countOnline(replicas))
		i := 0
		for _, n := range replicas {
			if !n.online {
				continue
			}
			w.line("slave"+strconv.Itoa(i), fmt.Sprintf("ip=%s,port=%d,state=online,offset=%d,lag=0", n.host, n.port, n.offset))
			i++
		}
	} else {
		primary, link := v.primary(), "down"
		if primary.online {
			link = "up"
		}
		w.line("role", "slave")
		w.line("master_host", primary.host)
		w.line("master_port", primary.port)
		w.line("master_link_status", link)
		w.line("master_sync_in_progress", 0)
		w.line("slave_repl_offset", v.status.AppliedIndex)
		w.line("slave_priority", 100)
		w.line("slave_read_only", 1)
		w.line("connected_slaves", 0)
	}
	w.line("master_failover_state", "no-failover")
	w.line("master_replid", replID)
	w.line("master_repl_offset", v.status.CommitIndex)
}

func countOnline(nodes []viewNode) int {
	n := 0
	for i := range nodes {
		n += digit(nodes[i].online)
	}
	return n
}

func infoCPU(w *infoWriter) {
	system, user := cpuSeconds()
	w.line("used_cpu_sys", fmt.Sprintf("%.6f", system))
	w.line("used_cpu_user", fmt.Sprintf("%.6f", user))
}

func infoCluster(w *infoWriter) { w.line("cluster_enabled", 1) }

func infoKeyspace(w *infoWriter) {
	if keys := w.view.status.Keys; keys > 0 {
		w.line("db0", fmt.Sprintf("keys=%d,expires=%d,avg_ttl=0", keys, w.view.status.Expires))
	}
}

func infoRaft(w *infoWriter) {
	status := &w.view.status
	w.line("raft_cluster_id", status.ClusterID)
	w.line("raft_node_id", status.NodeID)
	w.line("raft_role", status.Role)
	w.line("raft_term", status.Term)
	w.line("raft_leader_id", status.LeaderID)
	w.line("raft_commit_index", status.CommitIndex)
	w.line("raft_applied_index", status.AppliedIndex)
	w.line("raft_last_index", status.LastIndex)
	w.line("raft_snapshot_index", status.SnapshotIndex)
	w.line("raft_log_time", status.LogTime)
	w.line("raft_sessions", status.Sessions)
	w.line("raft_forwarded_reads", status.ForwardedReads)
	w.line("raft_members", len(status.Members))
	for i := range status.Members {
		m := &status.Members[i]
		client := ""
		if listener := w.conn.listener; listener < len(m.Clients) {
			client = m.Clients[listener]
		}
		connected, match := m.Connected, m.MatchIndex
		if m.ID == status.NodeID {
			connected, match = true, status.LastIndex
		}
		w.line("raft_member"+strconv.Itoa(i), fmt.Sprintf("id=%d,peer=%s,client=%s,role=%s,connected=%d,match=%d",
			m.ID, m.Peer, client, m.Role, digit(connected), match))
	}
}
