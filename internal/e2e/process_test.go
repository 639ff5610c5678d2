//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"redoubt/internal/child"
)

// process is one server process, which may be ended and started again.
type process struct {
	id     int
	client string // where it listens for clients
	peer   string // where it listens for its peers
	dir    string
	args   []string
	log    string // a file that takes everything it prints, across restarts

	child  *child.Process
	paused bool
}

// start runs the process. It does not wait until it serves.
func (p *process) start(t testing.TB) {
	t.Helper()
	started, err := child.Start(exec.Command(binary, p.args...), p.log)
	if err != nil {
		t.Fatal(err)
	}
	p.child, p.paused = started, false
}

func (p *process) running() bool { return p.child.Running() }

func (p *process) pid() int { return p.child.PID() }

// kill ends the process as a power cut would.
func (p *process) kill(t testing.TB) {
	t.Helper()
	if err := p.child.Kill(); err != nil {
		t.Fatalf("node %d: kill: %v", p.id, err)
	}
}

// stopLimit is how long a node may take to end in good order.
const stopLimit = 20 * time.Second

// stop ends the process in good order and returns its exit code.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	if err := p.child.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("node %d: SIGTERM: %v", p.id, err)
	}
	select {
	case <-p.child.Exited():
	case <-time.After(stopLimit):
		t.Fatalf("node %d has not ended %v after SIGTERM", p.id, stopLimit)
	}
	return p.child.State().ExitCode()
}

// pause stops the process where it stands, without its knowledge.
func (p *process) pause(t testing.TB) {
	t.Helper()
	if err := p.child.Signal(syscall.SIGSTOP); err != nil {
		t.Fatalf("node %d: SIGSTOP: %v", p.id, err)
	}
	p.paused = true
	eventually(t, 5*time.Second, "a paused process stands still", func() error {
		if state := processState(p.pid()); state != "T" {
			return fmt.Errorf("process state %q", state)
		}
		return nil
	})
}

func (p *process) resume(t testing.TB) {
	t.Helper()
	if err := p.child.Signal(syscall.SIGCONT); err != nil {
		t.Fatalf("node %d: SIGCONT: %v", p.id, err)
	}
	p.paused = false
}

// processState returns the kernel's one-letter state of a process, or "".
func processState(pid int) string {
	fields := processFields(pid)
	if len(fields) == 0 {
		return ""
	}
	return fields[0]
}

// processFields returns what /proc says of a process after its name.
func processFields(pid int) []string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	// The name, in parentheses, may hold anything; the state follows the last one.
	_, rest, found := cutLast(string(stat), ") ")
	if !found {
		return nil
	}
	return strings.Fields(rest)
}

func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}

// logTail returns the last lines that the process printed.
func (p *process) logTail(lines int) string { return child.LogTail(p.log, lines) }
