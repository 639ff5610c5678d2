//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// The session that the README shows, asked of every node.
func TestRedisCLI(t *testing.T) {
	c := startCluster(t)
	for i, n := range c.nodes {
		key := fmt.Sprintf("greeting:%d", i)
		expectOutput(t, "OK", redisCLI(t, n.client, "", "-c", "set", key, "hello"))
		expectOutput(t, "11", redisCLI(t, c.nodes[(i+1)%3].client, "", "-c", "append", key, " world"))
		expectOutput(t, "hello world", redisCLI(t, c.nodes[(i+2)%3].client, "", "-c", "get", key))
	}
	leader := c.leader()
	for _, n := range c.nodes {
		// As a script: commands on standard input.
		out := redisCLI(t, n.client, "set script:a 1\nincr script:a\nget script:a\ndel script:a\n", "-c")
		lines := strings.Split(out, "\n")
		var answers []string
		for _, line := range lines {
			if !strings.HasPrefix(line, "->") && line != "" { // the redirects that -c reports
				answers = append(answers, line)
			}
		}
		expectOutput(t, "OK 2 2 1", strings.Join(answers, " "))
		if !strings.Contains(redisCLI(t, n.client, "", "info", "server"), fmt.Sprintf("process_id:%d", n.pid())) {
			t.Errorf("INFO server does not name the process id of node %d", n.id)
		}
		role := "role:slave"
		if n == leader {
			role = "role:master"
		}
		if !strings.Contains(redisCLI(t, n.client, "", "info", "replication"), role) {
			t.Errorf("INFO replication of node %d does not say %s", n.id, role)
		}
		if n == leader {
			continue
		}
		out = redisCLI(t, n.client, "", "get", "greeting:0")
		if want := "MOVED " + slotOf(t, n.client, "greeting:0") + " " + leader.client; !strings.Contains(out, want) {
			t.Errorf("a follower answers %q, promised: %q", out, want)
		}
		out = redisCLI(t, n.client, "readonly\nget greeting:0\n")
		expectOutput(t, "OK\nhello world", out)
	}
	out := redisCLI(t, leader.client, "", "--cluster", "check", leader.client)
	if !strings.Contains(out, "[OK] All 16384 slots covered") {
		t.Errorf("redis-cli --cluster check is not content:\n%s", out)
	}
}
