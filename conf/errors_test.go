package conf

import (
	"os"
	"strings"
	"testing"
)

// TestErrors keeps each error to one line that names key, value, where it came from and what is allowed.
func TestErrors(t *testing.T) {
	size := func(from, to string) string {
		return "must be a size from " + from + " to " + to + ", such as 1000000, 64kb or 1gb"
	}
	env := func(name, value string) map[string]string { return map[string]string{name: value} }
	for _, test := range []struct {
		file string
		env  map[string]string
		args []string
		want string
	}{
		// What holds between settings.
		{file: "election-timeout: 50ms", want: `redoubt.yaml: election-timeout = "50ms": must be at least 3 times heartbeat-interval (300ms)`},
		{file: "election-timeout: 1s", env: env("REDOUBT_HEARTBEAT_INTERVAL", "400ms"),
			want: `redoubt.yaml: election-timeout = "1s": must be at least 3 times heartbeat-interval (1.2s)`},
		{args: []string{"--heartbeat-interval=200ms"}, want: `--heartbeat-interval = "200ms": must be at most a third of election-timeout (500ms by default)`},
		{args: []string{"--max-entry-bytes=1gb"}, want: `--max-entry-bytes = "1gb": must be at most raft-max-uncommitted-bytes (256mb by default)`},
		{args: []string{"--raft-max-uncommitted-bytes=1mb"}, want: `--raft-max-uncommitted-bytes = "1mb": must be at least max-entry-bytes (64mb)`},
		{args: []string{"--peer-listen=127.0.0.1:6379"}, want: `--peer-listen = "127.0.0.1:6379": must differ from listen (127.0.0.1:6379)`},
		{args: []string{"--peer-listen=0.0.0.0:7379"},
			want: `--peer-listen = "0.0.0.0:7379": peers cannot connect to that: add the address that they reach, 0.0.0.0:7379@HOST:7379`},
		{args: []string{"--peer-listen=:7379", "--join=a:1"},
			want: `--peer-listen = ":7379": peers cannot connect to that: add the address that they reach, :7379@HOST:7379`},
		{file: "peers: 1=b:1", args: []string{"--join=a:1"}, want: `--join = "a:1": goes without peers: the cluster says who its members are`},
		{file: "peers: 2=b:1, 3=c:1", want: `redoubt.yaml: peers = "2=b:1,3=c:1": must hold this node, node-id 1`},

		// Values, from each source.
		{file: "maxclients: many", want: `redoubt.yaml: maxclients = "many": must be a number from 1 to 1000000`},
		{env: env("REDOUBT_MAXCLIENTS", "0"), want: `REDOUBT_MAXCLIENTS = "0": must be a number from 1 to 1000000`},
		{args: []string{"--maxclients=-1"}, want: `--maxclients = "-1": must be a number from 1 to 1000000`},
		{args: []string{"--maxclients="}, want: `--maxclients = "": must be a number from 1 to 1000000`},
		{file: "maxclients: 1e3", want: `redoubt.yaml: maxclients = "1e3": must be a number from 1 to 1000000`},
		{file: "maxclients: 99999999999999999999", want: `redoubt.yaml: maxclients = "99999999999999999999": must be a number from 1 to 1000000`},
		{file: "node-id: 0", want: `redoubt.yaml: node-id = "0": must be a number from 1 to 9223372036854775807`},
		{args: []string{"--processors=-1"}, want: `--processors = "-1": must be a number from 0 to 1024`},
		{env: env("REDOUBT_PROCESSORS", "1025"), want: `REDOUBT_PROCESSORS = "1025": must be a number from 0 to 1024`},
		{file: "processors: half", want: `redoubt.yaml: processors = "half": must be a number from 0 to 1024`},
		{file: "timeout: 10s", want: `redoubt.yaml: timeout = "10s": must be a number of seconds from 0 to 2147483647`},
		{file: "heartbeat-interval: 100", want: `redoubt.yaml: heartbeat-interval = "100": must be a duration with its unit from 1ms to 1m, such as 250ms or 1.5s`},
		{file: "heartbeat-interval: -1s", want: `redoubt.yaml: heartbeat-interval = "-1s": must be a duration with its unit from 1ms to 1m, such as 250ms or 1.5s`},
		{file: "max-entry-bytes: 1tb", want: `redoubt.yaml: max-entry-bytes = "1tb": ` + size("64kb", "1gb")},
		{file: "max-entry-bytes: 1.5mb", want: `redoubt.yaml: max-entry-bytes = "1.5mb": ` + size("64kb", "1gb")},
		{file: "max-entry-bytes: 9223372036854775807gb", want: `redoubt.yaml: max-entry-bytes = "9223372036854775807gb": ` + size("64kb", "1gb")},
		{file: "max-entry-bytes: 18446744073709551617", want: `redoubt.yaml: max-entry-bytes = "18446744073709551617": ` + size("64kb", "1gb")},
		{file: "max-entry-bytes: +5mb", want: `redoubt.yaml: max-entry-bytes = "+5mb": ` + size("64kb", "1gb")},
		{file: "max-entry-bytes: kb", want: `redoubt.yaml: max-entry-bytes = "kb": ` + size("64kb", "1gb")},
		{file: "loglevel: info", want: `redoubt.yaml: loglevel = "info": must be one of debug, verbose, notice, warning`},
		{file: "logformat: xml", want: `redoubt.yaml: logformat = "xml": must be one of text, json`},
		{file: "cluster-id: a b", want: `redoubt.yaml: cluster-id = "a b": must be 1 to 64 letters, digits, dots, dashes or underscores`},
		{file: "cluster-id: " + strings.Repeat("x", 65),
			want: `redoubt.yaml: cluster-id = "` + strings.Repeat("x", 65) + `": must be 1 to 64 letters, digits, dots, dashes or underscores`},
		{file: `dir: ""`, want: `redoubt.yaml: dir = "": must be the path of a directory`},
		{file: "cluster-id: \"two\\nlines\"", want: `redoubt.yaml: cluster-id = "two\nlines": must be 1 to 64 letters, digits, dots, dashes or underscores`},

		// Addresses.
		{args: []string{"--listen=0.0.0.0:6379"},
			want: `--listen = "0.0.0.0:6379": clients cannot be sent to 0.0.0.0:6379: add the address that they reach, 0.0.0.0:6379@HOST:6379`},
		{args: []string{"--listen=in=:6379"},
			want: `--listen = "in=:6379": clients cannot be sent to :6379: add the address that they reach, in=:6379@HOST:6379`},
		{args: []string{"--listen=[::]:6379"},
			want: `--listen = "[::]:6379": clients cannot be sent to [::]:6379: add the address that they reach, [::]:6379@HOST:6379`},
		{args: []string{"--listen=0.0.0.0:1@0.0.0.0:1"}, want: `--listen = "0.0.0.0:1@0.0.0.0:1": clients cannot be sent to 0.0.0.0:1: announce the address that they reach`},
		{args: []string{"--listen=6379"}, want: `--listen = "6379": must be a list of [name=]host:port[@announced-host:port]`},
		{args: []string{"--listen=,"}, want: `--listen = ",": must be a list of [name=]host:port[@announced-host:port]`},
		{args: []string{"--listen=a:1@"}, want: `--listen = "a:1@": must be a list of [name=]host:port[@announced-host:port]`},
		{args: []string{"--listen=a:0"}, want: `--listen = "a:0": "0" is no port: a number from 1 to 65535 is needed`},
		{args: []string{"--listen=a:65536"}, want: `--listen = "a:65536": "65536" is no port: a number from 1 to 65535 is needed`},
		{args: []string{"--listen=a:redis"}, want: `--listen = "a:redis": "redis" is no port: a number from 1 to 65535 is needed`},
		{args: []string{"--listen=a/b:1"}, want: `--listen = "a/b:1": "a/b" is no host name and no IP address`},
		{args: []string{"--listen==a:1"}, want: `--listen = "=a:1": "" is no name: 1 to 64 letters, digits, dots, dashes or underscores are needed`},
		{args: []string{"--listen=x=a:1,x=b:1"}, want: `--listen = "x=a:1,x=b:1": x=b:1 is there twice`},
		{args: []string{"--listen=a:1,a:1"}, want: `--listen = "a:1,a:1": a:1 is there twice`},
		{args: []string{"--listen=listener2=a:1,b:1"}, want: `--listen = "listener2=a:1,b:1": b:1 is there twice`},
		{args: []string{"--peer-listen=7379"}, want: `--peer-listen = "7379": must be host:port[@announced-host:port]`},
		{args: []string{"--peer-listen=a:1@"}, want: `--peer-listen = "a:1@": must be host:port[@announced-host:port]`},
		{args: []string{"--peer-listen=a:1@[::]:1"}, want: `--peer-listen = "a:1@[::]:1": peers cannot connect to [::]:1: announce the address that they reach`},
		{args: []string{"--join=a"}, want: `--join = "a": must be a list of host:port, each the address of a member for its clients`},
		{args: []string{"--join=0.0.0.0:1"}, want: `--join = "0.0.0.0:1": 0.0.0.0:1 is no member's address: write the address that clients reach`},
		{args: []string{"--join-as=leader"}, want: `--join-as = "leader": must be one of voter, learner`},
		{args: []string{"--lease-reads=true"}, want: `--lease-reads = "true": must be one of yes, no`},
		{args: []string{"--peers=1"}, want: `--peers = "1": must be a list of id=host:port, one for each voter, this node included`},
		{args: []string{"--peers=0=a:1"}, want: `--peers = "0=a:1": must be a list of id=host:port, one for each voter, this node included`},
		{args: []string{"--peers=a:1"}, want: `--peers = "a:1": must be a list of id=host:port, one for each voter, this node included`},
		{args: []string{"--peers=1=a:1,1=b:1"}, want: `--peers = "1=a:1,1=b:1": 1=b:1 is there twice`},
		{args: []string{"--peers=1=a:1,2=a:1"}, want: `--peers = "1=a:1,2=a:1": 2=a:1 is there twice`},
		{args: []string{"--peers=1=0.0.0.0:1"}, want: `--peers = "1=0.0.0.0:1": peers cannot connect to 0.0.0.0:1: write the address that they reach`},

		// Unknown names.
		{file: "election-timout: 1s", want: `redoubt.yaml: election-timout = "1s": unknown setting, did you mean election-timeout?`},
		{file: "Election-Timeout: 1s", want: `redoubt.yaml: Election-Timeout = "1s": unknown setting, did you mean election-timeout?`},
		{file: "election_timeout: 1s", want: `redoubt.yaml: election_timeout = "1s": unknown setting, did you mean election-timeout?`},
		{file: "port: 6379", want: "redoubt.yaml: port = \"6379\": unknown setting: must be one that `redoubt config` prints"},
		{file: "raft:\n  heartbeat: 1s", want: "redoubt.yaml: raft = \"\": unknown setting: must be one that `redoubt config` prints"},
		{file: "maxclients: 1\nappendonly: yes", want: "redoubt.yaml: appendonly = \"yes\": unknown setting: must be one that `redoubt config` prints"},
		{env: env("REDOUBT_ELECTION_TIMOUT", "1s"), want: `environment: REDOUBT_ELECTION_TIMOUT = "1s": unknown variable, did you mean REDOUBT_ELECTION_TIMEOUT?`},
		{env: env("REDOUBT_WHATEVER_THIS_IS", "1"), want: `environment: REDOUBT_WHATEVER_THIS_IS = "1": unknown variable: must be a setting's name in capitals`},

		// Files.
		{file: "maxclients:", want: `redoubt.yaml: maxclients: has no value: must be a number from 1 to 1000000`},
		{file: "maxclients: {a: 1}", want: `redoubt.yaml: maxclients: is not a plain value: must be a number from 1 to 1000000`},
		{file: "peers: [[1=a:1]]", want: `redoubt.yaml: peers: is not a plain list: must be a list of id=host:port, one for each voter, this node included`},
		{file: "maxclients: 1\nmaxclients: 2", want: `redoubt.yaml: maxclients = "2": the setting is there twice`},
		{file: "maxclients 1", want: `redoubt.yaml: must hold lines of "name: value"`},
		{file: "- maxclients: 1", want: `redoubt.yaml: must hold lines of "name: value"`},
		{file: "maxclients: 1\n---\nmaxclients: 2", want: `redoubt.yaml: must be a single document`},
		{args: []string{"--config=missing.yaml"}, want: `--config = "missing.yaml": must be a readable file: no such file or directory`},
		{env: env("REDOUBT_CONFIG", "."), want: `REDOUBT_CONFIG = ".": must be a readable file: is a directory`},
	} {
		t.Run(test.want, func(t *testing.T) {
			_, err := load(t, test.file, test.env, test.args...)
			if err == nil {
				t.Fatal("this must be refused")
			}
			if err.Error() != test.want {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

func TestBrokenYAMLIsOneLine(t *testing.T) {
	for _, file := range []string{"a: b: c", "\tx: 1", "x: [1", "x: *unknown", "x: \"\\q\"", "\xff\xfd", "x: 1\n y: 2\n- z"} {
		_, err := load(t, file, nil)
		if err == nil || !strings.HasPrefix(err.Error(), "redoubt.yaml: ") || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("file %q: the error must be one line that names the file, got %v", file, err)
		}
	}
}

func TestUnreadableDefaultFileIsAnError(t *testing.T) {
	inDirectory(t, nil)
	if err := os.Mkdir(DefaultFile, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(nil); err == nil || err.Error() != "redoubt.yaml: cannot be read: is a directory" {
		t.Errorf("a file that is there must not be passed over: %v", err)
	}
}

// FuzzFile wants no panic and one line, whatever the file holds.
func FuzzFile(f *testing.F) {
	for _, text := range []string{Sample(), uncomment(Sample()), "a: &a [*a]", "x: *x", "? [a]\n: b", "<<: {maxclients: 1}", "!!map {}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := parseFile(text, settings())
		if err == nil {
			var c Config
			for _, row := range settings() {
				if value, found := values[row.name]; found {
					err = row.parse(&c, value.(string))
				}
			}
		}
		if err != nil && strings.ContainsAny(oneLine(err), "\r\n") {
			t.Errorf("the error must be one line: %q", err)
		}
	})
}
