//go:build e2e || compose

package e2e

import (
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// redisCLI runs redis-cli against a node and returns what it prints.
func redisCLI(t *testing.T, address string, stdin string, args ...string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-cli", append([]string{"-h", host, "-p", port}, args...)...)
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %v: %v\n%s", args, err, out)
	}
	return strings.TrimRight(string(out), "\n")
}

func expectOutput(t *testing.T, want, have string) {
	t.Helper()
	if have != want {
		t.Errorf("redis-cli printed %q, promised: %q", have, want)
	}
}

func slotOf(t *testing.T, address string, key string) string {
	t.Helper()
	r, err := ask(address, askTimeout, "CLUSTER", "KEYSLOT", key)
	if err != nil || r.kind != ':' {
		t.Fatalf("CLUSTER KEYSLOT: %v, %v", r, err)
	}
	return strconv.FormatInt(r.number, 10)
}
