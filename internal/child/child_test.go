package child_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"redoubt/internal/child"
)

func start(t *testing.T, log, script string) *child.Process {
	t.Helper()
	p, err := child.Start(exec.Command("sh", "-c", script), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestAProcessPrintsIntoItsLogAndTellsHowItEnded(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	for _, word := range []string{"first", "second"} {
		p := start(t, log, "echo "+word+"; exit 3")
		<-p.Exited()
		if p.Running() || p.State().ExitCode() != 3 {
			t.Fatalf("running %v, ended with %v; want exit code 3", p.Running(), p.State())
		}
		if err := p.Signal(syscall.SIGTERM); err != nil {
			t.Fatalf("a signal to a process that has ended: %v", err)
		}
	}
	if tail := child.LogTail(log, 5); strings.Fields(tail)[0] != "first" || child.LogTail(log, 1) != "second" {
		t.Fatalf("the log ends with %q, want what both printed", tail)
	}
}

func TestKillWaitsForTheEnd(t *testing.T) {
	p := start(t, filepath.Join(t.TempDir(), "log"), "sleep 1000")
	if !p.Running() {
		t.Fatal("it does not run")
	}
	for range 2 { // the second finds nothing to do
		if err := p.Kill(); err != nil || p.Running() {
			t.Fatalf("after Kill: running %v, error %v", p.Running(), err)
		}
	}
	var never *child.Process
	if err := never.Kill(); err != nil || never.Running() {
		t.Fatal("a process that was never started can be killed, and does not run")
	}
}
