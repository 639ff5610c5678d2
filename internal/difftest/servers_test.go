//go:build redis

package difftest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"redoubt/internal/freeport"
)

// startLimit bounds how long a server may take until it answers.
const startLimit = 30 * time.Second

// startRedis starts a redis-server of the test's own, on a Unix socket in a directory of its own, and stops it at
// the end. A machine without one fails the test: whoever gives the build tag wants the comparison.
func startRedis(t *testing.T) *Client {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("the build tag redis needs a redis-server: %v", err)
	}
	// Not t.TempDir: its path can be longer than the address of a Unix socket may be.
	dir, err := os.MkdirTemp("", "difftest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	client := NewClient("unix", filepath.Join(dir, "redis.sock"))
	t.Cleanup(client.Close)
	// One database, as we have.
	start(t, client, path, "--port", "0", "--unixsocket", client.address, "--dir", dir, "--databases", "1",
		"--save", "", "--appendonly", "no")
	return client
}

// startServer builds and starts a Redoubt server of one node, and returns its address. If REDOUBT_DIFF_ADDR
// (host:port) is set, it is the server there instead.
func startServer(t *testing.T) string {
	t.Helper()
	if address := os.Getenv("REDOUBT_DIFF_ADDR"); address != "" {
		return address
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "redoubt")
	if output, err := exec.Command("go", "build", "-o", path, "redoubt/cmd/redoubt").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	ports := freeport.ForTest(t, 2)
	client := NewClient("tcp", freeport.Loopback(ports[0]))
	t.Cleanup(client.Close)
	start(t, client, path, "server", "--dir", filepath.Join(dir, "data"), "--listen", client.address,
		"--peer-listen", freeport.Loopback(ports[1]))
	return client.address
}

// start runs a server until the end of the test. It returns when the server takes writes from the client.
func start(t *testing.T, client *Client, path string, args ...string) {
	t.Helper()
	server := exec.Command(path, args...)
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		server.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		server.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("%s:\n%s", path, log.Bytes())
		}
	})
	waitForWrites(t, client)
}

// waitForWrites waits until a server takes writes.
func waitForWrites(t *testing.T, e Executor) {
	t.Helper()
	// Another process comes up or recovers: there is nothing to wait on but its replies.
	retry, limit := time.NewTicker(5*time.Millisecond), time.After(startLimit)
	defer retry.Stop()
	for {
		replies, err := e.Do([]Command{words("FLUSHALL")}, 2)
		if err == nil && string(replies[0]) == "+OK\r\n" {
			return
		}
		select {
		case <-retry.C:
		case <-limit:
			t.Fatalf("the server takes no writes: %q %v", replies, err)
		}
	}
}
