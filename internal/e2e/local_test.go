//go:build e2e

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"redoubt/internal/freeport"
)

// localCluster is a run of "redoubt cluster", as the README has it, on other ports.
type localCluster struct {
	cmd       *exec.Cmd
	exited    chan struct{}
	addresses []string

	mu     sync.Mutex
	output []string
}

func startLocalCluster(t *testing.T) *localCluster {
	t.Helper()
	l := &localCluster{exited: make(chan struct{})}
	ports, peerPorts := freeport.ForTest(t, 3), freeport.ForTest(t, 3)
	for _, port := range ports {
		l.addresses = append(l.addresses, freeport.Loopback(port))
	}
	l.cmd = exec.Command(binary, "cluster", fmt.Sprintf("--port=%d", ports[0]), fmt.Sprintf("--peer-port=%d", peerPorts[0]),
		"--dir="+filepath.Join(t.TempDir(), "data"))
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	stdout, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	l.cmd.Stderr = l.cmd.Stdout
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			l.mu.Lock()
			l.output = append(l.output, lines.Text())
			l.mu.Unlock()
		}
		_ = l.cmd.Wait() // how it ended is in ProcessState
		close(l.exited)
	}()
	t.Cleanup(func() {
		_ = l.cmd.Process.Signal(syscall.SIGTERM) // it ends its nodes, then itself
		<-l.exited
		if t.Failed() {
			t.Logf("redoubt cluster printed:\n%s", l.printed())
		}
	})
	return l
}

func (l *localCluster) printed() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.output, "\n")
}

// append adds to a key through whoever leads.
func (l *localCluster) write(t *testing.T, key, value string) {
	t.Helper()
	r := route{addresses: l.addresses}
	defer r.leave()
	eventually(t, readyLimit, "a local cluster takes writes", func() error {
		_, err := r.try(askTimeout, "SET", key, value)
		return err
	})
}

func TestLocalCluster(t *testing.T) {
	l := startLocalCluster(t)
	l.write(t, "greeting", "hello")
	var victim int
	eventually(t, readyLimit, "a node says that it leads", func() error {
		for _, address := range l.addresses {
			fields, err := info(address)
			if err != nil || fields["role"] != "master" {
				continue
			}
			victim, err = strconv.Atoi(fields["process_id"])
			return err
		}
		return errors.New("no node says so")
	})
	if victim == l.cmd.Process.Pid {
		t.Fatal("the nodes are not processes of their own")
	}
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	l.write(t, "greeting", "hello again")
	t.Logf("a write succeeded %v after kill -9 of the leader", time.Since(at).Round(time.Millisecond))
	eventually(t, readyLimit, "redoubt cluster says how to start the node again", func() error {
		if !strings.Contains(l.printed(), "start it again with") {
			return errors.New("it does not")
		}
		return nil
	})
	reader := &reader{t: t, route: route{addresses: l.addresses}}
	defer reader.route.leave()
	if have := reader.get("greeting"); have != "hello again" {
		t.Errorf("GET greeting: %q", have)
	}
	if err := l.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.exited:
	case <-time.After(stopLimit):
		t.Fatal("redoubt cluster does not end when interrupted")
	}
	for _, address := range l.addresses {
		if c, err := dial(address); err == nil {
			c.close()
			t.Errorf("a node still listens at %s after the end", address)
		}
	}
}
