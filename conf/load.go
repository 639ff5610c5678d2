package conf

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

const (
	// DefaultFile is read if it exists and no other file is named.
	DefaultFile = "redoubt.yaml"

	envPrefix  = "REDOUBT_"
	fileFlag   = "config"
	fileEnv    = envPrefix + "CONFIG"
	defaultTag = "default"
)

// Flags registers a flag for each setting, and --config for the file. Their values are checked by
// Load, with the others.
func Flags(flags *pflag.FlagSet) {
	flags.String(fileFlag, "", "configuration `file` (default: "+DefaultFile+" if it exists)")
	for _, row := range settings() {
		flags.Var(&flagValue{text: row.fallback, kind: row.kind}, row.name, row.doc+" Must be "+row.allowed+".")
	}
}

// flagValue is a flag that takes any text.
type flagValue struct {
	text, kind string
	set        bool
}

func (f *flagValue) String() string { return f.text }
func (f *flagValue) Type() string   { return f.kind }

// Set takes a value. A list may also come as several flags.
func (f *flagValue) Set(text string) error {
	if f.set && f.kind == "list" {
		text = f.text + "," + text
	}
	f.text, f.set = text, true
	return nil
}

// Load returns the effective settings: flags that were set (and parsed by the caller) over
// variables REDOUBT_* that are not empty over the file over defaults. flags may be nil. The error is
// one line.
func Load(flags *pflag.FlagSet) (Config, error) {
	if flags == nil {
		flags = pflag.NewFlagSet("", pflag.ContinueOnError)
	}
	table := settings()
	if err := checkEnvironment(table); err != nil {
		return Config{}, err
	}
	file, inFile, err := loadFile(flags, table)
	if err != nil {
		return Config{}, err
	}
	v := viper.New()
	if err := v.MergeConfigMap(inFile); err != nil {
		return Config{}, fmt.Errorf("%s: %s", file, oneLine(err))
	}
	l := loader{config: Config{File: file}, sources: map[string]source{}}
	for _, row := range table {
		v.SetDefault(row.name, row.fallback)
		if err := v.BindEnv(row.name, envName(row.name)); err != nil {
			panic("BUG: conf: " + err.Error())
		}
		if flag := flags.Lookup(row.name); flag != nil {
			if err := v.BindPFlag(row.name, flag); err != nil {
				panic("BUG: conf: " + err.Error())
			}
		}
		l.sources[row.name] = sourceOf(row.name, flags, file, inFile)
		text := v.GetString(row.name)
		if err := row.parse(&l.config, text); err != nil {
			return Config{}, l.refuse(row, text, err)
		}
	}
	if err := l.resolve(); err != nil {
		return Config{}, err
	}
	for _, row := range table {
		l.config.effective = append(l.config.effective, Setting{
			Name: row.name, Value: row.format(&l.config), Origin: l.sources[row.name].origin, Allowed: row.allowed, Doc: row.doc,
		})
	}
	return l.config, nil
}

// source says where a value came from.
type source struct {
	// origin is Setting.Origin.
	origin string
	// label begins an error: it names the key, and the place as a person would look for it.
	label string
}

func sourceOf(name string, flags *pflag.FlagSet, file string, inFile map[string]any) source {
	if flag := flags.Lookup(name); flag != nil && flag.Changed {
		return source{"flag --" + name, "--" + name}
	}
	// viper does not read empty variables either.
	if os.Getenv(envName(name)) != "" {
		return source{"environment " + envName(name), envName(name)}
	}
	if _, found := inFile[name]; found {
		return source{"file " + file, file + ": " + name}
	}
	return source{defaultTag, defaultTag + ": " + name}
}

// loader builds a Config.
type loader struct {
	config  Config
	sources map[string]source
}

// refuse makes the error of a value that parse did not take.
func (l *loader) refuse(row setting, text string, err error) error {
	if errors.Is(err, errNotAllowed) {
		return fmt.Errorf("%s = %q: must be %s", l.sources[row.name].label, text, row.allowed)
	}
	return fmt.Errorf("%s = %q: %w", l.sources[row.name].label, text, err)
}

// conflict makes the error of a value that does not go with another setting's.
func (l *loader) conflict(name, value, format string, args ...any) error {
	return fmt.Errorf("%s = %q: %s", l.sources[name].label, value, fmt.Sprintf(format, args...))
}

// resolve fills in what follows from other settings, and checks what holds between them.
func (l *loader) resolve() error {
	c := &l.config
	if err := l.resolvePeers(); err != nil {
		return err
	}
	for _, listener := range c.Listeners {
		if listener.Listen == c.PeerListen {
			return l.conflict("peer-listen", formatPeerListen(c), "must differ from listen (%s)", formatListeners(c))
		}
	}
	if least := 3 * c.HeartbeatInterval; c.ElectionTimeout < least {
		// The value that a person has set is the one to name.
		if l.sources["election-timeout"].origin == defaultTag && l.sources["heartbeat-interval"].origin != defaultTag {
			return l.conflict("heartbeat-interval", formatDuration(c.HeartbeatInterval),
				"must be at most a third of election-timeout (%s by default)", formatDuration(c.ElectionTimeout))
		}
		return l.conflict("election-timeout", formatDuration(c.ElectionTimeout),
			"must be at least 3 times heartbeat-interval (%s)", formatDuration(least))
	}
	if c.RaftMaxUncommittedBytes < c.MaxEntryBytes {
		if l.sources["raft-max-uncommitted-bytes"].origin == defaultTag {
			return l.conflict("max-entry-bytes", formatSize(c.MaxEntryBytes),
				"must be at most raft-max-uncommitted-bytes (%s by default)", formatSize(c.RaftMaxUncommittedBytes))
		}
		return l.conflict("raft-max-uncommitted-bytes", formatSize(c.RaftMaxUncommittedBytes),
			"must be at least max-entry-bytes (%s)", formatSize(c.MaxEntryBytes))
	}
	return nil
}

// resolvePeers makes a node without peers a cluster of its own, unless it is to join one, and looks for it among its peers.
func (l *loader) resolvePeers() error {
	c := &l.config
	c.NodeIDGiven = l.sources["node-id"].origin != defaultTag
	if len(c.Peers) == 0 {
		if isWildcard(c.PeerAnnounce) {
			_, port, _ := net.SplitHostPort(c.PeerListen)
			return l.conflict("peer-listen", c.PeerListen,
				"peers cannot connect to that: add the address that they reach, %s@HOST:%s", c.PeerListen, port)
		}
		if len(c.Join) == 0 {
			c.Peers = []Peer{{ID: c.NodeID, Address: c.PeerAnnounce}}
		}
		return nil
	}
	if len(c.Join) > 0 {
		return l.conflict("join", strings.Join(c.Join, ","), "goes without peers: the cluster says who its members are")
	}
	if !slices.ContainsFunc(c.Peers, func(p Peer) bool { return p.ID == c.NodeID }) {
		return l.conflict("peers", formatPeers(c), "must hold this node, node-id %d", c.NodeID)
	}
	return nil
}

// envName returns the variable of a setting.
func envName(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// serviceVariable matches what Kubernetes puts into the environment of every container beside a
// service that is called redoubt, or redoubt-something: nobody wrote it for us.
const serviceVariable = `_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$`

// checkEnvironment refuses variables REDOUBT_* that are no setting.
func checkEnvironment(table []setting) error {
	known := []string{fileEnv}
	for _, row := range table {
		known = append(known, envName(row.name))
	}
	service := regexp.MustCompile(serviceVariable)
	environment := os.Environ()
	slices.Sort(environment)
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(known, name) || service.MatchString(name) {
			continue
		}
		return fmt.Errorf("environment: %s = %q: unknown variable%s", name, value, suggest(name, known, "a setting's name in capitals"))
	}
	return nil
}

// oneLine returns an error's text without line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
