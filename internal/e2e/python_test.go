//go:build e2e

package e2e

import (
	"bufio"
	_ "embed"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// systemPython is the interpreter that Debian's python3-redis belongs to.
const systemPython = "/usr/bin/python3"

//go:embed testdata/clients.py
var pythonScript string

// pythonLimit bounds one run of the script.
const pythonLimit = time.Minute

func pythonCommand(t *testing.T, args ...string) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	cmd := exec.Command(systemPython, append([]string{"-c", pythonScript}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	return cmd, &stderr
}

func TestPythonRedis(t *testing.T) {
	c := startCluster(t)
	for _, args := range [][]string{
		{"plain", c.leader().client, c.follower().client},
		append([]string{"cluster"}, c.addresses()...),
	} {
		t.Run(args[0], func(t *testing.T) {
			cmd, stderr := pythonCommand(t, args...)
			if err := cmd.Run(); err != nil {
				t.Errorf("python3-redis: %v\n%s", err, stderr)
			}
		})
	}
}

func TestPythonRedisClusterFollowsAFailover(t *testing.T) {
	c := startCluster(t)
	cmd, stderr := pythonCommand(t, append([]string{"failover"}, c.addresses()...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(pythonLimit, func() { _ = cmd.Process.Kill() })
	defer limit.Stop()
	lines := bufio.NewScanner(stdout)
	if lines.Scan() {
		during(warmUp)
		c.leader().kill(t)
	}
	for lines.Scan() {
		t.Log(lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("python3-redis: %v\n%s", err, stderr)
	}
}
