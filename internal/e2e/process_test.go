//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is one server process, which may be ended and started again.
type process struct {
	id     int
	client string // where it listens for clients
	peer   string // where it listens for its peers
	dir    string
	args   []string
	log    string // a file that takes everything it prints, across restarts

	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
	paused bool
}

// start runs the process. It does not wait until it serves.
func (p *process) start(t testing.TB) {
	t.Helper()
	output, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd := exec.Command(binary, p.args...)
	cmd.Stdout, cmd.Stderr = output, output
	// A test run that is itself killed leaves nothing behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(exited)
	}()
	p.cmd, p.exited, p.paused = cmd, exited, false
}

func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill ends the process as a power cut would.
func (p *process) kill(t testing.TB) {
	t.Helper()
	if !p.running() {
		return
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("node %d: kill: %v", p.id, err)
	}
	<-p.exited
}

// stopLimit is how long a node may take to end in good order.
const stopLimit = 20 * time.Second

// stop ends the process in good order and returns its exit code.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("node %d: SIGTERM: %v", p.id, err)
	}
	select {
	case <-p.exited:
	case <-time.After(stopLimit):
		t.Fatalf("node %d has not ended %v after SIGTERM", p.id, stopLimit)
	}
	return p.cmd.ProcessState.ExitCode()
}

// pause stops the process where it stands, without its knowledge.
func (p *process) pause(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
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
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
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
func (p *process) logTail(lines int) string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}
