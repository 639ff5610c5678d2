package conf

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// setting is a row of the table: all there is to say of one setting.
type setting struct {
	name string
	// group is the heading in the sample file. Rows of one group stand together.
	group string
	// kind is what the flag's help calls a value.
	kind string
	// fallback is the default, spelled as in the file. An empty one follows from other settings.
	fallback string
	// allowed completes the sentence "must be …".
	allowed string
	doc     string
	// parse stores a value in its field.
	parse func(c *Config, text string) error
	// format is the inverse of parse.
	format func(c *Config) string
}

const (
	kb = int64(1) << 10
	mb = int64(1) << 20
	gb = int64(1) << 30
)

// settings returns the table. Names that Redis has too are spelled as Redis does and mean the same.
func settings() []setting {
	var table []setting
	for _, group := range []struct {
		name string
		rows []setting
	}{
		{"This node and its cluster", clusterSettings()},
		{"Clients", clientSettings()},
		{"Raft", raftSettings()},
		{"Disk", diskSettings()},
		{"Logging", loggingSettings()},
	} {
		for _, row := range group.rows {
			row.group = group.name
			table = append(table, row)
		}
	}
	return table
}

func clusterSettings() []setting {
	return []setting{
		numberSetting("node-id", "1", 1, 1<<63-1, func(c *Config) *uint64 { return &c.NodeID },
			"This node's number. It names the node for ever: no other node may get it, not even after this one is gone. "+
				"A node that joins need not have one: the cluster gives it the next, and its data directory keeps it."),
		{
			name: "cluster-id", kind: "text", fallback: "redoubt", allowed: "1 to 64 letters, digits, dots, dashes or underscores",
			doc:    "The cluster's name. Nodes of different names refuse to talk to each other.",
			parse:  func(c *Config, text string) error { c.ClusterID = text; return checkName(text) },
			format: func(c *Config) string { return c.ClusterID },
		},
		{
			name: "dir", kind: "path", fallback: "./redoubt-data", allowed: "the path of a directory",
			doc:    "The data directory. It is made if it is missing, and belongs to one node.",
			parse:  func(c *Config, text string) error { c.Dir = text; return checkNotEmpty(text) },
			format: func(c *Config) string { return c.Dir },
		},
		numberSetting("processors", "0", 0, 1024, func(c *Config) *int { return &c.Processors },
			"How many processors run the node's own code at once; the kernel does its network and its disk on any. 0: half of those that "+
				"the process may use, at least one, or what the variable GOMAXPROCS says. All of them help while the node loads its "+
				"data, and one more while it loads a peer's snapshot. A node that has a machine to itself may serve more with all of them."),
		{
			name: "peer-listen", kind: "address", fallback: "127.0.0.1:7379", allowed: "host:port[@announced-host:port]",
			doc: "Where this node listens for its peers. They reach it at the announced address, which is the address itself if none " +
				"is given. Keep it out of reach of clients: it is not authenticated.",
			parse:  parsePeerListen,
			format: formatPeerListen,
		},
		{
			name: "peers", kind: "list", allowed: "a list of id=host:port, one for each voter, this node included",
			doc: "The voters of a new cluster, the same list on all of them. Without it the node is a cluster of its own. " +
				"A node that has data already knows its cluster from there.",
			parse:  parsePeers,
			format: formatPeers,
		},
		{
			name: "join", kind: "list", allowed: "a list of host:port, each the address of a member for its clients",
			doc: "Members of a cluster that exists, one of which is asked to take this node in. It becomes a voter once it has caught " +
				"up. A node that has data is a member already and asks nobody.",
			parse:  parseJoin,
			format: func(c *Config) string { return strings.Join(c.Join, ",") },
		},
		choiceSetting("join-as", "voter", []choice[bool]{{"voter", false}, {"learner", true}}, func(c *Config) *bool { return &c.JoinLearner },
			"What the node that joins is to be. A learner has all data and no vote, until RAFT PROMOTE gives it one."),
	}
}

func clientSettings() []setting {
	return []setting{
		{
			name: "listen", kind: "list", fallback: "127.0.0.1:6379", allowed: "a list of [name=]host:port[@announced-host:port]",
			doc: "Where clients connect. Redirects name the announced address, which is the address itself if none is given; " +
				"each listener has its own, so that clients in a container network and on its host are each sent to " +
				"where they can reach. The listeners of all nodes stand in the same order.",
			parse:  parseListeners,
			format: formatListeners,
		},
		numberSetting("maxclients", "10000", 1, 1_000_000, func(c *Config) *int { return &c.MaxClients },
			"How many clients may be connected at once."),
		secondsSetting("timeout", "0", func(c *Config) *time.Duration { return &c.Timeout },
			"Seconds after which an idle client is disconnected. 0: never."),
		secondsSetting("tcp-keepalive", "300", func(c *Config) *time.Duration { return &c.TCPKeepAlive },
			"Seconds between keep-alive probes to a silent client. 0: none."),
		sizeSetting("proto-max-bulk-len", "512mb", mb, 512*mb, func(c *Config) *int64 { return &c.ProtoMaxBulkLen },
			"The largest argument of a command. max-entry-bytes and client-query-buffer-limit bound it as well."),
		sizeSetting("client-query-buffer-limit", "128mb", mb, 4*gb, func(c *Config) *int64 { return &c.ClientQueryBufferLimit },
			"How much one client may have sent that was not yet taken. A client with more is disconnected."),
		choiceSetting("replica-reads", "stale", []choice[bool]{{"stale", false}, {"linearizable", true}},
			func(c *Config) *bool { return &c.LinearizableReplicas },
			"How a node that follows serves the reads of a client that sent READONLY: as it has them, which may be behind, or "+
				"never stale, after it has asked the leader. READONLY STALE and READONLY LINEARIZABLE go before this."),
	}
}

func raftSettings() []setting {
	return []setting{
		choiceSetting("lease-reads", "no", []choice[bool]{{"yes", true}, {"no", false}}, func(c *Config) *bool { return &c.LeaseReads },
			"Whether the leader serves reads by a lease, without asking its peers. This weakens a promise: a read can be stale if the "+
				"clocks of two nodes differ in speed by a fifth, or if the leader's stands still, as that of a suspended machine does. "+
				"Set it alike on all nodes."),
		durationSetting("heartbeat-interval", "100ms", time.Millisecond, time.Minute, func(c *Config) *time.Duration { return &c.HeartbeatInterval },
			"How often the leader shows that it is alive."),
		durationSetting("election-timeout", "500ms", 3*time.Millisecond, 10*time.Minute, func(c *Config) *time.Duration { return &c.ElectionTimeout },
			"After how long without a leader a node stands for election. Each wait is drawn between this and its double. "+
				"At least 3 times heartbeat-interval."),
		sizeSetting("max-entry-bytes", "64mb", 64*kb, gb, func(c *Config) *int64 { return &c.MaxEntryBytes },
			"The largest entry of the log: one write command, or several that were sent together."),
		sizeSetting("raft-max-inflight-bytes", "8mb", 64*kb, gb, func(c *Config) *int64 { return &c.RaftMaxInflightBytes },
			"How much of the log may be under way to one peer."),
		sizeSetting("raft-max-uncommitted-bytes", "256mb", 64*kb, 64*gb, func(c *Config) *int64 { return &c.RaftMaxUncommittedBytes },
			"How much may be proposed and not yet committed. Further writes are refused. At least max-entry-bytes."),
		sizeSetting("raft-log-cache-bytes", "16mb", 64*kb, 64*gb, func(c *Config) *int64 { return &c.RaftLogCacheBytes },
			"How much of the end of the log stays in memory. Peers further behind are fed from the disk."),
	}
}

func diskSettings() []setting {
	return []setting{
		sizeSetting("wal-segment-bytes", "64mb", 64*kb, gb, func(c *Config) *int64 { return &c.WALSegmentBytes },
			"The size of one file of the log. Files behind a snapshot are dropped as a whole."),
		sizeSetting("snapshot-log-bytes", "256mb", 4*kb, 1024*gb, func(c *Config) *int64 { return &c.SnapshotLogBytes },
			"A snapshot is taken after this much log since the last one, or after snapshot-log-entries."),
		numberSetting("snapshot-log-entries", "1000000", 1, 1_000_000_000_000, func(c *Config) *uint64 { return &c.SnapshotLogEntries },
			"A snapshot is taken after this many entries of the log since the last one, or after snapshot-log-bytes."),
	}
}

func loggingSettings() []setting {
	levels := []choice[slog.Level]{
		{"debug", slog.LevelDebug}, {"verbose", LevelVerbose}, {"notice", slog.LevelInfo}, {"warning", slog.LevelWarn},
	}
	formats := []choice[string]{{"text", "text"}, {"json", "json"}}
	return []setting{
		choiceSetting("loglevel", "notice", levels, func(c *Config) *slog.Level { return &c.LogLevel },
			"How much is logged, to standard error."),
		choiceSetting("logformat", "text", formats, func(c *Config) *string { return &c.LogFormat },
			"How it is logged."),
	}
}

// numberSetting is a setting that takes a decimal number from least to most.
func numberSetting[T int | uint64](name, fallback string, least, most int64, field func(*Config) *T, doc string) setting {
	return setting{
		name: name, kind: "number", fallback: fallback, doc: doc,
		allowed: fmt.Sprintf("a number from %d to %d", least, most),
		parse: func(c *Config, text string) error {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < least || n > most {
				return errNotAllowed
			}
			*field(c) = T(n)
			return nil
		},
		format: func(c *Config) string { return fmt.Sprint(*field(c)) },
	}
}

// secondsSetting is a setting that takes a whole number of seconds, as Redis's do.
func secondsSetting(name, fallback string, field func(*Config) *time.Duration, doc string) setting {
	const most = 1<<31 - 1
	return setting{
		name: name, kind: "seconds", fallback: fallback, doc: doc,
		allowed: fmt.Sprintf("a number of seconds from 0 to %d", most),
		parse: func(c *Config, text string) error {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 || n > most {
				return errNotAllowed
			}
			*field(c) = time.Duration(n) * time.Second
			return nil
		},
		format: func(c *Config) string { return fmt.Sprint(int64(*field(c) / time.Second)) },
	}
}

// sizeSetting is a setting that takes a size in Redis's memory units.
func sizeSetting(name, fallback string, least, most int64, field func(*Config) *int64, doc string) setting {
	return setting{
		name: name, kind: "size", fallback: fallback, doc: doc,
		allowed: fmt.Sprintf("a size from %s to %s, such as 1000000, 64kb or 1gb", formatSize(least), formatSize(most)),
		parse: func(c *Config, text string) error {
			n, err := parseSize(text)
			if err != nil || n < least || n > most {
				return errNotAllowed
			}
			*field(c) = n
			return nil
		},
		format: func(c *Config) string { return formatSize(*field(c)) },
	}
}

// durationSetting is a setting that takes a duration in Go's spelling.
func durationSetting(name, fallback string, least, most time.Duration, field func(*Config) *time.Duration, doc string) setting {
	return setting{
		name: name, kind: "duration", fallback: fallback, doc: doc,
		allowed: fmt.Sprintf("a duration with its unit from %s to %s, such as 250ms or 1.5s", formatDuration(least), formatDuration(most)),
		parse: func(c *Config, text string) error {
			d, err := time.ParseDuration(text)
			if err != nil || d < least || d > most {
				return errNotAllowed
			}
			*field(c) = d
			return nil
		},
		format: func(c *Config) string { return formatDuration(*field(c)) },
	}
}

// choice is a value with its name.
type choice[T any] struct {
	name  string
	value T
}

// choiceSetting is a setting that takes one of a few names.
func choiceSetting[T comparable](name, fallback string, choices []choice[T], field func(*Config) *T, doc string) setting {
	allowed := "one of"
	for i, c := range choices {
		allowed += []string{" ", ", "}[min(i, 1)] + c.name
	}
	return setting{
		name: name, kind: "name", fallback: fallback, doc: doc, allowed: allowed,
		parse: func(c *Config, text string) error {
			for _, choice := range choices {
				if choice.name == text {
					*field(c) = choice.value
					return nil
				}
			}
			return errNotAllowed
		},
		format: func(c *Config) string {
			for _, choice := range choices {
				if choice.value == *field(c) {
					return choice.name
				}
			}
			panic(fmt.Sprintf("BUG: conf: %s is %v", name, *field(c)))
		},
	}
}
