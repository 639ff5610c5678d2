package conf

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// inDirectory makes a new directory with these files the working directory, and clears the
// environment of our variables, for the time of a test.
func inDirectory(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, envPrefix) {
			t.Setenv(name, "") // Setenv restores it after the test.
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// load loads with a file (none if it is empty), variables and flags.
func load(t *testing.T, file string, env map[string]string, args ...string) (Config, error) {
	t.Helper()
	files := map[string]string{}
	if file != "" {
		files[DefaultFile] = file
	}
	inDirectory(t, files)
	for name, value := range env {
		t.Setenv(name, value)
	}
	return loadHere(t, args...)
}

// loadHere loads in the working directory as it is.
func loadHere(t *testing.T, args ...string) (Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	Flags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return Load(flags)
}

func TestDefaults(t *testing.T) {
	got, err := load(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	got.effective = nil
	want := Config{
		NodeID: 1, ClusterID: "redoubt", Dir: "./redoubt-data",
		Listeners:  []Listener{{"listener1", "127.0.0.1:6379", "127.0.0.1:6379"}},
		PeerListen: "127.0.0.1:7379", PeerAnnounce: "127.0.0.1:7379", Peers: []Peer{{1, "127.0.0.1:7379"}}, Join: []string{},
		MaxClients: 10000, Timeout: 0, TCPKeepAlive: 300 * time.Second,
		ProtoMaxBulkLen: 512 << 20, ClientQueryBufferLimit: 128 << 20,
		HeartbeatInterval: 100 * time.Millisecond, ElectionTimeout: 500 * time.Millisecond,
		MaxEntryBytes: 64 << 20, RaftMaxInflightBytes: 8 << 20, RaftMaxUncommittedBytes: 256 << 20, RaftLogCacheBytes: 16 << 20,
		WALSegmentBytes: 64 << 20, SnapshotLogBytes: 256 << 20, SnapshotLogEntries: 1000000,
		LogLevel: slog.LevelInfo, LogFormat: "text",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestPrecedence sets each subset of the sources and wants the highest to win.
func TestPrecedence(t *testing.T) {
	for _, setting := range []struct{ name, flag, env, file, fallback string }{
		{"election-timeout", "4s", "3s", "2s", "500ms"},
		{"maxclients", "4", "3", "2", "10000"},
		{"processors", "4", "3", "2", "0"},
		{"dir", "/flag", "/env", "/file", "./redoubt-data"},
		{"listen", "127.0.0.1:4", "127.0.0.1:3", "127.0.0.1:2", "127.0.0.1:6379"},
		{"timeout", "0", "0", "0", "0"},
	} {
		for subset := range 8 {
			want, origin := setting.fallback, "default"
			file, env, args := "", map[string]string{}, []string(nil)
			if subset&1 != 0 {
				file, want, origin = setting.name+": "+setting.file, setting.file, "file redoubt.yaml"
			}
			if subset&2 != 0 {
				env[envName(setting.name)], want, origin = setting.env, setting.env, "environment "+envName(setting.name)
			}
			if subset&4 != 0 {
				args, want, origin = []string{"--" + setting.name, setting.flag}, setting.flag, "flag --"+setting.name
			}
			t.Run(fmt.Sprint(setting.name, subset), func(t *testing.T) {
				c, err := load(t, file, env, args...)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range c.Effective() {
					if s.Name == setting.name && (s.Value != want || s.Origin != origin) {
						t.Errorf("got %q from %q, want %q from %q", s.Value, s.Origin, want, origin)
					}
					if s.Name != setting.name && s.Origin != "default" {
						t.Errorf("%s comes from %q and nobody set it", s.Name, s.Origin)
					}
				}
			})
		}
	}
}

func TestValues(t *testing.T) {
	for _, test := range []struct {
		name, value, effective string
		field                  func(c *Config) any
		want                   any
	}{
		{"node-id", "9223372036854775807", "", func(c *Config) any { return c.NodeIDGiven }, true},
		{"max-entry-bytes", "1000000", "1000000", func(c *Config) any { return c.MaxEntryBytes }, int64(1000000)},
		{"max-entry-bytes", "1000000b", "1000000", func(c *Config) any { return c.MaxEntryBytes }, int64(1000000)},
		{"max-entry-bytes", "200k", "200000", func(c *Config) any { return c.MaxEntryBytes }, int64(200000)},
		{"max-entry-bytes", "200kb", "200kb", func(c *Config) any { return c.MaxEntryBytes }, int64(200 << 10)},
		{"max-entry-bytes", "2m", "2000000", func(c *Config) any { return c.MaxEntryBytes }, int64(2000000)},
		{"max-entry-bytes", "2MB", "2mb", func(c *Config) any { return c.MaxEntryBytes }, int64(2 << 20)},
		{"client-query-buffer-limit", "1g", "1000000000", func(c *Config) any { return c.ClientQueryBufferLimit }, int64(1e9)},
		{"client-query-buffer-limit", "1Gb", "1gb", func(c *Config) any { return c.ClientQueryBufferLimit }, int64(1 << 30)},
		{"client-query-buffer-limit", "1024mb", "1gb", func(c *Config) any { return c.ClientQueryBufferLimit }, int64(1 << 30)},
		{"processors", "0", "0", func(c *Config) any { return c.Processors }, 0},
		{"processors", "1024", "1024", func(c *Config) any { return c.Processors }, 1024},
		{"timeout", "300", "300", func(c *Config) any { return c.Timeout }, 5 * time.Minute},
		{"tcp-keepalive", "0", "0", func(c *Config) any { return c.TCPKeepAlive }, time.Duration(0)},
		{"election-timeout", "1m", "1m", func(c *Config) any { return c.ElectionTimeout }, time.Minute},
		{"election-timeout", "1500ms", "1.5s", func(c *Config) any { return c.ElectionTimeout }, 1500 * time.Millisecond},
		{"loglevel", "debug", "debug", func(c *Config) any { return c.LogLevel }, slog.LevelDebug},
		{"loglevel", "verbose", "verbose", func(c *Config) any { return c.LogLevel }, LevelVerbose},
		{"loglevel", "notice", "notice", func(c *Config) any { return c.LogLevel }, slog.LevelInfo},
		{"loglevel", "warning", "warning", func(c *Config) any { return c.LogLevel }, slog.LevelWarn},
		{"logformat", "json", "json", func(c *Config) any { return c.LogFormat }, "json"},
		{"cluster-id", "a.B-c_9", "a.B-c_9", func(c *Config) any { return c.ClusterID }, "a.B-c_9"},
		{"snapshot-log-entries", "1", "1", func(c *Config) any { return c.SnapshotLogEntries }, uint64(1)},
		{"peer-listen", "[::1]:7000", "[::1]:7000", func(c *Config) any { return c.Peers }, []Peer{{1, "[::1]:7000"}}},
		{"peers", "1=a:1, 3=c:3\t2=b:2", "1=a:1,2=b:2,3=c:3", func(c *Config) any { return c.Peers }, []Peer{{1, "a:1"}, {2, "b:2"}, {3, "c:3"}}},
		{"peers", "", "1=127.0.0.1:7379", func(c *Config) any { return c.Peers }, []Peer{{1, "127.0.0.1:7379"}}},
		{"peer-listen", ":7000@one:7001", ":7000@one:7001", func(c *Config) any { return []any{c.PeerListen, c.PeerAnnounce, c.Peers} },
			[]any{":7000", "one:7001", []Peer{{1, "one:7001"}}}},
		{"join", "a:1, [::1]:2", "a:1,[::1]:2", func(c *Config) any { return []any{c.Join, c.Peers, c.NodeIDGiven} },
			[]any{[]string{"a:1", "[::1]:2"}, []Peer(nil), false}},
		{"join-as", "learner", "learner", func(c *Config) any { return c.JoinLearner }, true},
		{"replica-reads", "linearizable", "linearizable", func(c *Config) any { return c.LinearizableReplicas }, true},
		{"lease-reads", "yes", "yes", func(c *Config) any { return c.LeaseReads }, true},
		{"listen", "localhost:1", "localhost:1", func(c *Config) any { return c.Listeners }, []Listener{{"listener1", "localhost:1", "localhost:1"}}},
		{"listen", "0.0.0.0:1@redis.example:2", "0.0.0.0:1@redis.example:2", func(c *Config) any { return c.Listeners },
			[]Listener{{"listener1", "0.0.0.0:1", "redis.example:2"}}},
		{"listen", ":1@[2001:db8::1]:2", ":1@[2001:db8::1]:2", func(c *Config) any { return c.Listeners },
			[]Listener{{"listener1", ":1", "[2001:db8::1]:2"}}},
		{"listen", "inside=0.0.0.0:6379@node1:6379,outside=0.0.0.0:6380@127.0.0.1:6380", "inside=0.0.0.0:6379@node1:6379,outside=0.0.0.0:6380@127.0.0.1:6380",
			func(c *Config) any { return c.Listeners },
			[]Listener{{"inside", "0.0.0.0:6379", "node1:6379"}, {"outside", "0.0.0.0:6380", "127.0.0.1:6380"}}},
	} {
		t.Run(test.name+" "+test.value, func(t *testing.T) {
			args := []string{"--" + test.name, test.value}
			if test.name == "node-id" {
				args = append(args, "--peers", test.value+"=127.0.0.1:7379")
				test.effective = test.value
			}
			c, err := load(t, "", nil, args...)
			if err != nil {
				t.Fatal(err)
			}
			if test.field != nil && !reflect.DeepEqual(test.field(&c), test.want) {
				t.Errorf("got %#v, want %#v", test.field(&c), test.want)
			}
			for _, s := range c.Effective() {
				if s.Name == test.name && s.Value != test.effective {
					t.Errorf("printed as %q, want %q", s.Value, test.effective)
				}
			}
		})
	}
}

func TestListsInEverySpelling(t *testing.T) {
	want := []Peer{{1, "a:1"}, {2, "b:2"}, {3, "c:3"}}
	for what, load := range map[string]func() (Config, error){
		"file, one line":   func() (Config, error) { return load(t, "peers: 1=a:1, 2=b:2, 3=c:3", nil) },
		"file, list":       func() (Config, error) { return load(t, "peers:\n  - 1=a:1\n  - 2=b:2\n  - 3=c:3\n", nil) },
		"file, short list": func() (Config, error) { return load(t, "peers: [1=a:1, 2=b:2, 3=c:3]", nil) },
		"file, anchor":     func() (Config, error) { return load(t, "cluster-id: &x x\npeers: [1=a:1, 2=b:2, 3=c:3]\n", nil) },
		"variable":         func() (Config, error) { return load(t, "", map[string]string{"REDOUBT_PEERS": "1=a:1,2=b:2,3=c:3"}) },
		"one flag":         func() (Config, error) { return load(t, "", nil, "--peers=1=a:1,2=b:2,3=c:3") },
		"several flags": func() (Config, error) {
			return load(t, "peers: 9=z:9", nil, "--peers", "1=a:1", "--peers", "2=b:2", "--peers", "3=c:3")
		},
	} {
		c, err := load()
		if err != nil || !reflect.DeepEqual(c.Peers, want) {
			t.Errorf("%s: got %v, %v", what, c.Peers, err)
		}
	}
}

func TestFileOfAnyName(t *testing.T) {
	inDirectory(t, map[string]string{DefaultFile: "node-id: 2\npeers: 2=a:1", "other.conf": "cluster-id: other", "third": "cluster-id: third"})
	c, err := loadHere(t)
	if err != nil || c.NodeID != 2 || c.File != DefaultFile {
		t.Errorf("without a name %s must be read: %v", DefaultFile, err)
	}
	t.Setenv("REDOUBT_CONFIG", "third")
	if c, err = loadHere(t); err != nil || c.ClusterID != "third" || c.NodeID != 1 || c.File != "third" {
		t.Errorf("REDOUBT_CONFIG must name the file: %+v, %v", c, err)
	}
	if c, err = loadHere(t, "--config", "other.conf"); err != nil || c.ClusterID != "other" || c.effective[1].Origin != "file other.conf" {
		t.Errorf("--config must name the file: %+v, %v", c, err)
	}
	if c, err = Load(nil); err != nil || c.ClusterID != "third" {
		t.Errorf("without flags the rest must still count: %+v, %v", c, err)
	}
}

func TestEmptyVariablesAndFilesSetNothing(t *testing.T) {
	for _, file := range []string{"", "\n", "# a comment\n", "---\n", "{}\n", "null\n"} {
		c, err := load(t, file, map[string]string{"REDOUBT_DIR": "", "REDOUBT_CONFIG": ""})
		if err != nil || c.Dir != "./redoubt-data" || c.effective[2].Origin != "default" {
			t.Errorf("file %q: got dir %q, %v", file, c.Dir, err)
		}
	}
}

func TestVariablesOfAServiceAreNotOurs(t *testing.T) {
	env := map[string]string{}
	for _, name := range []string{"REDOUBT_SERVICE_HOST", "REDOUBT_SERVICE_PORT", "REDOUBT_SERVICE_PORT_RESP", "REDOUBT_PORT",
		"REDOUBT_PORT_6379_TCP", "REDOUBT_PORT_6379_TCP_ADDR", "REDOUBT_PORT_6379_TCP_PORT", "REDOUBT_PORT_6379_TCP_PROTO",
		"REDOUBT_PEERS_SERVICE_HOST", "REDOUBT_0_PORT"} {
		env[name] = "10.0.0.1"
	}
	if _, err := load(t, "", env); err != nil {
		t.Errorf("Kubernetes sets these by itself beside a service called redoubt: %v", err)
	}
}
