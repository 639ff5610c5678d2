//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"redoubt/internal/freeport"
)

// refusalLimit is how long a server may take to refuse.
const refusalLimit = 20 * time.Second

// expectRefusal starts a server that must not run, and checks how it says so and that it changed nothing.
func expectRefusal(t *testing.T, environment []string, args []string, dir string, words ...string) {
	t.Helper()
	before := fingerprint(t, dir)
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Dir = t.TempDir() // no settings file of ours
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(refusalLimit, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !limit.Stop() {
		t.Fatalf("the server did not refuse within %v; it printed:\n%s", refusalLimit, stderr.String())
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v, promised: exit code 1", err)
	}
	lines := slices.DeleteFunc(strings.Split(strings.TrimRight(stderr.String(), "\n"), "\n"), isLogRecord)
	if len(lines) != 1 {
		t.Fatalf("printed %d lines on standard error beside the log, promised: one:\n%s", len(lines), stderr.String())
	}
	last := lines[0]
	t.Log(last)
	for _, word := range words {
		if !strings.Contains(last, word) {
			t.Errorf("the line does not name %q", word)
		}
	}
	for _, change := range fingerprintChanges(before, fingerprint(t, dir)) {
		t.Errorf("a refused start changed its data directory: %s", change)
	}
}

// isLogRecord tells a line of the log, which may say more on damaged files, from the program's last word.
func isLogRecord(line string) bool { return strings.HasPrefix(line, "time=") }

// fingerprint returns a hash of each file below dir that holds data: not of the lock file, nor of files that are
// only being prepared.
func fingerprint(t *testing.T, dir string) map[string][sha256.Size]byte {
	t.Helper()
	sums := make(map[string][sha256.Size]byte)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() || entry.Name() == "LOCK" || filepath.Ext(path) == ".tmp" {
			return err
		}
		data, err := os.ReadFile(path)
		sums[path] = sha256.Sum256(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func fingerprintChanges(before, after map[string][sha256.Size]byte) (changes []string) {
	for name, sum := range before {
		if now, ok := after[name]; !ok {
			changes = append(changes, name+" is gone")
		} else if now != sum {
			changes = append(changes, name+" has other content")
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			changes = append(changes, name+" is new")
		}
	}
	return changes
}

// withFlag replaces a flag of a node's arguments.
func withFlag(args []string, name, value string) []string {
	var out []string
	for _, arg := range args {
		if !strings.HasPrefix(arg, "--"+name+"=") {
			out = append(out, arg)
		}
	}
	return append(out, "--"+name+"="+value)
}

func TestRefusesADirectoryThatIsNotItsOwn(t *testing.T) {
	c := startCluster(t)
	l := startLoad(t, "foreign", c.addresses(), 4)
	during(warmUp)
	l.halt()
	node := c.nodes[0]
	t.Run("in use", func(t *testing.T) {
		ports := freeport.ForTest(t, 2)
		args := withFlag(node.args, "listen", freeport.Loopback(ports[0]))
		args = withFlag(args, "peer-listen", freeport.Loopback(ports[1]))
		expectRefusal(t, nil, args, t.TempDir(), node.dir)
	})
	for _, n := range c.nodes {
		n.kill(t)
	}
	t.Run("another node's", func(t *testing.T) {
		expectRefusal(t, nil, withFlag(node.args, "dir", c.nodes[1].dir), c.nodes[1].dir, c.nodes[1].dir, "node 2")
	})
	t.Run("another cluster's", func(t *testing.T) {
		expectRefusal(t, nil, withFlag(node.args, "cluster-id", "other"), node.dir, node.dir, "e2e", "other")
	})
	t.Run("something else's", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "holiday.jpg"), []byte("sea"), 0o600); err != nil {
			t.Fatal(err)
		}
		expectRefusal(t, nil, withFlag(node.args, "dir", dir), dir, dir, "holiday.jpg")
	})
	t.Run("a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		expectRefusal(t, nil, withFlag(node.args, "dir", file), file, file)
	})
	for _, n := range c.nodes {
		n.start(t)
	}
	c.waitReady()
	l.verify()
}

// A node notices damage at its start, and does not start with less than it had (P7).
func TestRefusesADamagedDirectory(t *testing.T) {
	c := startCluster(t, snapshotFlags()...)
	l := startLoad(t, "damage", c.addresses(), writers)
	for _, n := range c.nodes {
		waitSnapshot(t, n, 1)
	}
	l.halt()
	c.waitCaughtUp()
	for _, n := range c.nodes {
		if code := n.stop(t); code != 0 {
			t.Fatalf("node %d: SIGTERM: exit code %d", n.id, code)
		}
	}
	node := c.nodes[0]
	for _, damage := range []struct {
		name  string
		files string // a pattern below the data directory
		do    func(data []byte) []byte
		word  string // what the refusal names
	}{
		{"a flipped bit in every segment of the log", "wal/*.wal", flipEarly, "segment 00"},
		{"a flipped bit in every snapshot", "snapshot/*", flipMiddle, "/snapshot/"},
		{"every snapshot cut", "snapshot/*", func(data []byte) []byte { return data[:len(data)/2] }, "/snapshot/"},
		{"a meta file of something else", "meta", func([]byte) []byte { return []byte("{\"name\":\"x\"}\n") }, "/meta"},
		{"an empty meta file", "meta", func([]byte) []byte { return nil }, "/meta"},
	} {
		t.Run(damage.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(dir, os.DirFS(node.dir)); err != nil {
				t.Fatal(err)
			}
			damageFiles(t, filepath.Join(dir, damage.files), damage.do)
			expectRefusal(t, nil, withFlag(node.args, "dir", dir), dir, damage.word)
		})
	}
	for _, n := range c.nodes {
		n.start(t)
	}
	c.waitReady()
	l.verify()
}

// flipEarly damages a file's first records, which valid ones follow.
func flipEarly(data []byte) []byte {
	data[min(len(data)-1, 200)] ^= 0x10
	return data
}

func flipMiddle(data []byte) []byte {
	data[len(data)/2] ^= 0x10
	return data
}

// damageFiles changes every file that matches the pattern.
func damageFiles(t *testing.T, pattern string, change func([]byte) []byte) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("nothing to damage: %s, %v", pattern, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) == 0 {
			continue
		}
		if err := os.WriteFile(name, change(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefusesAPortInUse(t *testing.T) {
	node := newCluster(t, 3).nodes[0]
	for _, flag := range []struct{ name, address string }{{"listen", node.client}, {"peer-listen", node.peer}} {
		t.Run(flag.name, func(t *testing.T) {
			taken, err := net.Listen("tcp", flag.address)
			if err != nil {
				t.Fatal(err)
			}
			defer taken.Close()
			expectRefusal(t, nil, node.args, node.dir, flag.address)
		})
	}
}

func TestRefusesABadSetting(t *testing.T) {
	node := newCluster(t, 3).nodes[0]
	file := filepath.Join(t.TempDir(), "redoubt.yaml")
	if err := os.WriteFile(file, []byte("snapshot-log-bites: 64mb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		name        string
		environment []string
		flags       []string
		words       []string
	}{
		{"a number out of range", nil, []string{"--node-id=0"}, []string{"node-id", "0"}},
		{"not a duration", nil, []string{"--election-timeout=soon"}, []string{"election-timeout", "soon"}},
		{"not an address", nil, []string{"--listen=nowhere"}, []string{"listen", "nowhere"}},
		{"a node that is not among its peers", nil, []string{"--node-id=9"}, []string{"9"}},
		{"an unknown flag", nil, []string{"--colour=red"}, []string{"colour"}},
		{"a bad value in the environment", []string{"REDOUBT_WAL_SEGMENT_BYTES=big"}, nil, []string{"big"}},
		{"an unknown key in the file", nil, []string{"--config=" + file}, []string{"snapshot-log-bites"}},
		{"a missing file", nil, []string{"--config=" + file + ".missing"}, []string{".missing"}},
	} {
		t.Run(bad.name, func(t *testing.T) {
			args := node.args
			for _, flag := range bad.flags {
				name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
				args = withFlag(args, name, value)
			}
			expectRefusal(t, bad.environment, args, node.dir, bad.words...)
		})
	}
}
