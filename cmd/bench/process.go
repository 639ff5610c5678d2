package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"redoubt/internal/child"
)

// process is one server process, which may be ended and started again.
type process struct {
	name    string // of the member, for people
	binary  string
	args    []string
	address string // where it listens for clients
	peer    string // where it listens for its peers; empty if that is address
	dir     string // its data
	log     string // a file that takes all that it prints, across restarts

	child *child.Process
}

// start runs the process. It does not wait until it serves.
func (p *process) start() error {
	cmd := exec.Command(p.binary, p.args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a signal of the terminal reaches us alone, who end the processes
	started, err := child.Start(cmd, p.log)
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	p.child = started
	return nil
}

func (p *process) running() bool { return p.child.Running() }

func (p *process) pid() int { return p.child.PID() }

// kill ends the process as a power cut would, if it runs.
func (p *process) kill() error {
	if err := p.child.Kill(); err != nil {
		return fmt.Errorf("%s: kill: %w", p.name, err)
	}
	return nil
}

// stopLimit is how long a process may take to end in good order.
const stopLimit = time.Minute

// stop asks the process to end and waits until it has.
func (p *process) stop(ctx context.Context) error {
	if !p.running() {
		return nil
	}
	if err := p.child.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("%s: SIGTERM: %w", p.name, err)
	}
	select {
	case <-p.child.Exited():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(stopLimit):
		return fmt.Errorf("%s has not ended %v after SIGTERM; it printed last:\n%s", p.name, stopLimit, p.logTail())
	}
}

// logTailLines is how much of a process's log an error shows.
const logTailLines = 15

// logTail returns the last lines that the process printed.
func (p *process) logTail() string { return child.LogTail(p.log, logTailLines) }

// endedError says that a process has ended that should run.
func (p *process) endedError() error {
	return fmt.Errorf("%s has ended (%v); it printed last:\n%s", p.name, p.child.State(), p.logTail())
}

// pollPause is the time between two looks at a condition.
const pollPause = 5 * time.Millisecond

// eventually waits until a condition holds, and says in the end why it did not.
func eventually(ctx context.Context, limit time.Duration, what string, condition func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := condition()
		if err == nil {
			return nil
		}
		var final finalError
		if errors.As(err, &final) || time.Now().After(deadline) {
			return fmt.Errorf("%s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollPause):
		}
	}
}

// finalError is one that waiting does not mend.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }
